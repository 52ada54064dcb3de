package prometheus

import (
	"context"
	"time"

	"router-monitoring/tests/dashboards/household"
)

// Replay is a recording that Prometheus is given.
type Replay struct {
	Recording Recording
	Rules     []Group       // which need a household's recording
	Interval  time.Duration // the least one of the rules' evaluations
	Queries   []string      // what nobody asks for is left out; none: nothing is
}

// Recording hands over every series.
type Recording interface {
	Play(emit func(household.Series) error) error
}

// Replay writes the recording, then what the rules make of it.
func (s *Server) Replay(ctx context.Context, r Replay) error {
	rules, queries := r.Rules, r.Queries
	if len(queries) > 0 {
		rules, queries = Needed(rules, queries)
	}
	w := s.Writer()
	err := r.Recording.Play(func(series household.Series) error {
		if len(queries) > 0 && !mentioned(series.Labels["__name__"], queries) {
			return nil
		}
		return w.Write(ctx, series)
	})
	if err != nil {
		return err
	}
	if err := w.Flush(ctx); err != nil {
		return err
	}
	return s.Evaluate(ctx, rules, r.Interval)
}
