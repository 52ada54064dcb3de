package registry

import (
	"net/netip"
	"testing"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// TestMergingShowsNoLeap declares as one client two that were shown apart.
func TestMergingShowsNoLeap(t *testing.T) {
	r, c := newRegistry(Declared{Name: "laptop", MACs: []sample.MAC{mac(1)}}), epoch("a")
	c.up(mac(1), "192.168.1.5", 100)
	c.up(mac(2), "192.168.1.6", 50)
	r.SetAccounting(t0, c.reading())
	r.Snapshot(t0)
	cfg := r.cfg
	cfg.Declared = []Declared{{Name: "laptop", MACs: []sample.MAC{mac(1), mac(2)}}}
	r.Configure(cfg, t0)
	s := r.Snapshot(t0)
	checkAudit(t, r, s)
	laptop := s.Clients[0]
	if got := laptop.Internet[sample.Upload].Bytes; got != 100 {
		t.Errorf("shows %d bytes, want the 100 it showed before", got)
	}
	if got := laptop.Lifetime[sample.Upload].Bytes; got != 150 {
		t.Errorf("lifetime %d bytes, want 150", got)
	}
	c.up(mac(2), "192.168.1.6", 7)
	r.SetAccounting(t0, c.reading())
	s = r.Snapshot(t0)
	checkAudit(t, r, s)
	if got := s.Clients[0].Internet[sample.Upload].Bytes; got != 107 {
		t.Errorf("then shows %d bytes, want 107", got)
	}
}

// TestNothingShownBeforeItIsSure restores a state of a crash without ever
// reading a counter.
func TestNothingShownBeforeItIsSure(t *testing.T) {
	for _, shutdown := range []bool{false, true} {
		r, c := newRegistry(), epoch("a")
		c.up(mac(1), "192.168.1.5", 100)
		r.SetAccounting(t0, c.reading())
		r = restart(r, r.State(shutdown))
		r.Settle()
		want := map[bool]uint64{false: 0, true: 100}[shutdown]
		if got := shownUp(t, r); got != want {
			t.Errorf("orderly end %v: shows %d bytes, want %d", shutdown, got, want)
		}
	}
}

func TestLostStateShowsNothingOld(t *testing.T) {
	r, c := NewAfterLoss(Config{MaxClients: 10}, t0), epoch("a")
	r.SetNetwork(net)
	c.up(mac(1), "192.168.1.5", 100)
	r.SetAccounting(t0, c.reading())
	if got := shownUp(t, r); got != 0 {
		t.Errorf("shows %d bytes that scrapes may have seen", got)
	}
	c.up(mac(1), "192.168.1.5", 5)
	r.SetAccounting(t0, c.reading())
	if got := shownUp(t, r); got != 5 {
		t.Errorf("shows %d bytes, want 5", got)
	}
}

// TestOldNeighboursAreNotThere: the kernel keeps entries of few devices for ever.
func TestOldNeighboursAreNotThere(t *testing.T) {
	r := newRegistry()
	r.SetPresence(t0, sample.Presence{Neighbours: []sample.Neighbour{
		{Addr: ip("192.168.1.5"), MAC: mac(1), Confirmed: true, Age: 8 * 24 * time.Hour},
		{Addr: ip("192.168.1.6"), MAC: mac(2), Confirmed: true, Age: time.Hour},
	}})
	if got := len(r.Snapshot(t0).Clients); got != 1 {
		t.Errorf("%d clients, want 1", got)
	}
}

// TestForgedTunnelAddress: a LAN device sends from the address of a VPN peer.
func TestForgedTunnelAddress(t *testing.T) {
	r, c := newRegistry(), epoch("a")
	n := net
	n.LAN = append([]sample.Link{{Name: "wg0", Prefixes: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/24")}}}, n.LAN...)
	r.SetNetwork(n)
	c.up(sample.MAC{}, "10.9.0.2", 10)
	c.up(mac(1), "192.168.1.5", 20)
	r.SetAccounting(t0, c.reading())
	c.up(mac(1), "10.9.0.2", 1)
	r.SetAccounting(t0, c.reading())
	if got := len(r.Snapshot(t0).Clients); got != 2 {
		t.Errorf("%d clients, want 2", got)
	}
}

// TestClockThatWasAhead restores a state saved years ahead of the real time.
func TestClockThatWasAhead(t *testing.T) {
	r, ahead := newRegistry(), t0.AddDate(5, 0, 0)
	r.SetPresence(ahead, confirmed(mac(1), "192.168.1.5"))
	now := t0.AddDate(0, 0, 1)
	s := r.State(true)
	r = Restore(r.cfg, s, now)
	r.SetNetwork(net)
	now = now.Add(time.Hour)
	if r.Snapshot(now).Clients[0].Online {
		t.Error("online, on the word of a clock that was ahead")
	}
	r.SetPresence(now, confirmed(mac(2), "192.168.1.5"))
	if got := r.byAddr[ip("192.168.1.5")].client.macs[0]; got != mac(2) {
		t.Errorf("the address is still %v's", got)
	}
}

func TestALeaseNamesItsOwnMAC(t *testing.T) {
	r := newRegistry()
	r.SetPresence(t0, confirmed(mac(1), "192.168.1.50"))
	r.SetLeases(t0, []sample.Lease{{Addr: ip("192.168.1.50"), MAC: mac(2), Name: "bobs-phone"}})
	if got := r.Snapshot(t0).Clients[0]; got.MAC == mac(1) && got.Name == "bobs-phone" {
		t.Error("a device with a static address is called as the lease's owner")
	}
}

func TestUndeclaredWithoutAddressLeaves(t *testing.T) {
	tv := Declared{Name: "tv", Addrs: []netip.Addr{ip("192.168.1.20")}}
	r, c := newRegistry(tv), epoch("a")
	c.down("192.168.1.20", 5)
	r.SetAccounting(t0, c.reading())
	cfg := r.cfg
	cfg.Excluded = append(cfg.Excluded, netip.MustParsePrefix("192.168.1.20/32"))
	r.Configure(cfg, t0)
	cfg.Declared = nil
	r.Configure(cfg, t0)
	s := r.Snapshot(t0)
	checkAudit(t, r, s)
	if len(s.Clients) != 0 {
		t.Errorf("left: %v", s.Clients)
	}
}

// TestTrafficWhileReading: packets that came between the reading of elements and
// of the counter of all, in a table that is gone before the next reading.
func TestTrafficWhileReading(t *testing.T) {
	r, c := newRegistry(), epoch("a")
	c.up(mac(1), "192.168.1.5", 100)
	a := c.reading()
	late := sample.Traffic{Bytes: 30, Packets: 1}
	add(&a.Forwarded[sample.Upload], late)
	add(&a.Meanwhile[sample.Upload], sample.Traffic{Bytes: 40, Packets: 2})
	r.SetAccounting(t0, a)
	checkAudit(t, r, r.Snapshot(t0))
	c = epoch("b")
	c.up(mac(1), "192.168.1.5", 10)
	r.SetAccounting(t0, c.reading())
	s := r.Snapshot(t0)
	checkAudit(t, r, s)
	if got := s.Forwarded[sample.Upload].Bytes; got != 110 {
		t.Errorf("forwarded %d bytes, want 110", got)
	}

	a = c.reading()
	add(&a.Forwarded[sample.Upload], sample.Traffic{Bytes: 1000, Packets: 1}) // counted nowhere else: a fault
	r.SetAccounting(t0, a)
	if s = r.Snapshot(t0); s.Forwarded[sample.Upload].Bytes != 1110 {
		t.Error("a fault that the audit should show was taken back")
	}
}

// TestClockSteps sets the clock years ahead and back between the readings of a
// client that goes on sending: nothing is lost, nothing counts twice, and it is
// online by each clock.
func TestClockSteps(t *testing.T) {
	r := newRegistry()
	c := epoch("a")
	var want uint64
	for i, now := range []time.Time{t0, t0.AddDate(5, 0, 0), t0.AddDate(-10, 0, 0), t0.Add(time.Hour), t0.Add(time.Hour + time.Second)} {
		c.up(mac(1), "192.168.1.10", 100)
		want += 100
		r.SetAccounting(now, c.reading())
		r.SetPresence(now, confirmed(mac(1), "192.168.1.10"))
		s := r.Snapshot(now)
		if len(s.Clients) != 1 || s.Clients[0].Internet[sample.Upload].Bytes != want || s.Forwarded[sample.Upload].Bytes != want {
			t.Errorf("step %d: %+v, want %d bytes", i, view(s), want)
		}
		if !s.Clients[0].Online {
			t.Errorf("step %d: offline", i)
		}
	}
}
