package monitor

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"router-monitoring/exporter/internal/collector"
	"router-monitoring/exporter/internal/sample"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// line is an uplink that is up.
func line(name string, index int, addrs ...string) sample.Uplink {
	l := sample.Uplink{Name: name, Index: index, Up: true}
	for _, a := range addrs {
		l.Addrs = append(l.Addrs, netip.MustParseAddr(a))
	}
	return l
}

var noAge map[string]time.Duration

func dead(name string) sample.Uplink { return sample.Uplink{Name: name} }

// TestUplinks takes a reading every minute from noon on. Which interfaces are
// WAN was found out, unless named is set.
func TestUplinks(t *testing.T) {
	type change = collector.Uplink
	noRoute := sample.Uplink{Name: "wan0", Index: 2, Addrs: line("", 0, "192.0.2.2").Addrs}
	for _, tt := range []struct {
		name     string
		named    bool
		readings [][]sample.Uplink
		want     []collector.Uplink
	}{
		{"none", false, [][]sample.Uplink{nil, nil}, nil},
		{"what is there at the start", false, [][]sample.Uplink{{line("wan0", 2, "192.0.2.2", "2001:db8::2")}}, []change{{Name: "wan0", Up: true, Since: noon}}},
		{"down at the start, then up", true, [][]sample.Uplink{{dead("ppp0")}, {line("ppp0", 7, "192.0.2.2")}}, []change{
			{Name: "ppp0", Up: true, Since: noon.Add(time.Minute), LinkChanges: 1}}},
		{"nothing new", false, [][]sample.Uplink{{line("wan0", 2, "192.0.2.2")}, {line("wan0", 2, "192.0.2.2")}}, []change{{Name: "wan0", Up: true, Since: noon}}},
		{"default route gone", true, [][]sample.Uplink{{line("wan0", 2, "192.0.2.2")}, {noRoute}}, []change{{Name: "wan0", LinkChanges: 1}}},
		{"and back", true, [][]sample.Uplink{{line("wan0", 2, "192.0.2.2")}, {noRoute}, {line("wan0", 2, "192.0.2.2")}}, []change{
			{Name: "wan0", Up: true, Since: noon.Add(2 * time.Minute), LinkChanges: 2}}},
		{"no default route shows any more", false, [][]sample.Uplink{{line("wan0", 2, "192.0.2.2")}, nil, nil}, []change{{Name: "wan0", LinkChanges: 1}}},
		{"but again", false, [][]sample.Uplink{{line("wan0", 2, "192.0.2.2")}, nil, nil, {line("wan0", 2, "192.0.2.2")}}, []change{
			{Name: "wan0", Up: true, Since: noon.Add(3 * time.Minute), LinkChanges: 2}}},
		{"another takes over", false, [][]sample.Uplink{{line("wan0", 2)}, {line("wwan0", 3)}}, []change{
			{Name: "wan0", LinkChanges: 1}, {Name: "wwan0", Up: true, Since: noon.Add(time.Minute)}}},
		{"dialled anew, with a new address", true, [][]sample.Uplink{{line("ppp0", 7, "192.0.2.2")}, {dead("ppp0")}, {line("ppp0", 8, "192.0.2.9")}}, []change{
			{Name: "ppp0", Up: true, Since: noon.Add(2 * time.Minute), LinkChanges: 2, IPv4Changes: 1}}},
		{"dialled anew between two readings", true, [][]sample.Uplink{{line("ppp0", 7, "192.0.2.2")}, {line("ppp0", 8, "192.0.2.2")}}, []change{
			{Name: "ppp0", Up: true, Since: noon.Add(time.Minute), LinkChanges: 2}}},
		{"made anew while down", true, [][]sample.Uplink{{{Name: "wan0", Index: 2}}, {{Name: "wan0", Index: 3}}}, []change{{Name: "wan0"}}},
		{"renumbered at once", false, [][]sample.Uplink{{line("wan0", 2, "192.0.2.2")}, {line("wan0", 2, "192.0.2.9")}}, []change{
			{Name: "wan0", Up: true, Since: noon, IPv4Changes: 1}}},
		{"renumbered step by step", false, [][]sample.Uplink{{line("wan0", 2, "2001:db8:1::2")}, {line("wan0", 2, "2001:db8:1::2", "2001:db8:2::2")}, {line("wan0", 2, "2001:db8:2::2")}}, []change{
			{Name: "wan0", Up: true, Since: noon, IPv6Changes: 1}}},
		{"lease lost and had again", false, [][]sample.Uplink{{line("wan0", 2, "192.0.2.2", "2001:db8::2")}, {line("wan0", 2, "2001:db8::2")}, {line("wan0", 2, "192.0.2.2", "2001:db8::2")}}, []change{
			{Name: "wan0", Up: true, Since: noon}}},
		{"comes back address by address", false, [][]sample.Uplink{{line("wan0", 2, "2001:db8::2", "2001:db8::3")}, {line("wan0", 2, "2001:db8::2")}, {line("wan0", 2, "2001:db8::2", "2001:db8::3")}}, []change{
			{Name: "wan0", Up: true, Since: noon}}},
		{"IPv6 comes later", false, [][]sample.Uplink{{line("wan0", 2, "192.0.2.2")}, {line("wan0", 2, "192.0.2.2", "2001:db8::2")}}, []change{
			{Name: "wan0", Up: true, Since: noon}}},
		{"each family by itself", false, [][]sample.Uplink{{line("wan0", 2, "192.0.2.2", "2001:db8::2")}, {line("wan0", 2, "192.0.2.9", "2001:db8::9")}, {line("wan0", 2, "192.0.2.9", "2001:db8::2")}}, []change{
			{Name: "wan0", Up: true, Since: noon, IPv4Changes: 1, IPv6Changes: 2}}},
		{"no longer named", true, [][]sample.Uplink{{line("wan0", 2), line("wan1", 3)}, {line("wan1", 3)}}, []change{{Name: "wan1", Up: true, Since: noon}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u, now := uplinks{}, noon
			for _, reading := range tt.readings {
				u.see(now, reading, tt.named, noAge)
				now = now.Add(time.Minute)
			}
			opts := []cmp.Option{cmpopts.EquateEmpty(), cmpopts.IgnoreFields(collector.Uplink{}, "Addrs")}
			if diff := cmp.Diff(tt.want, u.show(now), opts...); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestUplinksAge has the age of a connection count where it is new, and only there.
func TestUplinksAge(t *testing.T) {
	hour := map[string]time.Duration{"wan0": time.Hour}
	u := uplinks{}
	since := func() string { return u.show(noon)[0].Since.Format("15:04") }
	u.see(noon, []sample.Uplink{line("wan0", 2)}, true, hour)
	if got := since(); got != "11:00" {
		t.Errorf("up since %s, want 11:00", got)
	}
	u.see(noon, []sample.Uplink{dead("wan0")}, true, hour)
	u.see(noon, []sample.Uplink{line("wan0", 2)}, true, hour)
	if got := since(); got != "12:00" {
		t.Errorf("after an outage up since %s, want 12:00", got)
	}
	u = uplinks{}
	if u.see(noon, []sample.Uplink{dead("wan0")}, true, hour); !u["wan0"].since.IsZero() {
		t.Errorf("down, and up since %v", u["wan0"].since)
	}
}

func TestUplinksTellOfChanges(t *testing.T) {
	u := uplinks{}
	for i, step := range []struct {
		reading []sample.Uplink
		want    string
	}{
		{[]sample.Uplink{line("wan0", 2)}, ""},
		{[]sample.Uplink{line("wan0", 2, "192.0.2.2")}, ""},
		{nil, "wan0 false "},
		{nil, ""},
		{[]sample.Uplink{line("wan0", 2), line("wan1", 3)}, "wan0 true "},
	} {
		got := ""
		for _, l := range u.see(noon, step.reading, false, noAge) {
			got += fmt.Sprint(l.Name, " ", l.Up, " ")
		}
		if got != step.want {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
	}
}

// TestUplinksForget has a different interface at each reading.
func TestUplinksForget(t *testing.T) {
	u := uplinks{}
	for i := range 3 * maxUplinks {
		u.see(noon, []sample.Uplink{line(fmt.Sprint("ppp", i), i)}, false, noAge)
		if len(u) > maxUplinks || u[fmt.Sprint("ppp", i)] == nil {
			t.Fatalf("%d are remembered after reading %d, at most %d may be, the newest among them", len(u), i, maxUplinks)
		}
	}
	many := make([]sample.Uplink, 3*maxUplinks)
	for i := range many {
		many[i] = line(fmt.Sprint("wan", i), i)
	}
	if u.see(noon, many, true, noAge); len(u) != maxUplinks {
		t.Errorf("%d of %d are remembered, want %d", len(u), len(many), maxUplinks)
	}

	u = uplinks{}
	u.see(noon, []sample.Uplink{line("wan0", 2), line("wan1", 3)}, false, noAge)
	u.see(noon, []sample.Uplink{line("wan1", 3)}, false, noAge)
	if n := len(u.show(noon.Add(uplinkMemory))); n != 2 {
		t.Errorf("%d show after a day, want 2", n)
	}
	if n := len(u.show(noon.Add(uplinkMemory + 1))); n != 1 {
		t.Errorf("%d show after more than a day, want 1", n)
	}

	u = uplinks{}
	for _, reading := range [][]sample.Uplink{{line("wan0", 2)}, nil, {line("wan0", 2)}} {
		u.see(noon, reading, false, noAge)
	}
	if n := len(u.show(noon.Add(2 * uplinkMemory))); n != 1 {
		t.Errorf("%d show that came back, want 1", n)
	}
}

func TestKeepPace(t *testing.T) {
	for _, tt := range []struct {
		name    string
		t, now  time.Time
		elapsed time.Duration
		want    time.Time
	}{
		{"ok never", time.Time{}, noon, 0, time.Time{}},
		{"ok clock runs", noon, noon.Add(time.Hour), time.Hour, noon},
		{"ok clock runs a bit fast", noon, noon.Add(time.Hour), time.Hour - time.Millisecond, noon},
		{"ok clock set forward", time.Unix(60, 0), noon, 90 * time.Second, noon.Add(-90 * time.Second)},
		{"ok clock set back", noon, noon.Add(-time.Hour), time.Minute, noon.Add(-time.Hour - time.Minute)},
	} {
		if got := keepPace(tt.t, tt.now, tt.elapsed); !got.Equal(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
