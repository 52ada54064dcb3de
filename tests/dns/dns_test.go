package dns

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"router-monitoring/tests/dashboards/prometheus"
)

const (
	window = 8 * time.Second // of rates
	lead   = 8 * time.Second // before it: Prometheus looks for targets every 5 s
	pace   = 10              // rounds of questions each second
)

// Of each round, a question is answered from the cache, one is not, one is on the
// list, and one is refused.
func round(n int) []string {
	return []string{"hot.example.net", fmt.Sprintf("n%d.example.net", n), "ads.example.net", fmt.Sprintf("n%d.example.org", n)}
}

// What each section has to show of that, by panel and legend.
var wanted = map[string]map[string]float64{
	"dns-unbound": {
		"Queries: from the cache":                 2 * pace,
		"Queries: asked for":                      2 * pace,
		"Answered from the cache: from the cache": 0.5,
		"Without an answer: SERVFAIL":             pace,
		"Without an answer: NXDOMAIN":             0,
		"Without an answer: dropped":              0,
	},
	"dns-dnsmasq": {
		"Queries: by itself":                 2 * pace,
		"Queries: asked for":                 2 * pace,
		"Answered by itself: by itself":      0.5,
		"Servers asked: UPSTREAM":            3 * pace, // again, after a refusal
		"Without an answer: UPSTREAM failed": pace,
		"Without an answer: evictions":       0,
	},
	"dns-adguard": {
		"Queries: answered":         3 * pace,
		"Queries: blocked by lists": pace,
		"Queries: dangerous":        0,
		"Queries: for adults":       0,
		"Blocked: blocked":          0.25,
	},
	"dns-blocky": {
		"Queries: CACHED":                            pace,
		"Queries: BLOCKED":                           pace,
		"Queries: RESOLVED":                          2 * pace,
		"Blocked and from the cache: blocked":        0.25,
		"Blocked and from the cache: from the cache": 1. / 3,
		"Lists: names blocked":                       1,
		"Lists: blocking":                            1,
		"Queries by client: 127.0.0.1":               4 * pace,
		"Errors: no answer":                          0,
		"Errors: REFUSED":                            pace,
		"Errors: lists":                              0,
	},
}

func TestSections(t *testing.T) {
	found := &names{kinds: map[string]string{}}
	t.Cleanup(func() { found.compare(t) })
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port := upstream(t)
			s := start(t, t.TempDir(), port)
			s.up(t)
			p := scraping(t, s)
			end := load(t, s)
			found.add(t, s)
			got := values(t, p, name, end)
			for _, what := range slices.Sorted(maps.Keys(got)) {
				t.Logf("%-50s %g", what, got[what])
			}
			for what, want := range wanted[name] {
				what = strings.ReplaceAll(what, "UPSTREAM", "127.0.0.1#"+port)
				value, ok := got[what]
				if !ok || math.Abs(value-want) > 0.15*want {
					t.Errorf("%s: %g, want %g", what, value, want)
				}
			}
			for what, value := range got {
				if strings.HasPrefix(what, "Time to answer") && !(value > 0 && value < 1) {
					t.Errorf("%s: %g s", what, value)
				}
			}
		})
	}
}

// load asks for longer than the window and gives the time of the last question.
func load(t *testing.T, s server) time.Time {
	t.Helper()
	ticks := time.NewTicker(time.Second / pace)
	defer ticks.Stop()
	rounds := int((lead + window).Seconds()) * pace
	for n := range rounds {
		<-ticks.C
		for _, name := range round(n) {
			if err := s.ask(name); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	return time.Now()
}

// scraping starts a Prometheus that asks a server's exporter twice a second.
func scraping(t *testing.T, s server) *prometheus.Server {
	t.Helper()
	dir, at := t.TempDir(), address(freePort(t))
	path, query, _ := strings.Cut(s.path, "?")
	config := write(t, dir, "prometheus.yml", `
global: {scrape_interval: 500ms}
scrape_configs:
- job_name: dns
  metrics_path: %s
  params: {%s}
  static_configs: [{targets: ["%s"], labels: {router: test}}]
`, path, parameters(query), s.target)
	run(t, dir, "prometheus", "--config.file="+config, "--web.listen-address="+at, "--storage.tsdb.path="+dir)
	answers(t, "http://"+at+"/-/ready")
	return prometheus.At("http://" + at)
}

// parameters are those of a URL as Prometheus' configuration has them.
func parameters(query string) string {
	var all []string
	for parameter := range strings.SplitSeq(query, "&") {
		if name, value, found := strings.Cut(parameter, "="); found {
			all = append(all, fmt.Sprintf("%s: [%q]", name, value))
		}
	}
	return strings.Join(all, ", ")
}
