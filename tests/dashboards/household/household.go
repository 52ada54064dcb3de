// Package household plays a household whose router the exporter and the node
// exporter watch: a month in hourly samples, then a day as Prometheus scrapes
// it. On that day the power fails for two minutes at night, somebody unpacks a
// vacuum cleaner, the exporter reloads its configuration, something deletes its
// table, the line drops and gets another address, and at the end a game console
// hogs the line. Every recording is the same.
package household

import (
	"fmt"
	"strconv"
	"time"

	"router-monitoring/tests/lab"
)

// Household is a recording.
type Household struct {
	clients []*client
	ticks   []time.Time
	down    []float64 // bytes of all clients together, at each tick
	up      []float64
}

// targets are the labels that scraping adds.
var (
	exporterTarget = map[string]string{"job": "network-metrics-exporter", "instance": "router:9101", "router": "home"}
	nodeTarget     = map[string]string{"job": "node", "instance": "router:9100", "router": "home"}
)

// New plays a household of so many clients, those of the lab's profile and
// copies of them.
func New(clients int) (*Household, error) {
	profile, err := lab.LoadProfile("n5105-25-clients")
	if err != nil {
		return nil, err
	}
	for _, c := range profile.Clients {
		if _, known := lives[c.Name]; !known {
			return nil, fmt.Errorf("the profile's client %s has no habits here", c.Name)
		}
	}
	h := &Household{ticks: ticks(Start, Scrape)}
	h.down, h.up = make([]float64, len(h.ticks)), make([]float64, len(h.ticks))
	for i := range clients {
		c := newClient(i, profile.Clients)
		h.clients = append(h.clients, c)
		h.add(c)
	}
	return h, nil
}

// add counts a client's bytes among the household's.
func (h *Household) add(c *client) {
	before := len(h.ticks) - len(c.ticks) // it joined later
	for i := range c.ticks {
		h.down[before+i] += c.down[i]
		h.up[before+i] += c.up[i]
	}
}

// Play hands over every series.
func (h *Household) Play(emit func(Series) error) error {
	var all []Series
	all = append(all, h.exporter()...)
	all = append(all, h.wan()...)
	all = append(all, h.node()...)
	for _, s := range all {
		if err := emit(s); err != nil {
			return err
		}
	}
	for _, c := range h.clients {
		for _, s := range c.series() {
			if err := emit(s); err != nil {
				return err
			}
		}
	}
	return nil
}

func label(n int) string { return strconv.Itoa(n) }

func constant(value float64) func(int) float64 { return func(int) float64 { return value } }
