package collector

import (
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"router-monitoring/exporter/internal/registry"
	"router-monitoring/exporter/internal/sample"
)

var update = flag.Bool("update", false, "write the golden files and the docs anew")

// example is a household at one moment: a TV with all there is to show, a client
// known by MAC alone, one known by address alone, one only declared, and one
// whose name needs escaping.
func example() Scrape {
	now := time.Unix(1_800_000_000, 0)
	addr := netip.MustParseAddr
	pair := func(up, down uint64) sample.ByDirection {
		return sample.ByDirection{sample.Upload: {Bytes: up, Packets: up / 1000}, sample.Download: {Bytes: down, Packets: down / 1000}}
	}
	return Scrape{
		Snapshot: &registry.Snapshot{
			Time: now,
			Clients: []registry.Client{
				{
					Name: "tv", NameSource: registry.NameDeclared, Type: "tv", MAC: sample.MAC{0x52, 0x54, 0, 0, 0, 1},
					Addr: addr("192.168.1.20"), Addrs: []netip.Addr{addr("192.168.1.20"), addr("fd00:1::20")}, Interface: "br-lan",
					Totals:      registry.Totals{Internet: pair(1_000_000, 5_000_000_000), IPv6: pair(400_000, 2_000_000_000), Local: pair(3000, 4000)},
					Connections: sample.Protocols{TCP: 12, UDP: 3, ICMP: 1}, Online: true,
					FirstSeen: now.Add(-time.Hour), LastSeen: now.Add(-1500 * time.Millisecond),
				},
				{Name: "10.0.0.5", NameSource: registry.NameAddress, Addr: addr("10.0.0.5"), Totals: registry.Totals{Internet: pair(10, 20)}},
				{Name: "not there yet", NameSource: registry.NameDeclared, Addr: addr("192.168.1.30"), Interface: "br-lan"},
				{Name: "quote\"back\\slash", NameSource: registry.NameDeclared, MAC: sample.MAC{2, 0, 0, 0, 0, 9}},
			},
			Forwarded: pair(1_000_310, 5_000_000_720), Router: pair(77, 88), Conflicts: 3,
			Unattributed: registry.Unattributed{
				Overflow: pair(100, 200), Excluded: pair(200, 300), Unsolicited: pair(0, 200),
			},
			Connections: &sample.Connections{Entries: 40, Limit: 262144},
		},
		Sources: []Source{{"accounting", true, 300 * time.Microsecond}, {"conntrack", false, 0}},
		Hook:    "forward", Table: "network_metrics", Repairs: 2, ConfigLoaded: now.Add(-time.Minute),
	}
}

func gatherer(t *testing.T) *prometheus.Registry {
	t.Helper()
	c := New(example, map[string]string{"location": "home", "floor": "2"})
	c.now = func() time.Time { return time.Unix(0, 0) }
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(c)
	return reg
}

func TestScrape(t *testing.T) {
	families, err := gatherer(t).Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&got, f); err != nil {
			t.Fatal(err)
		}
	}
	compare(t, "testdata/scrape.txt", got.String())
	for _, m := range Metrics {
		if !strings.Contains(got.String(), "# HELP "+m.Name+" ") {
			t.Errorf("%s is missing from the example scrape", m.Name)
		}
	}
}

func TestLint(t *testing.T) {
	problems, err := testutil.GatherAndLint(gatherer(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if p.Metric != clientLastSeenOld.Name { // its name is older than the rules
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

func TestDescribeNamesEveryMetric(t *testing.T) {
	ch := make(chan *prometheus.Desc, 2*len(Metrics))
	New(example, nil).Describe(ch)
	if len(ch) != len(Metrics) {
		t.Errorf("%d descriptions of %d metrics", len(ch), len(Metrics))
	}
}

// TestDocs keeps docs/metrics.md the same as the collector's own descriptions.
func TestDocs(t *testing.T) {
	const path = "../../../docs/metrics.md"
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- metrics: begin -->\n", "<!-- metrics: end -->"
	head, rest, ok1 := strings.Cut(string(doc), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s lacks the marks around the tables", path)
	}
	compare(t, path, head+begin+tables()+end+tail)
}

func tables() string {
	var b strings.Builder
	for _, part := range []struct {
		title  string
		client bool
	}{{"For each client", true}, {"For the router and the exporter", false}} {
		b.WriteString("\n### " + part.title + "\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n")
		for _, m := range Metrics {
			if m.Client != part.client {
				continue
			}
			typ := "gauge"
			if m.Type == prometheus.CounterValue {
				typ = "counter"
			}
			var labels []string
			for _, l := range m.Labels {
				labels = append(labels, "`"+l+"`")
			}
			b.WriteString("| `" + m.Name + "` | " + typ + " | " + strings.Join(labels, ", ") + " | " + m.Help + " |\n")
		}
	}
	b.WriteString("\n")
	return b.String()
}

func compare(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s is out of date; if the change is meant, run go test ./exporter/internal/collector -update (-file +now):\n%s", path, diff)
	}
}

func TestExtraLabelsFollowTheFixedOnes(t *testing.T) {
	c := New(example, map[string]string{"b": "2", "a": "1"})
	if !slices.Equal(c.extra, []string{"1", "2"}) {
		t.Errorf("values %v are not in the order of their names", c.extra)
	}
}

func BenchmarkCollect(b *testing.B) {
	for _, n := range []int{25, 4096} {
		b.Run(fmt.Sprintf("clients=%d", n), func(b *testing.B) { benchmarkCollect(b, n) })
	}
}

func benchmarkCollect(b *testing.B, n int) {
	s := example()
	one := s.Clients[0]
	s.Clients = nil
	for i := range n {
		one.Addr = netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		s.Clients = append(s.Clients, one)
	}
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(New(func() Scrape { return s }, nil))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := reg.Gather(); err != nil {
			b.Fatal(err)
		}
	}
}
