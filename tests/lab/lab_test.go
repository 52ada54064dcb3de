package lab

import (
	"context"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

func TestMain(m *testing.M) {
	runHelper()
	Isolate()
	lossTimeout = time.Second
	os.Exit(m.Run())
}

// twoLANs has clients that reach each other over the bridge and over the router.
var twoLANs = Profile{Name: "two-lans", Clients: []Client{
	{Name: "alice"},
	{Name: "bob"},
	{Name: "guest", LAN: BrGuest.Name},
}}

// newLab builds a lab for one test.
func newLab(t *testing.T, p Profile) *Lab {
	t.Helper()
	l, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// command runs a command that has to work and gives its output.
func command(t *testing.T, h *Host, name string, args ...string) string {
	t.Helper()
	out, err := h.Exec(testContext(t), name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// witness makes the router count forwarded packets per client in named
// counters, which know nothing of the lab's arithmetic.
func witness(t *testing.T, l *Lab) {
	t.Helper()
	rules := &strings.Builder{}
	rules.WriteString("add table inet witness\n" +
		"add chain inet witness forward { type filter hook forward priority 10; }\n")
	for _, lan := range l.Profile.LANs { // bridged frames come by where br_netfilter is active
		fmt.Fprintf(rules, "add rule inet witness forward iifname %[1]s oifname %[1]s return\n", lan.Name)
	}
	for _, h := range l.Clients {
		for dir, end := range map[Direction]string{Up: "saddr", Down: "daddr"} {
			counter := h.Name + "_" + string(dir)
			fmt.Fprintf(rules, "add counter inet witness %s\n", counter)
			fmt.Fprintf(rules, "add rule inet witness forward ip %s %s counter name %s\n", end, h.IPv4, counter)
			fmt.Fprintf(rules, "add rule inet witness forward ip6 %s %s counter name %s\n", end, h.IPv6, counter)
		}
	}
	if err := l.LoadRuleset(rules.String()); err != nil {
		t.Fatal(err)
	}
}

// witnessed reads a client's counters.
func witnessed(t *testing.T, l *Lab, client string) Counts {
	t.Helper()
	read := func(dir Direction) Traffic {
		out := command(t, l.Router, "nft", "list", "counter", "inet", "witness", client+"_"+string(dir))
		return Traffic{Bytes: wordAfter(t, out, "bytes"), Packets: wordAfter(t, out, "packets")}
	}
	return Counts{Up: read(Up), Down: read(Down)}
}

// wordAfter finds a number in the output of nft.
func wordAfter(t *testing.T, out, key string) uint64 {
	t.Helper()
	_, rest, _ := strings.Cut(out, key+" ")
	word, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.ParseUint(strings.TrimSpace(strings.SplitN(word, "\n", 2)[0]), 10, 64)
	if err != nil {
		t.Fatalf("no number after %q in %s", key, out)
	}
	return n
}

// wantNearly is for TCP that fills the line: there may be losses, and selective
// acknowledgements make some headers longer than the lab assumes.
func wantNearly(t *testing.T, l *Lab, client string) {
	t.Helper()
	got, want := witnessed(t, l, client), l.Truth()[client].Sum(Kind{})
	for dir, pair := range map[Direction][2]Traffic{Up: {got.Up, want.Up}, Down: {got.Down, want.Down}} {
		if off := 1 - float64(pair[0].Bytes)/float64(pair[1].Bytes); math.Abs(off) > 0.01 {
			t.Errorf("%s %s: router forwarded %+v, truth is %+v", client, dir, pair[0], pair[1])
		}
	}
}

// wantTruth compares a client's truth with what the router counted.
func wantTruth(t *testing.T, l *Lab, client string) {
	t.Helper()
	truth := l.Truth()[client]
	want := truth.Sum(Kind{Class: Internet}).plus(truth.Sum(Kind{Class: Local}))
	if got := witnessed(t, l, client); got != want {
		t.Errorf("%s: router forwarded %+v, truth is %+v", client, got, want)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	here, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	router := &Host{Name: RouterName, ns: here}
	for range 2 {
		l := newLab(t, twoLANs)
		if _, err := l.UDP(testContext(t), Flow{Client: "alice", Packets: 10}); err != nil {
			t.Fatal(err)
		}
		l.Close()
		links, err := netlink.LinkList()
		if err != nil {
			t.Fatal(err)
		}
		if len(links) != 1 {
			t.Errorf("links left beside loopback: %d", len(links)-1)
		}
		if rules := command(t, router, "nft", "list", "ruleset"); rules != "" {
			t.Errorf("rules left: %s", rules)
		}
		entries, err := netlink.ConntrackTableList(netlink.ConntrackTable, netlink.FAMILY_V4)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) != 0 {
			t.Errorf("connection tracking entries left: %v", entries)
		}
	}
}

func TestReloadRulesetFlushesEverything(t *testing.T) {
	l := newLab(t, twoLANs)
	before := command(t, l.Router, "nft", "list", "ruleset")
	witness(t, l)
	if err := l.PortForward(UDP, 7000, "bob"); err != nil {
		t.Fatal(err)
	}
	if err := l.ReloadRuleset(); err != nil {
		t.Fatal(err)
	}
	if after := command(t, l.Router, "nft", "list", "ruleset"); after != before || !strings.Contains(after, "masquerade") {
		t.Errorf("rules before:\n%s\nafter:\n%s", before, after)
	}
}
