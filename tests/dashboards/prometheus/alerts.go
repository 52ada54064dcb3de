package prometheus

import (
	"maps"
	"time"

	"github.com/prometheus/common/model"

	"router-monitoring/tests/dashboards/household"
)

// alerts are the ALERTS of an alert whose expression had these values: pending
// until it held for its time, then firing, until a value is missing.
func alerts(labels map[string]string, values []model.SamplePair, hold time.Duration, span Range) []household.Series {
	pending, firing := state(labels, "pending"), state(labels, "firing")
	var since, last model.Time
	for _, v := range values {
		if last == 0 || v.Timestamp.Sub(last) > span.Step {
			pending.end(last, span)
			firing.end(last, span)
			since = v.Timestamp
		}
		if v.Timestamp.Sub(since) >= hold {
			pending.end(last, span)
			firing.at(v.Timestamp)
		} else {
			pending.at(v.Timestamp)
		}
		last = v.Timestamp
	}
	pending.end(last, span)
	firing.end(last, span)
	return nonEmpty(pending.series, firing.series)
}

// active is an alert in one of its states.
type active struct {
	series household.Series
	on     bool
}

func state(labels map[string]string, name string) *active {
	labels = maps.Clone(labels)
	labels["alertstate"] = name
	return &active{series: household.Series{Labels: labels}}
}

func (a *active) at(t model.Time) {
	a.on = true
	a.series.Samples = append(a.series.Samples, household.Sample{Time: int64(t), Value: 1})
}

// end marks the series as over at the evaluation after its last sample.
func (a *active) end(last model.Time, span Range) {
	over := last.Add(span.Step)
	if a.on && !over.Time().After(span.To) {
		a.series.Samples = append(a.series.Samples, household.Sample{Time: int64(over), Value: household.Stale})
	}
	a.on = false
}

func nonEmpty(all ...household.Series) (some []household.Series) {
	for _, s := range all {
		if len(s.Samples) > 0 {
			some = append(some, s)
		}
	}
	return some
}
