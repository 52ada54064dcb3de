package collector

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"router-monitoring/exporter/internal/registry"
)

// Collector shows the metrics to client_golang, whose pedantic registry, lint
// and text encoder judge what Text writes.
type Collector struct {
	scrape func() Scrape
	names  []string // of the labels that all metrics of clients have
	extra  []string // values of those behind the fixed ones
	descs  map[*Metric]*prometheus.Desc
}

func newCollector(scrape func() Scrape, extra map[string]string) *Collector {
	c := &Collector{scrape: scrape, descs: map[*Metric]*prometheus.Desc{}}
	c.names = slices.Concat(clientLabels, slices.Sorted(maps.Keys(extra)))
	for _, name := range c.names[len(clientLabels):] {
		c.extra = append(c.extra, extra[name])
	}
	for _, m := range Metrics {
		c.descs[m] = prometheus.NewDesc(m.Name, m.Help, c.labels(m), nil)
	}
	return c
}

// labels are those of a metric in the order of the contract.
func (c *Collector) labels(m *Metric) []string {
	if m.OfClient() {
		return slices.Concat(c.names, m.Labels)
	}
	return m.Labels
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range Metrics {
		ch <- c.descs[m]
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	s := c.scrape()
	for _, m := range Metrics {
		var out samples
		if !m.OfClient() {
			m.single(&s, &out)
			c.send(ch, m, nil, &out)
			continue
		}
		for i := range s.Clients {
			m.client(&s.Clients[i], &out)
			c.send(ch, m, c.clientValues(&s.Clients[i]), &out)
			out.reset()
		}
	}
}

func (c *Collector) clientValues(v *registry.Client) []string {
	ip := ""
	if v.Addr.IsValid() {
		ip = v.Addr.String()
	}
	return slices.Concat([]string{ip, v.Name, v.MAC.String()}, c.extra)
}

func (c *Collector) send(ch chan<- prometheus.Metric, m *Metric, client []string, out *samples) {
	types := map[Type]prometheus.ValueType{counter: prometheus.CounterValue, gauge: prometheus.GaugeValue}
	n := len(m.Labels)
	for i, v := range out.values {
		labels := slices.Concat(client, out.labels[i*n:(i+1)*n])
		for j := range labels { // NewConstMetric takes UTF-8 only
			labels[j] = strings.ToValidUTF8(labels[j], "\uFFFD")
		}
		ch <- prometheus.MustNewConstMetric(c.descs[m], types[m.Type], v, labels...)
	}
}

// order puts the labels of gathered series, sorted by name, into the order of
// the contract.
func (c *Collector) order(families []*dto.MetricFamily) {
	for _, f := range families {
		m := Metrics[slices.IndexFunc(Metrics, func(m *Metric) bool { return m.Name == f.GetName() })]
		place := map[string]int{}
		for i, l := range c.labels(m) {
			place[l] = i
		}
		for _, s := range f.Metric {
			slices.SortFunc(s.Label, func(a, b *dto.LabelPair) int { return cmp.Compare(place[a.GetName()], place[b.GetName()]) })
		}
	}
}
