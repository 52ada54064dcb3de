// Package collector exposes snapshots of the registry as Prometheus metrics. It
// is the only package that knows Prometheus' metric types.
package collector

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"router-monitoring/exporter/internal/registry"
	"router-monitoring/exporter/internal/sample"
)

// Scrape is all that one scrape shows.
type Scrape struct {
	*registry.Snapshot
	Sources            []Source
	Hook, Table        string // of the accounting in force; empty while nothing is counted
	Repairs            uint64
	ConfigReloadFailed bool
	ConfigLoaded       time.Time
}

// Source is the state of one source of samples.
type Source struct {
	Name     string
	Up       bool
	Duration time.Duration // of the last reading
}

// Collector implements prometheus.Collector.
type Collector struct {
	scrape func() Scrape
	now    func() time.Time
	names  []string // of the labels that all metrics of clients have
	extra  []string // values of those behind the fixed ones
	descs  map[*Metric]*prometheus.Desc
}

// New returns a collector that calls scrape, from many goroutines at once, each
// time it is collected. The extra labels go to all series of clients.
func New(scrape func() Scrape, extra map[string]string) *Collector {
	c := &Collector{scrape: scrape, now: time.Now, descs: map[*Metric]*prometheus.Desc{}}
	c.names = clientLabels
	for _, n := range slices.Sorted(maps.Keys(extra)) {
		c.names = append(slices.Clip(c.names), n)
		c.extra = append(c.extra, extra[n])
	}
	for _, m := range Metrics {
		labels := m.Labels
		if m.Client {
			labels = slices.Concat(c.names, m.Labels)
		}
		c.descs[m] = prometheus.NewDesc(m.Name, m.Help, labels, nil)
	}
	return c
}

// Describe sends the descriptions of all metrics.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range Metrics {
		ch <- c.descs[m]
	}
}

// Collect sends one scrape.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	start := c.now()
	s := c.scrape()
	out := emitter{c, ch}
	for i := range s.Clients {
		out.client(&s.Clients[i])
	}
	out.totals(s.Snapshot)
	out.exporter(&s)
	out.send(scrapeDuration, c.now().Sub(start).Seconds())
}

type emitter struct {
	*Collector
	ch chan<- prometheus.Metric
}

func (e emitter) send(m *Metric, v float64, labels ...string) {
	e.ch <- constMetric{e.descs[m], m.Type, v, pairs(m.Labels, labels)}
}

func (e emitter) client(c *registry.Client) {
	// Most of a client's metrics have the same labels: one slice serves them all.
	own := pairs(e.names, append([]string{addr(c), c.Name, c.MAC.String()}, e.extra...))
	send := func(m *Metric, v float64, more ...string) {
		labels := own
		if len(more) > 0 {
			labels = sorted(append(pairs(m.Labels, more), own...))
		}
		e.ch <- constMetric{e.descs[m], m.Type, v, labels}
	}
	count := func(m *Metric, v uint64) { send(m, float64(v)) }

	const up, down = sample.Upload, sample.Download
	count(clientRxBytes, c.Internet[down].Bytes)
	count(clientTxBytes, c.Internet[up].Bytes)
	count(clientRxPackets, c.Internet[down].Packets)
	count(clientTxPackets, c.Internet[up].Packets)
	count(clientIPv6RxBytes, c.IPv6[down].Bytes)
	count(clientIPv6TxBytes, c.IPv6[up].Bytes)
	if c.Local != (sample.ByDirection{}) {
		count(clientLocalRxBytes, c.Local[down].Bytes)
		count(clientLocalTxBytes, c.Local[up].Bytes)
	}
	count(clientConnections, c.Connections.Sum())
	send(clientConnectionsByProtocol, float64(c.Connections.TCP), "tcp")
	send(clientConnectionsByProtocol, float64(c.Connections.UDP), "udp")
	send(clientConnectionsByProtocol, float64(c.Connections.ICMP), "icmp")
	send(clientConnectionsByProtocol, float64(c.Connections.Other), "other")
	send(clientOnline, oneIf(c.Online))
	if !c.LastSeen.IsZero() {
		send(clientLastSeen, unix(c.LastSeen))
		send(clientLastSeenOld, unix(c.LastSeen))
		send(clientFirstSeen, unix(c.FirstSeen))
	}
	send(clientInfo, 1, c.Type, string(c.NameSource), c.Interface, strconv.FormatBool(c.MAC.IsRandom()))
}

func (e emitter) totals(s *registry.Snapshot) {
	online := 0
	for i := range s.Clients {
		if s.Clients[i].Online {
			online++
		}
	}
	e.send(clients, float64(len(s.Clients)))
	e.send(clientsOnline, float64(online))
	for d, name := range directions {
		e.send(forwardedBytes, float64(s.Forwarded[d].Bytes), name)
		e.send(unattributedBytes, float64(s.Unattributed.Overflow[d].Bytes), name, "overflow")
		e.send(unattributedBytes, float64(s.Unattributed.Excluded[d].Bytes), name, "excluded")
		e.send(unattributedBytes, float64(s.Unattributed.Unsolicited[d].Bytes), name, "unsolicited")
		e.send(unattributedBytes, float64(s.Unattributed.Evicted[d].Bytes), name, "evicted")
	}
	e.send(routerRxBytes, float64(s.Router[sample.Download].Bytes))
	e.send(routerTxBytes, float64(s.Router[sample.Upload].Bytes))
	e.send(identityConflicts, float64(s.Conflicts))
	if s.Connections != nil {
		e.send(conntrackEntries, float64(s.Connections.Entries))
		if s.Connections.Limit > 0 {
			e.send(conntrackEntriesLimit, float64(s.Connections.Limit))
		}
	}
}

func (e emitter) exporter(s *Scrape) {
	up := true
	for _, src := range s.Sources {
		up = up && src.Up
		e.send(sourceUp, oneIf(src.Up), src.Name)
		e.send(sourceDuration, src.Duration.Seconds(), src.Name)
	}
	e.send(exporterUp, oneIf(up))
	if s.Hook != "" {
		e.send(accountingInfo, 1, s.Hook, s.Table)
	}
	e.send(accountingRepairs, float64(s.Repairs))
	e.send(configReloadSuccessful, oneIf(!s.ConfigReloadFailed))
	e.send(configReloadTime, unix(s.ConfigLoaded))
}

// directions are the values of the label direction, seen from the clients.
var directions = [sample.Directions]string{sample.Upload: "tx", sample.Download: "rx"}

func addr(c *registry.Client) string {
	if !c.Addr.IsValid() {
		return ""
	}
	return c.Addr.String()
}

func unix(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
