package main

import (
	"errors"
	"fmt"
	"math"

	"router-monitoring/tests/lab"
)

// tcpTolerance is what the kernel's merging of segments and headers of unusual
// length may make between the lab's count and the router's.
const tcpTolerance = 0.05

// row is one client of the comparison.
type row struct {
	name       string
	exact      bool // UDP only: not a byte may differ
	sent, seen byDirection
	missing    string // why the exporter's figures are not usable
}

// comparison is the result of a demonstration.
type comparison struct {
	rows                    []row
	unattributed, forwarded byDirection
	allReported             byDirection // over every client series, known or not
}

// compare sets the truth beside what the exporter reports.
func compare(p lab.Profile, truth map[string]lab.Truth, r reported) comparison {
	c := comparison{unattributed: r.unattributed, forwarded: r.forwarded}
	for _, client := range p.Clients {
		internet := truth[client.Name].Sum(lab.Kind{Class: lab.Internet})
		row := row{
			name:  client.Name,
			exact: truth[client.Name].Sum(lab.Kind{Proto: lab.TCP}) == lab.Counts{},
			sent:  byDirection{internet.Up.Bytes, internet.Down.Bytes},
		}
		switch series := r.clients[client.Name]; len(series) {
		case 0:
			row.missing = "not reported"
		case 1:
			row.seen = series[0]
		default:
			row.missing = fmt.Sprintf("reported %d times", len(series))
		}
		c.rows = append(c.rows, row)
	}
	for _, series := range r.clients {
		for _, s := range series {
			c.allReported.up += s.up
			c.allReported.down += s.down
		}
	}
	return c
}

// err names every client and audit that is wrong.
func (c comparison) err() error {
	var all []error
	for _, r := range c.rows {
		if r.missing != "" {
			all = append(all, fmt.Errorf("%s: %s", r.name, r.missing))
			continue
		}
		all = append(all, r.check("up", r.sent.up, r.seen.up), r.check("down", r.sent.down, r.seen.down))
	}
	all = append(all, audit("up", c.allReported.up, c.unattributed.up, c.forwarded.up),
		audit("down", c.allReported.down, c.unattributed.down, c.forwarded.down))
	return errors.Join(all...)
}

func (r row) check(direction string, sent, seen uint64) error {
	allowed := tcpTolerance
	if r.exact {
		allowed = 0
	}
	if off := math.Abs(float64(seen) - float64(sent)); off > allowed*float64(sent) {
		return fmt.Errorf("%s: %s %d bytes sent, %d reported, more than %g %% apart", r.name, direction, sent, seen, allowed*100)
	}
	return nil
}

// audit checks that no forwarded byte is missing.
func audit(direction string, clients, unattributed, forwarded uint64) error {
	if clients+unattributed != forwarded {
		return fmt.Errorf("audit %s: clients %d + unattributed %d are not forwarded %d", direction, clients, unattributed, forwarded)
	}
	return nil
}
