package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"router-monitoring/tests/lab"
)

// wanSeries are the values of the WAN's metrics, those of probes left out, by name
// (without network_wan_) and labels.
type wanSeries map[string]float64

func (m metrics) wan() wanSeries {
	all := wanSeries{}
	for name, family := range m {
		short, ok := strings.CutPrefix(name, "network_wan_")
		if !ok || strings.HasPrefix(short, "probe_") {
			continue
		}
		for _, s := range family.GetMetric() {
			for _, l := range s.GetLabel() {
				short += " " + l.GetValue()
			}
			all[short] = s.GetCounter().GetValue() + s.GetGauge().GetValue()
			short, _, _ = strings.Cut(short, " ")
		}
	}
	return all
}

// foundWAN leaves it to the exporter to find the WAN.
const foundWAN = "lan: {interfaces: [br-lan, br-guest]}\nupdate_interval: 1s\n"

// TestWAN takes the Internet connection through all that happens to one.
func TestWAN(t *testing.T) {
	l := newLab(t)
	e := startExporter(t, foundWAN)
	began := float64(time.Now().Add(-time.Minute).Unix())
	want := wanSeries{
		"up wan0": 1, "link_changes_total wan0": 0, "address_changes_total wan0 ipv4": 0, "address_changes_total wan0 ipv6": 0,
		"info wan0 203.0.113.2": 1, "info wan0 2001:db8:ffff::2": 1,
	}
	check := func(what string) {
		t.Helper()
		var diff string
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			got := e.scrape(t).wan()
			for _, name := range []string{"wan0", "ppp0"} {
				since, up := got["up_since_timestamp_seconds "+name]
				if delete(got, "up_since_timestamp_seconds "+name); up != (got["up "+name] == 1) || up && since < began {
					t.Errorf("%s: %s is up since %.3f, the test began at %.0f", what, name, since, began)
				}
			}
			if diff = cmp.Diff(want, got); diff == "" {
				return
			}
		}
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
	check("at the start")

	ip(t, l.Router, "-6 addr add 2001:db8:fffe::2/64 dev wan0 nodad")
	ip(t, l.Router, "-6 addr del 2001:db8:ffff::2/64 dev wan0")
	ip(t, l.Router, "-6 route replace default via 2001:db8:fffe::1 dev wan0")
	delete(want, "info wan0 2001:db8:ffff::2")
	want["info wan0 2001:db8:fffe::2"], want["address_changes_total wan0 ipv6"] = 1, 1
	check("with another prefix")

	ip(t, l.Router, "addr del 203.0.113.2/24 dev wan0")
	delete(want, "info wan0 203.0.113.2")
	check("IPv6 only")
	ip(t, l.Router, "addr add 203.0.113.9/24 dev wan0")
	ip(t, l.Router, "route add default via 203.0.113.1")
	want["info wan0 203.0.113.9"], want["address_changes_total wan0 ipv4"] = 1, 1
	check("with another IPv4 address")
	ip(t, l.Router, "addr add 169.254.1.1/16 dev wan0")
	check("with an address of no use to the Internet")

	ip(t, l.Router, "route del default")
	check("without the IPv4 default route")
	ip(t, l.Router, "-6 route del default")
	delete(want, "info wan0 203.0.113.9")
	delete(want, "info wan0 2001:db8:fffe::2")
	want["up wan0"], want["link_changes_total wan0"] = 0, 1
	check("without a default route")
	ip(t, l.Router, "route add default via 203.0.113.1")
	want["info wan0 203.0.113.9"], want["info wan0 2001:db8:fffe::2"], want["up wan0"], want["link_changes_total wan0"] = 1, 1, 1, 2
	check("with one again")

	ip(t, l.Internet, "link set eth0 down")
	want["up wan0"], want["link_changes_total wan0"] = 0, 3
	check("without a carrier")
	ip(t, l.Internet, "link set eth0 up")
	want["up wan0"], want["link_changes_total wan0"] = 1, 4
	check("with a carrier again")

	ip(t, l.Router, "link del wan0")
	delete(want, "info wan0 203.0.113.9")
	delete(want, "info wan0 2001:db8:fffe::2")
	want["up wan0"], want["link_changes_total wan0"] = 0, 5
	check("with the interface gone")
	dial(t, l, "wan0", "203.0.113.9")
	want["info wan0 203.0.113.9"], want["up wan0"], want["link_changes_total wan0"] = 1, 1, 6
	check("with an interface of the same name")

	ip(t, l.Router, "link del wan0")
	dial(t, l, "ppp0", "203.0.113.9")
	delete(want, "info wan0 203.0.113.9")
	want["up wan0"], want["link_changes_total wan0"] = 0, 7
	want["info ppp0 203.0.113.9"], want["up ppp0"], want["link_changes_total ppp0"] = 1, 1, 0
	want["address_changes_total ppp0 ipv4"], want["address_changes_total ppp0 ipv6"] = 0, 0
	check("with an interface of another name")

	if err := e.stop(); err != nil {
		t.Error(err)
	}
	e = startExporter(t, foundWAN+"wan: {interfaces: [ppp0, wan0]}\n")
	want = wanSeries{
		"up wan0": 0, "link_changes_total wan0": 0, "address_changes_total wan0 ipv4": 0, "address_changes_total wan0 ipv6": 0,
		"up ppp0": 1, "link_changes_total ppp0": 0, "address_changes_total ppp0 ipv4": 0, "address_changes_total ppp0 ipv6": 0,
		"info ppp0 203.0.113.9": 1,
	}
	check("after a restart that names the interfaces, one of which is not there")
}

// dial makes an interface with an address and a default route.
func dial(t *testing.T, l *lab.Lab, name, addr string) {
	t.Helper()
	ip(t, l.Router, fmt.Sprintf("link add %s type veth peer name modem", name))
	ip(t, l.Router, "link set modem up")
	ip(t, l.Router, fmt.Sprintf("link set %s up", name))
	ip(t, l.Router, fmt.Sprintf("addr add %s/24 dev %s", addr, name))
	ip(t, l.Router, "route add default via 203.0.113.1")
}

func ip(t *testing.T, h *lab.Host, args string) {
	t.Helper()
	if _, err := h.Exec(t.Context(), "ip", strings.Fields(args)...); err != nil {
		t.Fatal(err)
	}
}

// TestProbes loses one request of 4, over a reload that adds a target and a sysctl
// that forbids all.
func TestProbes(t *testing.T) {
	l := newLab(t)
	const pingGroups = "/proc/sys/net/ipv4/ping_group_range"
	if err := os.WriteFile(pingGroups, []byte("0 0"), 0); err != nil {
		t.Fatal(err)
	}
	for _, rule := range []string{
		"add table inet lossy", "add chain inet lossy in { type filter hook input priority 0; }",
		"add rule inet lossy in ip protocol 1 @th,0,8 8 numgen inc mod 4 < 1 drop",
	} {
		if _, err := l.Internet.Exec(t.Context(), "nft", rule); err != nil {
			t.Fatal(err)
		}
	}
	config := func(targets ...any) string {
		return foundWAN + fmt.Sprintf("wan: {probes: {interval: 1s, targets: [%q%s]}}\n", targets[0], fmt.Sprintf(strings.Repeat(", %q", len(targets)-1), targets[1:]...))
	}
	s := newService(t, config(l.Internet.IPv4))
	s.start(t)
	probed := func(target string) (sent, received float64, m metrics) {
		m = s.scrape(t)
		return m.value("network_wan_probe_sent_total", "target", target), m.value("network_wan_probe_received_total", "target", target), m
	}
	four, six := l.Internet.IPv4.String(), l.Internet.IPv6.String()
	eventually(t, "5 probes are sent", func() bool { sent, _, _ := probed(four); return sent >= 5 })
	s.reload(t, config(six, four))
	eventually(t, "3 probes are sent to each", func() bool {
		sent, _, _ := probed(four)
		sent6, _, _ := probed(six)
		return sent >= 8 && sent6 >= 3
	})
	sent, received, m := probed(four)
	if want := math.Ceil(sent / 4); sent-received != want {
		t.Errorf("%s: %v of %v probes were lost, want %v", four, sent-received, sent, want)
	}
	if sent, received, _ := probed(six); sent != received {
		t.Errorf("%s: %v of %v probes were lost, want none", six, sent-received, sent)
	}
	for _, target := range []string{four, six} {
		up, rtt := m.value("network_wan_probe_up", "target", target), m.value("network_wan_probe_rtt_seconds", "target", target)
		if !(up == 0 && math.IsNaN(rtt) || up == 1 && rtt > 0 && rtt < 1) {
			t.Errorf("%s: up %v with a round-trip time of %v", target, up, rtt)
		}
	}
	up := func(m metrics) float64 { return m.value("network_exporter_source_up", "source", "probes") }
	if up(m) != 1 {
		t.Errorf("source_up is %v", up(m))
	}

	rarely := func(config string) string {
		return strings.Replace(config, "update_interval: 1s", "update_interval: 5m\noffline_threshold: 5m", 1)
	}
	s.reload(t, rarely(foundWAN))
	if m := s.scrape(t); !math.IsNaN(up(m)) {
		t.Errorf("without targets source_up is %v", up(m))
	}
	eventually(t, "no probe shows any more", func() bool { return len(s.scrape(t)["network_wan_probe_sent_total"].GetMetric()) == 0 })
	if err := os.WriteFile(pingGroups, []byte("1 0"), 0); errors.Is(err, unix.EINVAL) {
		t.Log("left out: an ordinary user's namespace lets its only group send probes")
		return
	} else if err != nil {
		t.Fatal(err)
	}
	s.reload(t, rarely(config(four))) // and yet is asked at once
	eventually(t, "the source is down", func() bool { return up(s.scrape(t)) == 0 && len(s.logged(t, "source probes is down")) > 0 })
	if lines := s.logged(t, "source probes is down"); len(lines) != 1 || !strings.Contains(lines[0], "sysctl net.ipv4.ping_group_range") {
		t.Errorf("the log says %q", lines)
	}
}

// logged gives the lines of the log with a text in them.
func (s *service) logged(t *testing.T, text string) (lines []string) {
	t.Helper()
	log, err := os.ReadFile(s.log)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, text) {
			lines = append(lines, line)
		}
	}
	return lines
}
