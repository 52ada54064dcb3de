package collector

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// constMetric is a prometheus.Metric of fixed value. Unlike those of
// prometheus.NewConstMetric, many can share one slice of labels: making and
// sorting labels for each was the larger part of a scrape.
type constMetric struct {
	desc   *prometheus.Desc
	kind   prometheus.ValueType
	value  float64
	labels []*dto.LabelPair // by name; never written to
}

// Desc implements prometheus.Metric.
func (m constMetric) Desc() *prometheus.Desc { return m.desc }

// Write implements prometheus.Metric.
func (m constMetric) Write(out *dto.Metric) error {
	out.Label = m.labels
	if m.kind == prometheus.CounterValue {
		out.Counter = &dto.Counter{Value: &m.value}
	} else {
		out.Gauge = &dto.Gauge{Value: &m.value}
	}
	return nil
}

// pairs joins names and values of labels, sorted by name as dto.Metric wants it.
func pairs(names, values []string) []*dto.LabelPair {
	block := make([]dto.LabelPair, len(names))
	out := make([]*dto.LabelPair, len(names))
	for i := range names {
		block[i].Name, block[i].Value = &names[i], &values[i]
		out[i] = &block[i]
	}
	return sorted(out)
}

func sorted(labels []*dto.LabelPair) []*dto.LabelPair {
	slices.SortFunc(labels, func(a, b *dto.LabelPair) int { return strings.Compare(a.GetName(), b.GetName()) })
	return labels
}
