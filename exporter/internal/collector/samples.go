package collector

import (
	"time"

	"router-monitoring/exporter/internal/sample"
)

// samples takes the samples of one metric, or of one metric of one client. It is
// used over and over, so that no sample costs memory of its own.
type samples struct {
	values []float64
	labels []string // values of the metric's own labels, sample after sample
}

func (s *samples) reset() { s.values, s.labels = s.values[:0], s.labels[:0] }

func (s *samples) add(v float64, labels ...string) {
	s.values = append(s.values, v)
	s.labels = append(s.labels, labels...)
}

func (s *samples) count(v uint64, labels ...string) { s.add(float64(v), labels...) }

func (s *samples) bool(b bool, labels ...string) {
	v := 0.0
	if b {
		v = 1
	}
	s.add(v, labels...)
}

// time adds a Unix time, and nothing for the zero time, which means never.
func (s *samples) time(t time.Time, labels ...string) {
	if !t.IsZero() {
		s.add(float64(t.UnixMilli())/1000, labels...)
	}
}

// bytes adds a sample for each direction, their first label.
func (s *samples) bytes(t sample.ByDirection, more ...string) {
	for d, name := range directions {
		s.values = append(s.values, float64(t[d].Bytes))
		s.labels = append(append(s.labels, name), more...)
	}
}

// directions are the values of the label direction, seen from the clients.
var directions = [sample.Directions]string{sample.Upload: "tx", sample.Download: "rx"}
