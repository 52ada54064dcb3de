package recording

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"router-monitoring/tests/dashboards/household"
)

// Recording are scrapes, read into series.
type Recording struct {
	End    time.Time // of the last scrape
	series map[string]*household.Series
}

// staleNaN is the value by which Prometheus knows that a series has ended
// (model/value.StaleNaN there).
var staleNaN = math.Float64frombits(0x7ff0000000000002)

// New makes a recording without scrapes.
func New() *Recording {
	return &Recording{series: map[string]*household.Series{}}
}

// Add reads scrapes into the recording: metrics whose names begin with a prefix.
// They are moved in time so that they end when those do that were added first.
func (r *Recording) Add(scrapes []Scrape, prefix string) error {
	if len(scrapes) == 0 {
		return errors.New("a recording is empty")
	}
	last := scrapes[len(scrapes)-1].Time
	if r.End.IsZero() {
		r.End = last
	}
	return r.add(scrapes, r.End.Sub(last), prefix)
}

// Play hands over every series.
func (r *Recording) Play(emit func(household.Series) error) error {
	for _, s := range r.series {
		if err := emit(*s); err != nil {
			return err
		}
	}
	return nil
}

// add reads scrapes, moved in time. What the job's next scrape lacks has ended.
func (r *Recording) add(scrapes []Scrape, by time.Duration, prefix string) error {
	before := map[string]map[string]model.Metric{}
	for _, s := range scrapes {
		at := s.Time.Add(by).UnixMilli()
		now, err := r.addScrape(s, at, prefix)
		if err != nil {
			return err
		}
		for key, labels := range before[s.Job] {
			if now[key] == nil {
				r.put(labels, at, staleNaN)
			}
		}
		before[s.Job] = now
	}
	return nil
}

func (r *Recording) addScrape(s Scrape, at int64, prefix string) (seen map[string]model.Metric, err error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(s.Text))
	if err != nil {
		return nil, fmt.Errorf("scrape of %s at %v: %w", s.Job, s.Time, err)
	}
	seen = map[string]model.Metric{}
	for name, family := range families {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		samples, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{Timestamp: model.Time(at)}, family)
		if err != nil {
			return nil, fmt.Errorf("scrape of %s at %v: %w", s.Job, s.Time, err)
		}
		for _, sample := range samples {
			labels := model.Metric{"job": model.LabelValue(s.Job), "instance": "router", "router": "home"}
			for name, value := range sample.Metric {
				if value != "" { // an empty label is none
					labels[name] = value
				}
			}
			r.put(labels, at, float64(sample.Value))
			seen[labels.String()] = labels
		}
	}
	return seen, nil
}

func (r *Recording) put(labels model.Metric, at int64, value float64) {
	s := r.series[labels.String()]
	if s == nil {
		s = &household.Series{Labels: map[string]string{}}
		for name, value := range labels {
			s.Labels[string(name)] = string(value)
		}
		r.series[labels.String()] = s
	}
	s.Samples = append(s.Samples, household.Sample{Time: at, Value: value})
}
