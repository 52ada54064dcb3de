package collector

import (
	"flag"
	"math"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"router-monitoring/exporter/internal/registry"
	"router-monitoring/exporter/internal/sample"
)

var update = flag.Bool("update", false, "write the golden files and the docs anew")

// example is a household at one moment: a TV with all there is to show, a client
// known by MAC alone, one known by address alone, one only declared, and one
// whose name needs escaping.
func example() Scrape {
	now, declined := time.Unix(1_800_000_000, 0), 1.0
	addr := netip.MustParseAddr
	pair := func(up, down uint64) sample.ByDirection {
		return sample.ByDirection{sample.Upload: {Bytes: up, Packets: up / 1000}, sample.Download: {Bytes: down, Packets: down / 1000}}
	}
	return Scrape{
		Snapshot: &registry.Snapshot{
			Time: now,
			Clients: []registry.Client{
				{
					Name: "10.0.0.5", NameSource: registry.NameAddress, Addr: addr("10.0.0.5"), Totals: registry.Totals{Internet: pair(10, 20)},
					Lifetime: pair(110, 220), Period: pair(10, 20), Baseline: true, FirstSeen: now.Add(-time.Hour), LastSeen: now.Add(-time.Minute),
				},
				{
					Name: "tv", NameSource: registry.NameDeclared, Type: "tv", MAC: sample.MAC{0x52, 0x54, 0, 0, 0, 1}, Vendor: "Realtek",
					Addr: addr("192.168.1.20"), Addrs: []netip.Addr{addr("192.168.1.20"), addr("fd00:1::20")}, Interface: "br-lan",
					Totals:   registry.Totals{Internet: pair(1_000_000, 5_000_000_000), IPv6: pair(400_000, 2_000_000_000), Local: pair(3000, 4000)},
					Lifetime: pair(7_000_000, 90_000_000_001), Period: pair(2_000_000, 60_000_000_000), Quota: 500_000_000_000,
					Connections: sample.Protocols{TCP: 12, UDP: 3, ICMP: 1}, Online: true,
					FirstSeen: now.Add(-time.Hour), LastSeen: now.Add(-1500 * time.Millisecond), LeaseEnd: now.Add(time.Hour),
				},
				{Name: "not there yet", NameSource: registry.NameDeclared, Addr: addr("192.168.1.30"), Interface: "br-lan"},
				{Name: "quote\"back\\slash", NameSource: registry.NameDeclared, MAC: sample.MAC{2, 0, 0, 0, 0, 9}},
			},
			Forwarded: pair(1_000_410, 5_000_000_920), Router: pair(77, 88), Conflicts: 3,
			Unattributed: registry.Unattributed{
				Overflow: pair(100, 200), Excluded: pair(200, 300), Unsolicited: pair(0, 200),
			},
			Forgotten: pair(100, 200), Period: pair(3_000_000, 70_000_000_000), PeriodQuota: 1_000_000_000_000,
			Connections: &sample.Connections{Entries: 40, Limit: 262144},
		},
		Sources: []Source{{"accounting", true, 300 * time.Microsecond}, {"conntrack", false, 0}},
		Leases:  []LeaseFile{{Path: "/var/lib/dnsmasq/dnsmasq.leases", Format: "dnsmasq", Up: true, Leases: 3, BadLines: 1}},
		State:   &State{Up: true, LastSave: now.Add(-30 * time.Second), Duration: 4 * time.Millisecond, Size: 12345},
		Hook:    "forward", Table: "network_metrics", Bypassed: true, Repairs: 2, ConfigLoaded: now.Add(-time.Minute),
		Beside: Beside{
			Ports: &Ports{
				Mappings: []PortMapping{
					{"192.168.1.20", "tv", "tcp", "8080", "80", "nftables", "web server", time.Time{}},
					{"192.168.1.20", "tv", "udp", "3074", "3074", "miniupnpd", "game \"one\"", now.Add(time.Hour)},
				},
				Clients: []PortCount{{"192.168.1.20", "tv", "tcp", 1}, {"192.168.1.20", "tv", "udp", 1}},
				Hidden:  3,
			},
			Uplinks: []Uplink{
				{Name: "ppp0", LinkChanges: 3, IPv4Changes: 2},
				{Name: "wan0", Up: true, Since: now.Add(-90 * time.Minute), Addrs: []netip.Addr{addr("203.0.113.2"), addr("2001:db8::2")}, LinkChanges: 4, IPv4Changes: 1, IPv6Changes: 5},
			},
			Probes: []sample.Probe{
				{Target: addr("1.1.1.1"), Up: true, Sent: 100, Received: 97, RTT: 12500 * time.Microsecond, RTTSum: 1300 * time.Millisecond},
				{Target: addr("2606:4700:4700::1111"), Sent: 100, Received: 40, RTTSum: 700 * time.Millisecond},
				{Target: addr("9.9.9.9")},
			},
			Qdiscs: []sample.Qdisc{
				{
					Interface: "ifb4wan0", Kind: "cake", Traffic: sample.Traffic{Bytes: 5_000_000_000, Packets: 4_000_000}, Drops: 1200, Overlimits: 9000, Requeues: 3,
					QueueBytes: 3028, QueuePackets: 2, Flows: &sample.Flows{ECNMarks: 75, Active: 4},
					CAKE: &sample.CAKE{
						Bandwidth: 31_250_000, Capacity: 31_250_000, MemoryUsed: 1_041_408, MemoryLimit: 4_194_304,
						Tins: []sample.Tin{
							{Name: "bulk", Threshold: 1_953_125, Traffic: sample.Traffic{Bytes: 1000, Packets: 10}, Target: 9 * time.Millisecond},
							{
								Name: "besteffort", Threshold: 31_250_000, Traffic: sample.Traffic{Bytes: 5_001_800_000, Packets: 4_001_200},
								Drops: 1200, ECNMarks: 75, ACKDrops: 6, QueueBytes: 3028,
								PeakDelay: 8241 * time.Microsecond, AverageDelay: 1934 * time.Microsecond, BaseDelay: 12 * time.Microsecond,
								Target: 5 * time.Millisecond, Sparse: 3, Bulk: 1, Unresponsive: 1,
							},
						},
					},
				},
				{Interface: "wan0", Kind: "fq_codel", Traffic: sample.Traffic{Bytes: 700_000_000, Packets: 900_000}, Drops: 12, Flows: &sample.Flows{ECNMarks: 2, Active: 1}},
				{Interface: "wan0", Kind: "mq", Traffic: sample.Traffic{Bytes: 700_000_000, Packets: 900_000}, Drops: 12},
			},
			Pools: []sample.Pool{{Server: "dnsmasq", Name: "lan", Size: 150, Leases: 21}, {Server: "kea", Name: "fd00:1::/64", Size: 1 << 64, Leases: 3, Declined: &declined}},
		},
		Started: time.Unix(1_700_000_000, 0),
		took:    1500 * time.Microsecond,
		process: process{
			cpu: 2500 * time.Millisecond, resident: 13 << 20, size: 1200 << 20, most: math.MaxUint64, files: 15, mostFiles: 1024,
			threads: 8, goroutines: 24, build: build{"1.2.3", "0123abc", "main", "netgo", "go1.26.8", "linux", "amd64"},
		},
	}
}

var location = map[string]string{"location": "home", "floor": "2"}

func gatherer(t *testing.T) *prometheus.Registry {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(newCollector(example, location))
	return reg
}

func TestLint(t *testing.T) {
	problems, err := testutil.GatherAndLint(gatherer(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if p.Metric != "network_client_last_seen_timestamp" { // its name is older than the rules
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

func TestExampleShowsEveryMetric(t *testing.T) {
	families, err := gatherer(t).Gather()
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, f := range families {
		shown[f.GetName()] = true
	}
	for _, m := range Metrics {
		if !shown[m.Name] {
			t.Errorf("%s is missing from the example scrape", m.Name)
		}
	}
}

// TestDocs keeps docs/metrics.md the same as the metrics' own descriptions.
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
		title    string
		ofClient bool
	}{{"For each client", true}, {"For the router and the exporter", false}} {
		b.WriteString("\n### " + part.title + "\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n")
		for _, m := range Metrics {
			if m.OfClient() != part.ofClient {
				continue
			}
			var labels []string
			for _, l := range m.Labels {
				labels = append(labels, "`"+l+"`")
			}
			b.WriteString("| `" + m.Name + "` | " + string(m.Type) + " | " + strings.Join(labels, ", ") + " | " + m.Help + " |\n")
		}
	}
	b.WriteString("\n")
	return b.String()
}

// compare holds got against a golden file.
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
