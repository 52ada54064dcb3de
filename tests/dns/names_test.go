package dns

import (
	"bufio"
	"flag"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the metrics' names into dashboards/testdata instead of comparing")

// What the exporters expose is committed, for the linter of the dashboards.
const namesFile = "../../dashboards/testdata/service-metrics.txt"

// names are metrics that exporters expose, with their kinds.
type names struct {
	mu    sync.Mutex
	kinds map[string]string
}

var (
	typeLine = regexp.MustCompile(`^# TYPE ((\w+?)_\w+) (\w+)$`)
	runtimes = []string{"go", "process", "promhttp"} // exposed by every exporter

	// dnsmasq's exporter calls everything a gauge. These only rise.
	rising = regexp.MustCompile(`^dnsmasq_(auth|evictions|hits|insertions|misses|servers_queries.*)$`)
)

// add notes what a server's exporter exposes.
func (n *names) add(t *testing.T, s server) {
	t.Helper()
	resp, err := http.Get("http://" + s.target + s.path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	n.mu.Lock()
	defer n.mu.Unlock()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		m := typeLine.FindStringSubmatch(lines.Text())
		if m == nil || slices.Contains(runtimes, m[2]) {
			continue
		}
		switch name, kind := m[1], m[3]; {
		case kind == "histogram":
			for _, part := range []string{"_bucket", "_count", "_sum"} {
				n.kinds[name+part] = "counter"
			}
		case rising.MatchString(name):
			n.kinds[name] = "counter"
		default:
			n.kinds[name] = kind
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

// compare compares with what is committed, or commits it. Lines of programs that
// did not run stay.
func (n *names) compare(t *testing.T) {
	if t.Failed() || t.Skipped() {
		return
	}
	text, err := os.ReadFile(namesFile)
	if err != nil {
		t.Fatal(err)
	}
	ran := map[string]bool{}
	var want []string
	for name, kind := range n.kinds {
		want = append(want, fmt.Sprintf("%s %s", name, kind))
		ran[program(name)] = true
	}
	var comment, got []string
	for line := range strings.Lines(string(text)) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "#"):
			comment = append(comment, line)
		case ran[program(line)]:
			got = append(got, line)
		default:
			want, got = append(want, line), append(got, line)
		}
	}
	slices.Sort(want)
	if *update {
		lines := strings.Join(append(comment, want...), "\n") + "\n"
		if err := os.WriteFile(namesFile, []byte(lines), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("%s (-committed +exposed now): go test ./tests/dns -update\n%s", namesFile, diff)
	}
}

// program is the first word of a metric's name.
func program(name string) string {
	first, _, _ := strings.Cut(name, "_")
	return first
}
