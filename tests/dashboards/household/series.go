package household

import (
	"math"
	"time"
)

// Series is one time series as Prometheus keeps it: labels, the metric's name
// among them, and samples at increasing times.
type Series struct {
	Labels  map[string]string
	Samples []Sample
}

// Sample is a value at a time in milliseconds.
type Sample struct {
	Time  int64
	Value float64
}

// Stale is the value that ends a series (value.StaleNaN of Prometheus): without
// it the last one would look current for five more minutes.
var Stale = math.Float64frombits(0x7ff0000000000002)

// End marks the series as over.
func (s *Series) End(t time.Time) { s.Samples = append(s.Samples, Sample{t.UnixMilli(), Stale}) }

// metric is a series about to be recorded: its name and, in pairs, the labels
// it has beside the target's.
type metric struct {
	target map[string]string
	name   string
	labels []string
}

// record evaluates the metric at every tick.
func (m metric) record(ticks []time.Time, value func(i int) float64) Series {
	labels := map[string]string{"__name__": m.name}
	for name, value := range m.target {
		labels[name] = value
	}
	for i := 0; i < len(m.labels); i += 2 {
		if m.labels[i+1] != "" { // an empty label is none
			labels[m.labels[i]] = m.labels[i+1]
		}
	}
	s := Series{Labels: labels, Samples: make([]Sample, len(ticks))}
	for i, t := range ticks {
		s.Samples[i] = Sample{t.UnixMilli(), value(i)}
	}
	return s
}
