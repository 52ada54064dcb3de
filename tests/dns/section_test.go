package dns

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"router-monitoring/tests/dashboards/prometheus"
)

// panel is what a section asks of Prometheus.
type panel struct {
	Title   string
	Targets []struct{ Expr, LegendFormat string }
}

// section reads a part of the dashboard Router.
func section(t *testing.T, name string) []panel {
	t.Helper()
	text, err := os.ReadFile("../../dashboards/router/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var part struct{ Panels []panel }
	if err := json.Unmarshal(text, &part); err != nil {
		t.Fatal(err)
	}
	return part.Panels
}

// values evaluates all queries of a section: by panel, and what the legend says of
// the series. A window is as long as the test's.
func values(t *testing.T, p *prometheus.Server, name string, at time.Time) map[string]float64 {
	t.Helper()
	found := map[string]float64{}
	for _, panel := range section(t, name) {
		for _, target := range panel.Targets {
			expr := strings.NewReplacer("$__rate_interval", window.String(), "$__range", window.String(), "$router", ".*").Replace(target.Expr)
			result, err := p.Instant(t.Context(), expr, at)
			if err != nil {
				t.Fatalf("%s: %v\n%s", panel.Title, err, expr)
			}
			for _, s := range result.Series {
				legend := target.LegendFormat
				for label, value := range s.Metric {
					legend = strings.ReplaceAll(legend, "{{"+string(label)+"}}", string(value))
				}
				found[panel.Title+": "+legend] = float64(s.Values[0].Value)
			}
		}
	}
	return found
}
