package prometheus

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"router-monitoring/tests/dashboards/household"
)

// Rule records a series or alerts, as in a rule file.
type Rule struct {
	Record string            `yaml:"record"`
	Alert  string            `yaml:"alert"`
	Expr   string            `yaml:"expr"`
	For    model.Duration    `yaml:"for"`
	Labels map[string]string `yaml:"labels"`
}

// Group are rules that are evaluated in order.
type Group struct {
	Name     string         `yaml:"name"`
	Interval model.Duration `yaml:"interval"`
	Rules    []Rule         `yaml:"rules"`
}

// LoadRules reads rule files, those that others build upon first. Whether they
// are correct is tested elsewhere.
func LoadRules(paths ...string) (groups []Group, err error) {
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read rules: %w", err)
		}
		var file struct {
			Groups []Group `yaml:"groups"`
		}
		if err := yaml.Unmarshal(text, &file); err != nil {
			return nil, fmt.Errorf("read rules %s: %w", path, err)
		}
		groups = append(groups, file.Groups...)
	}
	return groups, nil
}

// Needed leaves only the rules that queries rest on, at first or second hand, and
// adds their expressions to the queries. A rule rests on rules before it.
func Needed(groups []Group, queries []string) (needed []Group, all []string) {
	all = slices.Clone(queries)
	for _, g := range slices.Backward(groups) {
		var rules []Rule
		for _, r := range slices.Backward(g.Rules) {
			if mentioned(r.series(), all) {
				rules = append(rules, r)
				all = append(all, r.Expr)
			}
		}
		slices.Reverse(rules)
		g.Rules = rules
		needed = append(needed, g)
	}
	slices.Reverse(needed)
	return needed, all
}

func mentioned(series string, in []string) bool {
	return slices.ContainsFunc(in, func(text string) bool { return strings.Contains(text, series) })
}

// series is the name of the series that a rule makes.
func (r Rule) series() string {
	if r.Record != "" {
		return r.Record
	}
	return "ALERTS"
}

// Evaluate lets the rules run over the past, as if Prometheus had had them all
// along: over the recording's month by the hour, over its last day at the
// groups' intervals, though not more often than atMost.
func (s *Server) Evaluate(ctx context.Context, groups []Group, atMost time.Duration) error {
	for _, g := range groups {
		interval := max(time.Duration(g.Interval), atMost)
		if g.Interval == 0 {
			interval = max(time.Minute, atMost)
		}
		spans := []Range{
			{household.Start, household.DayStart.Add(-time.Hour), time.Hour},
			{household.DayStart, household.End, interval},
		}
		for _, rule := range g.Rules {
			if err := s.evaluate(ctx, rule, spans); err != nil {
				return fmt.Errorf("rule %s%s: %w", rule.Record, rule.Alert, err)
			}
		}
	}
	return nil
}

func (s *Server) evaluate(ctx context.Context, rule Rule, spans []Range) error {
	w := s.Writer()
	for _, span := range spans {
		result, err := s.Range(ctx, rule.Expr, span)
		if err != nil {
			return err
		}
		for _, stream := range result.Series {
			for _, series := range rule.results(stream, span) {
				if err := w.Write(ctx, series); err != nil {
					return err
				}
			}
		}
	}
	return w.Flush(ctx)
}

// results are what a rule makes of a series of its expression: one of the new
// name, or the alert's states.
func (r Rule) results(from *model.SampleStream, span Range) []household.Series {
	labels := map[string]string{}
	for name, value := range from.Metric {
		labels[string(name)] = string(value)
	}
	for name, value := range r.Labels {
		labels[name] = value
	}
	labels["__name__"] = r.series()
	if r.Record != "" {
		recorded := household.Series{Labels: labels}
		for i, v := range from.Values {
			if i > 0 && v.Timestamp.Sub(from.Values[i-1].Timestamp) > span.Step {
				recorded.End(from.Values[i-1].Timestamp.Add(span.Step).Time())
			}
			recorded.Samples = append(recorded.Samples, household.Sample{Time: int64(v.Timestamp), Value: float64(v.Value)})
		}
		if next := from.Values[len(from.Values)-1].Timestamp.Add(span.Step).Time(); !next.After(span.To) {
			recorded.End(next)
		}
		return []household.Series{recorded}
	}
	labels["alertname"] = r.Alert
	return alerts(labels, from.Values, time.Duration(r.For), span)
}
