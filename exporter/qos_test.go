package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"router-monitoring/tests/lab"
)

// shapedLAN has a client for each of CAKE's classes.
var shapedLAN = topology{
	name:    "shaped line",
	lans:    []lab.LAN{lab.BrLAN},
	clients: []lab.Client{{Name: "laptop"}, {Name: "phone"}, {Name: "tv"}, {Name: "nas"}},
}

// dscp are the marks of the clients' packets. CAKE knows their tins by them.
var dscp = map[string]string{"phone": "ef", "tv": "af41", "nas": "cs1"}

// ifb is where what comes in from the Internet queues.
const ifb = "ifb4wan0"

// TestCAKE compares what is shown of CAKE with what tc prints, in each of its modes.
func TestCAKE(t *testing.T) {
	n := shapedLAN.build(t)
	n.needCAKE(t)
	n.markPackets(t)
	n.allowECN(t)
	n.configure(t, n.config("forward")+"qos: {enabled: true}\n")
	n.start(t)
	n.redirectWAN(t)
	for _, mode := range slices.Sorted(maps.Keys(tinNames)) {
		t.Run(mode, func(t *testing.T) {
			n.tc(t, "qdisc add dev wan0 root cake bandwidth 2mbit ack-filter "+mode)
			n.tc(t, "qdisc add dev ifb4wan0 root cake bandwidth 2mbit ingress "+mode)
			n.load(t, 150_000)
			m := n.compareWithTC(t, lab.WAN, ifb)
			for _, dev := range []string{lab.WAN, ifb} {
				checkTins(t, m, dev, tinNames[mode])
				n.tc(t, "qdisc del dev "+dev+" root")
			}
		})
	}
}

// TestFQCodel compares what is shown of classful and other disciplines with what tc
// prints.
func TestFQCodel(t *testing.T) {
	n := shapedLAN.build(t)
	n.needCAKE(t)
	n.allowECN(t)
	n.configure(t, n.config("forward")+"qos: {enabled: true, interfaces: wan0}\n")
	n.start(t)
	for _, command := range []string{
		"qdisc add dev wan0 root handle 1: htb default 2",
		"class add dev wan0 parent 1: classid 1:1 htb rate 1mbit",
		"class add dev wan0 parent 1: classid 1:2 htb rate 1mbit",
		"qdisc add dev wan0 parent 1:1 fq_codel",
		"qdisc add dev wan0 parent 1:2 fq_codel",
		"filter add dev wan0 parent 1: protocol ipv6 matchall flowid 1:1",
	} {
		n.tc(t, command)
	}
	n.load(t, 100_000)
	m := n.compareWithTC(t, lab.WAN)
	of := func(name string) float64 { return m.value("network_qdisc_"+name+"_total", "kind", "fq_codel") }
	t.Logf("fq_codel: sent %.0f bytes, dropped %.0f packets and marked %.0f", of("bytes"), of("drops"), of("ecn_marks"))
	if of("drops")+of("ecn_marks") == 0 {
		t.Error("fq_codel drops and marks nothing under a load above the bandwidth")
	}
}

// TestShapingOnAndOff turns the reading on and off while the exporter runs.
func TestShapingOnAndOff(t *testing.T) {
	n := bridgeLAN.build(t)
	n.tc(t, "qdisc add dev wan0 root handle 1: htb") // which all kernels have
	n.tc(t, "qdisc add dev br-lan root handle 1: htb")
	n.start(t)
	for _, step := range []struct{ qos, dev string }{
		{"", ""},
		{"qos: {interfaces: wan0}\n", ""},
		{"qos: {enabled: true}\n", "wan0"},
		{"qos: {enabled: true, interfaces: br-lan}\n", "br-lan"},
		{"qos: {enabled: false}\n", ""},
	} {
		n.reload(t, n.config("forward")+step.qos)
		n.send(t, lab.Flow{Client: "alice", Direction: lab.Up, Answered: true})
		m := n.scrape(t)
		if step.dev != "" {
			eventually(t, "the queues of "+step.dev+" are shown", func() bool {
				return n.scrape(t).value("network_qdisc_bytes_total", "interface", step.dev) > 0
			})
			m = n.compareWithTC(t, step.dev)
		}
		up := m.value("network_exporter_source_up", "source", "qdiscs")
		if shown := len(qdiscSeries(m)) > 0; shown != (step.dev != "") || shown != (up == 1) || shown == math.IsNaN(up) {
			t.Errorf("%q: queues are shown: %v, the source is %v", step.qos, shown, up)
		}
	}
}

// needCAKE ends the test on a kernel that has none, nor what it needs beside.
func (n *network) needCAKE(t *testing.T) {
	t.Helper()
	for _, command := range []string{
		"ip link add " + ifb + " type ifb",
		"tc qdisc add dev " + ifb + " root cake",
		"ip link del " + ifb,
	} {
		words := strings.Fields(command)
		if _, err := n.Router.Exec(t.Context(), words[0], words[1:]...); err != nil {
			lacks(t, fmt.Errorf("needs CAKE, ifb and tc: %w", err))
		}
	}
}

func (n *network) tc(t *testing.T, args string) []byte {
	t.Helper()
	out, err := n.Router.Exec(t.Context(), "tc", strings.Fields(args)...)
	if err != nil {
		t.Fatalf("tc %s: %v\n%s", args, err, out)
	}
	return out
}

// redirectWAN lets what comes in on the WAN queue on the ifb.
func (n *network) redirectWAN(t *testing.T) {
	t.Helper()
	n.ip(t, "link add "+ifb+" up type ifb")
	n.tc(t, "qdisc add dev wan0 handle ffff: ingress")
	n.tc(t, "filter add dev wan0 parent ffff: matchall action mirred egress redirect dev "+ifb)
}

// markPackets marks each client's packets: the router those to the Internet, the
// internet host those from there, which IPv6 alone lets it tell apart.
func (n *network) markPackets(t *testing.T) {
	t.Helper()
	const chain = "add table inet marks; add chain inet marks out { type filter hook postrouting priority mangle; }"
	router, internet := chain, chain
	for client, mark := range dscp {
		c := n.Client(client)
		router += fmt.Sprintf("; add rule inet marks out ip6 saddr %s ip6 dscp set %s; add rule inet marks out ip saddr %s ip dscp set %s", c.IPv6, mark, c.IPv4, mark)
		internet += fmt.Sprintf("; add rule inet marks out ip6 daddr %s ip6 dscp set %s", c.IPv6, mark)
	}
	for host, rules := range map[*lab.Host]string{n.Router: router, n.Internet: internet} {
		if out, err := host.Exec(t.Context(), "nft", rules); err != nil {
			t.Fatalf("nft on %s: %v\n%s", host.Name, err, out)
		}
	}
}

// allowECN lets the laptop's packets be marked instead of dropped, both ways.
func (n *network) allowECN(t *testing.T) {
	t.Helper()
	if out, err := n.Client("laptop").Exec(t.Context(), "sysctl", "-w", "net.ipv4.tcp_ecn=1"); err != nil { // for IPv6 too
		t.Fatalf("%v: %s", err, out)
	}
}

// load has every client send and receive so many bytes at once, which is more than
// the line takes.
func (n *network) load(t *testing.T, bytes int64) {
	t.Helper()
	var wg sync.WaitGroup
	for _, c := range n.Clients {
		for _, direction := range []lab.Direction{lab.Up, lab.Down} {
			wg.Go(func() {
				f := lab.Flow{Client: c.Name, Direction: direction, Family: lab.IPv6, Bytes: bytes}
				if _, err := n.TCP(t.Context(), f); err != nil {
					t.Errorf("%s, %s: %v", c.Name, direction, err)
				}
			})
		}
	}
	wg.Wait()
}

// checkTins checks that the tins are these, and that the one with the most traffic
// shows that there was more of it than the line takes.
func checkTins(t *testing.T, m metrics, dev string, want []string) {
	t.Helper()
	var tins []string
	of := func(name, tin string) float64 {
		return m.value("network_qdisc_cake_tin_"+name, "interface", dev, "tin", tin)
	}
	for _, s := range m["network_qdisc_cake_tin_bytes_total"].GetMetric() {
		if s.GetLabel()[0].GetValue() == dev {
			tins = append(tins, s.GetLabel()[1].GetValue())
		}
	}
	if diff := cmp.Diff(want, tins); diff != "" {
		t.Fatalf("%s: tins (-want +got):\n%s", dev, diff)
	}
	for _, tin := range tins {
		if len(tins) <= len(dscp)+1 && of("bytes_total", tin) == 0 {
			t.Errorf("%s: no packet came into the tin %s", dev, tin)
		}
	}
	loaded := slices.MaxFunc(tins, func(a, b string) int { return int(of("bytes_total", a) - of("bytes_total", b)) })
	t.Logf("%s %s: sent %.0f bytes, dropped %.0f packets and marked %.0f, which waited %.4f s (at most %.4f s)", dev, loaded, of("bytes_total", loaded),
		of("drops_total", loaded), of("ecn_marks_total", loaded), of("delay_average_seconds", loaded), of("delay_peak_seconds", loaded))
	if of("drops_total", loaded)+of("ecn_marks_total", loaded) == 0 || of("delay_peak_seconds", loaded) == 0 || of("delay_average_seconds", loaded) == 0 {
		t.Errorf("%s: the tin %s drops and marks nothing, or lets nothing wait, under a load above the bandwidth", dev, loaded)
	}
}
