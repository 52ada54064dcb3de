package main

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"router-monitoring/tests/lab"
)

func TestMain(m *testing.M) {
	lab.Isolate()
	os.Exit(m.Run())
}

func TestTakeTurns(t *testing.T) {
	speed := 0.0 // of a machine that becomes slower and slower
	takes := func(work float64) measurement {
		return func() (float64, error) { speed++; return work * speed, nil }
	}
	got, err := takeTurns(t.Context(), 3, takes(10), takes(20), takes(5))
	if err != nil {
		t.Fatal(err)
	}
	if got[1].ratio != 2 || got[2].ratio != 0.5 {
		t.Errorf("ratios %v and %v, want 2 and 0.5 whatever the machine's speed", got[1].ratio, got[2].ratio)
	}
	if got[0].value != 70 { // in the middle of 1, 3, … 13
		t.Errorf("the base took %v in the median, want 70", got[0].value)
	}
}

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1}, 5}, {[]float64{9, 1, 2}, 2}} {
		if got := median(tt.values); got != tt.want {
			t.Errorf("median of %v: %v, want %v", tt.values, got, tt.want)
		}
	}
}

// TestForward sees to it that every frame passes the router's firewall, in both
// directions and families, and that both ways of counting see it.
func TestForward(t *testing.T) {
	r, err := newRouter()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	const frames = 40
	for _, ipv6 := range []bool{false, true} {
		c, err := r.clients(4, ipv6)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.LoadRuleset(oldRules(c.addrs) + "add table inet " + oldTable); err != nil {
			t.Fatal(err)
		}
		if _, err := c.forward(frames); err != nil {
			t.Errorf("ipv6 %v: %v", ipv6, err)
		}
		c.close()
		counters, err := readOldCounters()
		if err != nil {
			t.Fatal(err)
		}
		const each = frames / 2 / 4 * 50 // bytes: 64 without the Ethernet header
		for _, addr := range c.addrs {
			if tx, rx := counters["tx_"+addr.String()], counters["rx_"+addr.String()]; tx != each || rx != each {
				t.Errorf("%v: %d bytes sent and %d received, want %d", addr, tx, rx, each)
			}
		}
		if err := r.LoadRuleset("delete table inet " + oldTable); err != nil {
			t.Fatal(err)
		}
	}
	neighbours, stations, err := readOldPresence()
	if err != nil {
		t.Fatal(err)
	}
	known := func(list []heard, mac func(heard) string) int {
		n := 0
		for _, h := range list {
			if strings.HasPrefix(mac(h), "52:54:01:00:00:") {
				n++
			}
		}
		return n
	}
	if n := known(neighbours, func(h heard) string { return h.LLAddr }); n != 2*4 {
		t.Errorf("%d addresses of clients among %d neighbours, want 8", n, len(neighbours))
	}
	if n := known(stations, func(h heard) string { return h.MAC }); n != 4 {
		t.Errorf("%d clients among %d stations, want 4", n, len(stations))
	}
	if err := r.connect(100); err != nil {
		t.Fatal(err)
	}
	connections, err := readOldConnections()
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Values(connections)); len(got) < connecting || got[len(got)-connecting] < 4 {
		t.Errorf("connections of the clients: %v, want at least 4 of each of %d", got, connecting)
	}
}

func TestComparison(t *testing.T) {
	for ratio, want := range map[float64]string{0: "", 1.126: " (+13 %)", 0.9: " (-10 %)", 13.04: " (×13.0)", 0.05: " (1/20.0)"} {
		if got := comparison(ratio); got != want {
			t.Errorf("%v: %q, want %q", ratio, got, want)
		}
	}
	got := []string{count(7), count(1000), count(65_000), count(1_000_025)}
	if diff := cmp.Diff([]string{"7", "1,000", "65,000", "1,000,025"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
