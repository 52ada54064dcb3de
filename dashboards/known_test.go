package dashboards

import (
	"bufio"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// vocabulary is what Grafana knows. It ignores whatever else a dashboard says,
// without a word.
type vocabulary struct {
	Dashboard, Panel, Target, Defaults                     []string // keys
	Units, ColorModes, Matchers, Reducers, Transformations []string
	Panels                                                 map[string]struct{ Options, Custom []string }
}

// known is what a dashboard may name.
type known struct {
	vocabulary
	counters   map[string]bool                // metrics, true for counters
	dashboards map[string]map[string]struct{} // variables by the dashboard's uid
}

func readKnown(t *testing.T, dashboards ...*dashboard) *known {
	t.Helper()
	k := &known{counters: map[string]bool{
		"ALERTS": false, "up": false, // Prometheus' own
	}}
	raw, err := os.ReadFile("testdata/vocabulary.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &k.vocabulary); err != nil {
		t.Fatalf("read the vocabulary: %v", err)
	}
	maps.Copy(k.counters, exporterMetrics(t))
	maps.Copy(k.counters, nodeExporterMetrics(t))
	maps.Copy(k.counters, serviceMetrics(t))
	maps.Copy(k.counters, recordedSeries(t))
	k.dashboards = map[string]map[string]struct{}{}
	for _, d := range dashboards {
		k.dashboards[d.UID] = map[string]struct{}{}
		for _, v := range d.Templating.List {
			k.dashboards[d.UID][v.Name] = struct{}{}
		}
	}
	return k
}

var metricRow = regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (counter|gauge) \\|")

var serviceRow = regexp.MustCompile(`(?m)^(\w+) (counter|gauge)$`)

func exporterMetrics(t *testing.T) map[string]bool {
	t.Helper()
	raw, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	metrics := map[string]bool{}
	for _, row := range metricRow.FindAllStringSubmatch(string(raw), -1) {
		metrics[row[1]] = row[2] == "counter"
	}
	if len(metrics) == 0 {
		t.Fatal("docs/metrics.md has no table of metrics")
	}
	return metrics
}

// nodeExporterMetrics go by the name: what ends in _total counts.
func nodeExporterMetrics(t *testing.T) map[string]bool {
	t.Helper()
	file, err := os.Open("../alerts/testdata/node-exporter-metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	metrics := map[string]bool{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if name, _, _ := strings.Cut(strings.TrimSpace(lines.Text()), " "); strings.HasPrefix(name, "node_") {
			metrics[name] = strings.HasSuffix(name, "_total")
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return metrics
}

// serviceMetrics are those of DNS servers and the like, which say whether they count.
func serviceMetrics(t *testing.T) map[string]bool {
	t.Helper()
	raw, err := os.ReadFile("testdata/service-metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	metrics := map[string]bool{}
	for _, row := range serviceRow.FindAllStringSubmatch(string(raw), -1) {
		metrics[row[1]] = row[2] == "counter"
	}
	return metrics
}

func recordedSeries(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("../alerts/*.rules.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no rules in ../alerts (%v)", err)
	}
	series := map[string]bool{}
	for _, file := range files {
		groups, errs := rulefmt.ParseFile(file, false, model.UTF8Validation, parser.NewParser(parser.Options{}))
		if len(errs) > 0 {
			t.Fatalf("%s: %v", file, errs)
		}
		for _, group := range groups.Groups {
			for _, rule := range group.Rules {
				if rule.Record != "" {
					series[rule.Record] = false
				}
			}
		}
	}
	return series
}
