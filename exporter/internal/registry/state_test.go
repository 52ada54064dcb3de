package registry

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"router-monitoring/exporter/internal/sample"
)

// shownUp is what the only client's upload counter shows.
func shownUp(t *testing.T, r *Registry) uint64 {
	t.Helper()
	s := r.Snapshot(t0)
	if len(s.Clients) != 1 {
		t.Fatalf("%d clients, want 1", len(s.Clients))
	}
	checkAudit(t, r, s)
	return s.Clients[0].Internet[sample.Upload].Bytes
}

func restart(r *Registry, s *State) *Registry {
	next := Restore(r.cfg, s, t0)
	next.SetNetwork(net)
	return next
}

// TestCountersOverARestart goes through the ways in which a process can end.
func TestCountersOverARestart(t *testing.T) {
	for _, tt := range []struct {
		name     string
		shutdown bool   // the state was saved at the end, not in passing
		epoch    string // of the table the next process finds
		later    uint64 // bytes it holds beyond those of the state, or all of a new table
		want     uint64 // shown afterwards
		lifetime uint64
	}{
		{"stopped, the table counts on", true, "a", 50, 1050, 1050},
		{"killed, the table counts on", false, "a", 50, 1050, 1050},
		{"clean reboot", true, "b", 7, 1007, 1007},
		{"power cut: shown counters begin at zero, the lifetime goes on", false, "b", 7, 0, 1007},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, c := newRegistry(), epoch("a")
			c.up(mac(1), "192.168.1.5", 1000)
			r.SetAccounting(t0, c.reading())
			s := r.State(tt.shutdown)
			if tt.epoch != "a" {
				c = epoch(tt.epoch)
			}
			c.up(mac(1), "192.168.1.5", tt.later)
			r = restart(r, s)
			r.SetAccounting(t0, c.reading())
			if got := shownUp(t, r); got != tt.want {
				t.Errorf("shows %d bytes, want %d", got, tt.want)
			}
			if got := r.Snapshot(t0).Clients[0].Lifetime[sample.Upload].Bytes; got != tt.lifetime {
				t.Errorf("lifetime %d bytes, want %d", got, tt.lifetime)
			}
			c.up(mac(1), "192.168.1.5", 1)
			r.SetAccounting(t0, c.reading())
			if got := shownUp(t, r); got != tt.want+1 {
				t.Errorf("then shows %d bytes, want %d", got, tt.want+1)
			}
		})
	}
}

func TestStateKeepsEverything(t *testing.T) {
	r, c := newRegistry(), epoch("a")
	r.cfg.Quota = Quota{Bytes: 1, BillingDay: 3}
	c.up(mac(1), "192.168.1.5", 1000)
	c.up(mac(1), "fd00:1::5", 10)
	c.down("192.168.1.5", 1)
	c.count(elementKey{class: sample.Local, direction: sample.Download, addr: ip("192.168.1.5")}, 5)
	c.up(mac(2), "192.168.1.6", 4)
	r.SetAccounting(t0, c.reading())
	r.SetLeases(t0, []sample.Lease{{Addr: ip("192.168.1.5"), MAC: mac(1), Name: "laptop"}})
	r.SetPresence(t0, confirmed(mac(3), "192.168.1.7"))
	r.Snapshot(t0) // names come from leases here
	next := restart(r, r.State(false))
	next.SetAccounting(t0, c.reading())
	before, after := r.Snapshot(t0), next.Snapshot(t0)
	for i := range before.Clients {
		if before.Clients[i].NameSource == NameLease {
			before.Clients[i].NameSource = NameRemembered // until leases are read again
		}
	}
	if diff := cmp.Diff(before, after, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	ignoreOrder := cmpopts.SortSlices(func(a, b any) bool { return fmt.Sprint(a) < fmt.Sprint(b) })
	if diff := cmp.Diff(r.State(false), next.State(false), cmpopts.EquateComparable(netip.Addr{}), ignoreOrder); diff != "" {
		t.Errorf("state (-before +after):\n%s", diff)
	}
}

func TestNames(t *testing.T) {
	declared := Declared{Name: "my tv", MACs: []sample.MAC{mac(9)}}
	r, c := newRegistry(declared), epoch("a")
	r.cfg.Vendor = func(m sample.MAC) string {
		if m == mac(3) {
			return "acme"
		}
		return ""
	}
	for i, m := range []byte{1, 2, 3, 9} {
		c.up(mac(m), fmt.Sprintf("192.168.1.%d", 50+i), 1)
	}
	r.SetAccounting(t0, c.reading())
	lease := func(m byte, addr, name string) sample.Lease {
		return sample.Lease{Addr: ip(addr), MAC: mac(m), Name: name}
	}
	leases := []sample.Lease{lease(1, "192.168.1.50", "phone"), lease(9, "192.168.1.53", "bravia-4k")}
	r.SetLeases(t0, leases)
	check := func(want ...string) {
		t.Helper()
		var got []string
		for _, c := range r.Snapshot(t0).Clients {
			got = append(got, fmt.Sprintf("%s (%s)", c.Name, c.NameSource))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	check("phone (lease)", "192.168.1.51 (address)", "acme 00:03 (vendor)", "my tv (declared)")
	leases = append(leases[1:], lease(2, "192.168.1.51", "phone"))
	r.SetLeases(t0, leases)
	check("phone (remembered)", "phone (lease)", "acme 00:03 (vendor)", "my tv (declared)")
}

func TestLeaseEnd(t *testing.T) {
	r, c := newRegistry(), epoch("a")
	c.up(mac(1), "192.168.1.5", 1)
	c.up(mac(1), "192.168.1.6", 1) // not the primary one
	c.up(mac(1), "fd00:1::5", 1)
	r.SetAccounting(t0, c.reading())
	primary := ip("192.168.1.5")
	if got := r.Snapshot(t0).Clients[0].Addr; got != primary {
		t.Fatalf("primary address %s", got)
	}
	hours := func(n int) time.Time { return t0.Add(time.Duration(n) * time.Hour) }
	lease := func(addr string, m byte, end time.Time) sample.Lease {
		return sample.Lease{Addr: ip(addr), MAC: mac(m), Expires: end}
	}
	for _, tt := range []struct {
		name   string
		leases []sample.Lease
		want   time.Time
	}{
		{"none", []sample.Lease{}, time.Time{}},
		{"the primary address's", []sample.Lease{lease("192.168.1.5", 1, hours(1)), lease("192.168.1.6", 1, hours(3))}, hours(1)},
		{"the longest of others", []sample.Lease{lease("192.168.1.6", 1, hours(3)), lease("fd00:1::5", 1, hours(2))}, hours(3)},
		{"without a MAC", []sample.Lease{{Addr: ip("fd00:1::5"), Expires: hours(2)}}, hours(2)},
		{"without end", []sample.Lease{lease("192.168.1.5", 1, time.Time{}), lease("fd00:1::5", 1, hours(2))}, time.Time{}},
		{"one of others without end", []sample.Lease{lease("192.168.1.6", 1, hours(3)), lease("fd00:1::5", 1, time.Time{})}, time.Time{}},
		{"ended", []sample.Lease{lease("192.168.1.5", 1, hours(-1))}, time.Time{}},
		{"the primary address's has ended", []sample.Lease{lease("192.168.1.5", 1, hours(-1)), lease("fd00:1::5", 1, hours(2))}, hours(2)},
		{"another device's", []sample.Lease{lease("192.168.1.5", 2, hours(1))}, time.Time{}},
	} {
		r.leases = nil // no news, so that no address moves
		r.SetLeases(t0, tt.leases)
		if got := r.Snapshot(t0).Clients[0].LeaseEnd; !got.Equal(tt.want) {
			t.Errorf("%s: ends %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestLeasesMoveAddresses(t *testing.T) {
	r, c := newRegistry(), epoch("a")
	lease := func(m byte) []sample.Lease { return []sample.Lease{{Addr: ip("192.168.1.5"), MAC: mac(m)}} }
	r.SetLeases(t0, lease(1))
	c.down("192.168.1.5", 100)
	r.SetAccounting(t0, c.reading())
	r.SetPresence(t0, confirmed(mac(1), "192.168.1.5"))
	r.SetLeases(t0.Add(time.Minute), lease(2))
	// The neighbour table still holds the proof of a minute ago.
	r.SetPresence(t0.Add(time.Minute), sample.Presence{Neighbours: []sample.Neighbour{
		{Addr: ip("192.168.1.5"), MAC: mac(1), Confirmed: true, Age: time.Minute}}})
	c.down("192.168.1.5", 11)
	r.SetAccounting(t0.Add(time.Minute), c.reading())
	want := []shown{{"192.168.1.5", mac(2), "192.168.1.5", 0, 11}, {mac(1).String(), mac(1), "", 0, 100}}
	if diff := cmp.Diff(want, view(r.Snapshot(t0))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPeriods(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", s, berlin)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, tt := range []struct {
		name  string
		day   int
		now   string
		start string
	}{
		{"on the day", 15, "2026-03-15 00:00", "2026-03-15 00:00"},
		{"just before", 15, "2026-03-14 23:59", "2026-02-15 00:00"},
		{"the 31st in a short month", 31, "2026-02-28 12:00", "2026-02-28 00:00"},
		{"the 31st before a short month", 31, "2026-02-27 12:00", "2026-01-31 00:00"},
		{"leap day", 29, "2028-02-29 00:00", "2028-02-29 00:00"},
		{"over the year's end", 20, "2027-01-02 00:00", "2026-12-20 00:00"},
		{"summer time begins in the period", 28, "2026-03-30 00:00", "2026-03-28 00:00"},
		{"summer time begins on the day", 29, "2026-03-29 03:30", "2026-03-29 00:00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := periodStart(at(tt.now).UTC(), tt.day, berlin); !got.Equal(at(tt.start)) {
				t.Errorf("period of %s began %s, want %s", tt.now, got, tt.start)
			}
		})
	}

	r, c := newRegistry(Declared{Name: "x", MACs: []sample.MAC{mac(1)}, Quota: Quota{Bytes: 1000, BillingDay: 20}}), epoch("a")
	cfg := r.cfg
	cfg.Location, cfg.Quota = berlin, Quota{Bytes: 5000, BillingDay: 15}
	r.Configure(cfg, at("2026-01-10 00:00"))
	for _, step := range []struct {
		now               string
		client, household uint64 // bytes since their billing days
	}{
		{"2026-01-10 12:00", 100, 100},
		{"2026-01-16 12:00", 200, 100}, // the household's day was the 15th
		{"2026-01-21 12:00", 100, 200}, // the client's was the 20th
		{"1970-01-01 00:01", 200, 300}, // a boot without a battery
		{"2026-01-21 13:00", 300, 400}, // NTP
		{"2026-01-01 00:00", 400, 500}, // a boot at the time the system was built
		{"2026-01-21 13:30", 500, 600},
		{"2031-05-21 13:00", 100, 100}, // the clock leaps ahead
		{"2026-01-21 14:00", 200, 200}, // and comes back
		{"2026-01-21 15:30", 800, 900}, // for good, so that was no new period
		{"2026-02-20 00:00", 100, 100}, // both days came
	} {
		c.up(mac(1), "192.168.1.5", 100)
		r.SetAccounting(at(step.now), c.reading())
		s := r.Snapshot(at(step.now))
		if got := s.Clients[0].Period[sample.Upload].Bytes; got != step.client {
			t.Errorf("%s: client used %d, want %d", step.now, got, step.client)
		}
		if got := s.Period[sample.Upload].Bytes; got != step.household {
			t.Errorf("%s: household used %d, want %d", step.now, got, step.household)
		}
	}
}

func TestFloodOfNewClients(t *testing.T) {
	r, c := newRegistry(), epoch("a")
	r.cfg.MaxClients = 50
	for i := range 10 {
		c.up(mac(byte(i)), fmt.Sprintf("192.168.1.%d", 10+i), 2<<20)
	}
	r.SetAccounting(t0, c.reading())
	now := t0.Add(time.Hour)
	for i := range 1000 {
		c.up(sample.MAC{2, 1, 1, 1, byte(i >> 8), byte(i)}, fmt.Sprintf("192.168.1.%d", 30+i%200), 100)
		if i%10 == 0 {
			now = now.Add(time.Second)
			r.SetAccounting(now, c.reading())
		}
	}
	s := r.Snapshot(now)
	if len(s.Clients) > 50 {
		t.Errorf("%d clients", len(s.Clients))
	}
	established := 0
	for _, c := range s.Clients {
		if c.Internet[sample.Upload].Bytes >= 2<<20 {
			established++
		}
	}
	if established != 10 {
		t.Errorf("%d of 10 established clients are left", established)
	}
	checkAudit(t, r, s)

	// Who brings more than a forged client ever did takes its place.
	now = now.Add(time.Hour)
	c.up(mac(77), "192.168.1.250", 3<<20)
	r.SetAccounting(now, c.reading())
	s = r.Snapshot(now)
	checkAudit(t, r, s)
	if s.Forgotten[sample.Upload].Bytes == 0 {
		t.Error("nobody made room")
	}
	found := false
	for _, c := range s.Clients {
		found = found || c.MAC == mac(77)
	}
	if !found || len(s.Clients) > 50 {
		t.Errorf("the newcomer is there: %v, of %d clients", found, len(s.Clients))
	}
}

func TestNewDevicesAreNews(t *testing.T) {
	r, c := newRegistry(), epoch("a")
	c.up(mac(1), "192.168.1.5", 1)
	r.SetAccounting(t0, c.reading())
	r.SetPresence(t0.Add(5*time.Minute), confirmed(mac(2), "192.168.1.6"))
	r.SetPresence(t0.Add(time.Hour), confirmed(mac(3), "192.168.1.7"))
	baseline := func(at time.Time) map[sample.MAC]bool {
		m := map[sample.MAC]bool{}
		for _, c := range r.Snapshot(at).Clients {
			m[c.MAC] = c.Baseline
		}
		return m
	}
	r.SetPresence(t0, confirmed(mac(1), "192.168.1.5"))
	if diff := cmp.Diff(map[sample.MAC]bool{mac(1): true, mac(2): true, mac(3): false}, baseline(t0)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	r.cfg.ForgetAfter = 90 * 24 * time.Hour
	r.Tidy(t0.Add(91 * 24 * time.Hour))
	if n := len(r.Snapshot(t0).Clients); n != 0 {
		t.Errorf("%d clients after forget_after", n)
	}
	r = restart(r, r.State(true))
	r.SetPresence(t0.Add(100*24*time.Hour), confirmed(mac(3), "192.168.1.7"))
	if !baseline(t0)[mac(3)] {
		t.Error("a device that was forgotten is news when it comes back")
	}
}

// TestAYearOfPrivacyAddresses lets 25 clients change their IPv6 address daily.
func TestAYearOfPrivacyAddresses(t *testing.T) {
	r, c := newRegistry(), epoch("a")
	week := 0
	for day := range 365 {
		for hour := range 24 {
			now := t0.Add(time.Duration(day*24+hour) * time.Hour)
			for i := range 25 {
				addr := fmt.Sprintf("fd00:1::%x:%x", day+1, i+1)
				c.up(mac(byte(i)+1), addr, 10)
				c.down(addr, 100)
			}
			r.SetAccounting(now, c.reading())
			idle := r.Idle(now)
			for _, e := range idle {
				delete(c.elems, keyOf(&e))
			}
			r.Drained(idle)
			r.Tidy(now)
		}
		if day == 6 {
			week = len(c.elems)
		}
	}
	if len(c.elems) > week {
		t.Errorf("%d elements after a year, %d after a week", len(c.elems), week)
	}
	s := r.Snapshot(t0.Add(365 * 24 * time.Hour))
	checkAudit(t, r, s)
	if len(s.Clients) != 25 {
		t.Errorf("%d clients", len(s.Clients))
	}
	for _, c := range s.Clients {
		if len(c.Addrs) > 9 || c.Lifetime[sample.Download].Bytes != 365*24*100 {
			t.Errorf("%v: %d addresses, %d bytes", c.MAC, len(c.Addrs), c.Lifetime[sample.Download].Bytes)
		}
	}
	t.Logf("elements: %d after a week, %d after a year; ledger %d, addresses %d", week, len(c.elems), len(r.ledger.elements), len(r.byAddr))
}
