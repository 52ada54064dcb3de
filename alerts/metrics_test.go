package alerts

import (
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
)

// TestMetricsExist makes sure that no rule and no test waits for a metric that
// nobody exposes.
func TestMetricsExist(t *testing.T) {
	all := rules(t)
	known := map[string]bool{"up": true}
	for _, row := range regexp.MustCompile("(?m)^\\| `(network_\\w+)` \\|").FindAllStringSubmatch(read(t, "../docs/metrics.md"), -1) {
		known[row[1]] = true
	}
	for name := range strings.FieldsSeq(read(t, "testdata/node-exporter-metrics.txt")) {
		known[name] = true
	}
	for _, r := range all {
		known[r.Record] = true
	}
	used := map[string]bool{}
	for _, r := range all {
		for _, name := range metricsOf(t, r.Expr) {
			used[name] = true
			if !known[name] {
				t.Errorf("%s: %s uses %s, which nobody exposes", r.file, r.name(), name)
			}
		}
	}
	for file, test := range unitTests(t) {
		for _, s := range test.series() {
			for _, name := range metricsOf(t, s) {
				if !known[name] {
					t.Errorf("%s feeds %s, which nobody exposes", file, name)
				}
			}
		}
	}
	for _, r := range all {
		if strings.HasPrefix(r.Record, threshold) && !used[r.Record] {
			t.Errorf("no alert uses %s", r.Record)
		}
	}
}

func metricsOf(t *testing.T, promQL string) (names []string) {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(promQL)
	if err != nil {
		t.Fatalf("%s: %v", promQL, err)
	}
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok {
			if s.Name == "" {
				t.Errorf("%s names no metric in %s", promQL, s)
			}
			names = append(names, s.Name)
		}
		return nil
	})
	return names
}

const threshold = "router_monitoring:threshold:"

// TestThresholds makes sure that thresholds are plain numbers in a file of their
// own, so that it can be replaced.
func TestThresholds(t *testing.T) {
	for _, r := range rules(t) {
		here := r.file == "thresholds.rules.yml"
		if here != strings.HasPrefix(r.Record, threshold) {
			t.Errorf("%s: %s", r.file, r.name())
		}
		if here && !regexp.MustCompile(`^vector\([0-9e.* ]+\)$`).MatchString(r.Expr) {
			t.Errorf("%s is no number: %s", r.Record, r.Expr)
		}
	}
}
