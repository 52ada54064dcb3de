package probe

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/sample"
	"router-monitoring/tests/lab"
)

func TestMain(m *testing.M) {
	lab.Isolate()
	os.Exit(m.Run())
}

func TestParseReply(t *testing.T) {
	good := echo{0x1234, token{1, 2, 3, 15: 16}}
	reply := func(f *family, change func([]byte) []byte) []byte {
		b := good.marshal(f)
		b[0] = f.reply
		return change(b)
	}
	same := func(b []byte) []byte { return b }
	for _, tt := range []struct {
		name string
		f    *family
		b    []byte
		ok   bool
	}{
		{"ok IPv4", ipv4, reply(ipv4, same), true},
		{"ok IPv6", ipv6, reply(ipv6, same), true},
		{"bad request", ipv4, good.marshal(ipv4), false},
		{"bad family", ipv6, reply(ipv4, same), false},
		{"bad code", ipv4, reply(ipv4, func(b []byte) []byte { b[1] = 1; return b }), false},
		{"bad short", ipv4, reply(ipv4, func(b []byte) []byte { return b[:len(b)-1] }), false},
		{"bad long", ipv4, reply(ipv4, func(b []byte) []byte { return append(b, 0) }), false},
		{"bad empty", ipv4, nil, false},
	} {
		if e, ok := parseReply(tt.f, tt.b); ok != tt.ok || ok && e != good {
			t.Errorf("%s: %v %v", tt.name, e, ok)
		}
	}
}

func FuzzParseReply(f *testing.F) {
	f.Add(echo{7, token{1}}.marshal(ipv4))
	f.Add(append([]byte{129}, echo{7, token{1}}.marshal(ipv6)[1:]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, fam := range []*family{ipv4, ipv6} {
			e, ok := parseReply(fam, b)
			if !ok {
				continue
			}
			again := e.marshal(fam)
			again[0] = fam.reply
			copy(again[2:6], b[2:6]) // checksum and identifier, which the kernel looked at
			if !cmp.Equal(again, b) {
				t.Errorf("%x was read as %x", b, again)
			}
		}
	})
}

// TestOnlyTheAnswerCounts sends nothing and makes answers up.
func TestOnlyTheAnswerCounts(t *testing.T) {
	here, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	p := New()
	p.Configure([]netip.Addr{here, other}, time.Second)
	target := p.targets[0]
	want := sample.Probe{Target: here}
	check := func(what string) {
		t.Helper()
		if diff := cmp.Diff(want, target.Probe, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	first := p.begin(target)
	at := func(d time.Duration) time.Time { return first.sent.Add(d) }
	p.answer(other, first.echo, at(time.Millisecond))
	p.answer(netip.MustParseAddr("192.0.2.3"), first.echo, at(time.Millisecond))
	check("answered by another")
	p.answer(here, echo{first.sequence + 1, first.token}, at(time.Millisecond))
	check("another sequence number")
	p.answer(here, echo{first.sequence, token{1}}, at(time.Millisecond))
	check("another token")
	p.answer(here, first.echo, at(20*time.Millisecond))
	want.Up, want.Sent, want.Received, want.RTT, want.RTTSum = true, 1, 1, 20*time.Millisecond, 20*time.Millisecond
	check("answered")
	p.answer(here, first.echo, at(30*time.Millisecond))
	check("answered twice")
	p.giveUp(target, first)
	check("given up after the answer")

	second := p.begin(target)
	p.giveUp(target, second)
	want.Up, want.Sent, want.RTT = false, 2, 0
	check("lost")
	p.answer(here, second.echo, at(time.Minute))
	check("answered too late")

	third := p.begin(target)
	p.begin(target)
	want.Sent = 3
	check("overtaken by the next")
	p.giveUp(target, third)
	check("given up after the next began")
}

func TestConfigure(t *testing.T) {
	addrs := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.3")}
	p := New()
	signalled := func() bool {
		select {
		case <-p.changed:
			return true
		default:
			return false
		}
	}
	p.Configure(nil, time.Second)
	p.Configure(addrs[:2], time.Second)
	if !signalled() {
		t.Error("new targets signal nothing")
	}
	p.targets[1].conclude(true, time.Second)
	p.Configure(addrs[:2], time.Second)
	if signalled() {
		t.Error("the same targets signal a change")
	}
	p.Configure(addrs[1:], time.Second)
	if !signalled() {
		t.Error("other targets signal nothing")
	}
	want := []sample.Probe{{Target: addrs[1], Up: true, Sent: 1, Received: 1, RTT: time.Second, RTTSum: time.Second}, {Target: addrs[2]}}
	got, _ := p.Results()
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	p.Configure(addrs[1:], time.Minute)
	if !signalled() {
		t.Error("a new interval signals nothing")
	}
}

// interval leaves a busy machine time to answer: what takes longer is lost.
const interval = 250 * time.Millisecond

// newLab builds a lab whose router may send probes.
func newLab(t *testing.T) *lab.Lab {
	t.Helper()
	l, err := lab.New(lab.Profile{Clients: []lab.Client{{Name: "alice"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	allowProbes(t)
	return l
}

// allowProbes lets the group of these tests send probes.
func allowProbes(t *testing.T) {
	t.Helper()
	if err := os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte("0 0"), 0); err != nil {
		t.Fatal(err)
	}
}

// forbidProbes lets no group. In an ordinary user's namespace, which has one group
// alone, it cannot, and says so.
func forbidProbes(t *testing.T) bool {
	t.Helper()
	err := os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte("1 0"), 0)
	if errors.Is(err, unix.EINVAL) {
		t.Log("left out: an ordinary user's namespace lets its only group send probes")
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	return true
}

// run probes until the test ends.
func run(t *testing.T, interval time.Duration, targets ...netip.Addr) *Prober {
	t.Helper()
	p := New()
	p.Configure(targets, interval)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { p.Run(ctx); close(ended) }()
	t.Cleanup(func() { cancel(); <-ended })
	return p
}

// await gives the results once each target has been probed so often.
func await(t *testing.T, p *Prober, sent uint64) []sample.Probe {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		results, err := p.Results()
		if err != nil {
			t.Fatal(err)
		}
		fewest := results[0].Sent
		for _, r := range results {
			fewest = min(fewest, r.Sent)
		}
		if fewest >= sent {
			return results
		}
	}
	t.Fatalf("no %d probes in 30 s", sent)
	return nil
}

// TestLossIsExact has the internet drop one IPv4 request of 4 and two IPv6 ones of
// 5, beginning with the first.
func TestLossIsExact(t *testing.T) {
	l := newLab(t)
	rules := []string{
		"add table inet lossy", "add chain inet lossy in { type filter hook input priority 0; }",
		"add rule inet lossy in ip protocol 1 @th,0,8 8 numgen inc mod 4 < 1 drop",
		"add rule inet lossy in ip6 nexthdr 58 @th,0,8 128 numgen inc mod 5 < 2 drop",
	}
	for _, rule := range rules {
		if _, err := l.Internet.Exec(t.Context(), "nft", rule); err != nil {
			t.Fatal(err)
		}
	}
	gone := netip.MustParseAddr("203.0.113.77")
	p := run(t, interval, l.Internet.IPv4, l.Internet.IPv6, gone)
	results := await(t, p, 11)
	for i, lost := range []func(sent uint64) uint64{
		func(sent uint64) uint64 { return (sent + 3) / 4 },
		func(sent uint64) uint64 { return sent/5*2 + min(sent%5, 2) },
		func(sent uint64) uint64 { return sent },
	} {
		r := results[i]
		if r.Sent-r.Received != lost(r.Sent) {
			t.Errorf("%s: %d of %d were lost, want %d", r.Target, r.Sent-r.Received, r.Sent, lost(r.Sent))
		}
		if r.Up != (r.RTT > 0) || r.RTT >= time.Second || (r.Received > 0) != (r.RTTSum > 0) || r.RTTSum >= time.Duration(r.Sent)*time.Second {
			t.Errorf("%s: up %v, RTT %v, in all %v", r.Target, r.Up, r.RTT, r.RTTSum)
		}
	}
	t.Logf("%+v", results)
}

// TestNoWayOut is an outage, and no fault of the exporter.
func TestNoWayOut(t *testing.T) {
	l := newLab(t)
	for _, family := range []string{"-4", "-6"} {
		if _, err := l.Router.Exec(t.Context(), "ip", family, "route", "del", "default"); err != nil {
			t.Fatal(err)
		}
	}
	p := run(t, interval, netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("2001:db8:aaaa::1"))
	for _, r := range await(t, p, 3) {
		if r.Up || r.Received > 0 {
			t.Errorf("%+v", r)
		}
	}
}

// TestFaults shows what is not the network's doing, until it is mended.
func TestFaults(t *testing.T) {
	l := newLab(t)
	if !forbidProbes(t) {
		return
	}
	p := run(t, interval, l.Internet.IPv4)
	awaitFault(t, p, "open IPv4 echo socket: permission denied; let the exporter's group send probes: sysctl net.ipv4.ping_group_range=")
	if results, _ := p.Results(); results[0].Sent > 0 {
		t.Error("probes count that could not be sent")
	}
	allowProbes(t)
	awaitFault(t, p, "")
	if r := await(t, p, 3)[0]; r.Received != r.Sent {
		t.Errorf("after the remedy: %+v", r)
	}
	if err := l.LoadRuleset("add chain inet filter output { type filter hook output priority 0; }\nadd rule inet filter output ip protocol 1 drop"); err != nil {
		t.Fatal(err)
	}
	awaitFault(t, p, "send probe to 203.0.113.1: operation not permitted; a firewall")
	if r, _ := p.Results(); r[0].Up {
		t.Errorf("under a firewall: %+v", r)
	}
	if err := l.LoadRuleset("flush chain inet filter output"); err != nil {
		t.Fatal(err)
	}
	awaitFault(t, p, "")
}

func awaitFault(t *testing.T, p *Prober, want string) {
	t.Helper()
	var err error
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		results, fault := p.Results()
		err = fault
		if want == "" && err == nil && results[0].Up || want != "" && err != nil && strings.Contains(err.Error(), want) {
			return
		}
	}
	t.Fatalf("the fault is %v, want %q", err, want)
}

// TestReconfigure takes targets away while they are probed, to the last.
func TestReconfigure(t *testing.T) {
	l := newLab(t)
	p := run(t, interval, l.Internet.IPv4, l.Internet.IPv6)
	before := await(t, p, 3)
	p.Configure([]netip.Addr{l.Internet.IPv6}, interval)
	if after := await(t, p, before[1].Sent+3); len(after) != 1 || after[0].Received != after[0].Sent {
		t.Errorf("%+v", after)
	}
	p.Configure(nil, interval)
	sockets := func() int {
		open, _ := os.ReadFile("/proc/net/icmp")
		open6, _ := os.ReadFile("/proc/net/icmp6")
		return strings.Count(string(open)+string(open6), "\n") - 2
	}
	for end := time.Now().Add(10 * time.Second); sockets() > 0 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
	}
	if n := sockets(); n != 0 {
		t.Errorf("%d sockets stay open without a target", n)
	}
	p.Configure([]netip.Addr{l.Internet.IPv4}, interval)
	await(t, p, 3)
}
