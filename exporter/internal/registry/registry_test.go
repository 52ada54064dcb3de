package registry

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"router-monitoring/exporter/internal/sample"
)

var (
	t0  = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	net = sample.Network{LAN: []sample.Link{{
		Name: "br-lan", Ethernet: true,
		Prefixes: []netip.Prefix{netip.MustParsePrefix("192.168.1.0/24"), netip.MustParsePrefix("fd00:1::/64")},
		Addrs:    []netip.Addr{netip.MustParseAddr("192.168.1.1"), netip.MustParseAddr("fd00:1::1")},
	}}}
)

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func mac(last byte) sample.MAC { return sample.MAC{0x52, 0x54, 0, 0, 0, last} }

func newRegistry(declared ...Declared) *Registry {
	r := New(Config{MaxClients: 100, OfflineThreshold: 5 * time.Minute, Declared: declared,
		Excluded: []netip.Prefix{netip.MustParsePrefix("192.168.1.9/32")}}, t0)
	r.SetNetwork(net)
	return r
}

// counters is what a kernel's table holds.
type counters struct {
	epoch     string
	elems     map[elementKey]sample.Traffic
	forwarded *sample.ByDirection
}

func (c counters) reading() sample.Accounting {
	a := sample.Accounting{Epoch: c.epoch, Forwarded: *c.forwarded}
	for k, t := range c.elems {
		a.Elements = append(a.Elements, sample.Element{Class: k.class, Direction: k.direction, MAC: k.mac, Addr: k.addr, Traffic: t})
	}
	return a
}

func (c counters) up(m sample.MAC, addr string, bytes uint64) {
	c.count(elementKey{class: sample.Internet, direction: sample.Upload, mac: m, addr: ip(addr)}, bytes)
}

func (c counters) down(addr string, bytes uint64) {
	c.count(elementKey{class: sample.Internet, direction: sample.Download, addr: ip(addr)}, bytes)
}

func (c counters) count(k elementKey, bytes uint64) {
	n := sample.Traffic{Bytes: bytes, Packets: 1}
	t := c.elems[k]
	add(&t, n)
	c.elems[k] = t
	if k.class == sample.Internet {
		add(&c.forwarded[k.direction], n)
	}
}

func epoch(name string) counters {
	return counters{name, map[elementKey]sample.Traffic{}, new(sample.ByDirection)}
}

// shown is what tests compare of a client.
type shown struct {
	Name     string
	MAC      sample.MAC
	Addr     string
	Up, Down uint64
}

func view(s *Snapshot) []shown {
	var out []shown
	for _, c := range s.Clients {
		out = append(out, shown{c.Name, c.MAC, addrString(c.Addr), c.Internet[sample.Upload].Bytes, c.Internet[sample.Download].Bytes})
	}
	return out
}

func addrString(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func confirmed(m sample.MAC, addr string) sample.Presence {
	return sample.Presence{Neighbours: []sample.Neighbour{{Interface: "br-lan", Addr: ip(addr), MAC: m, Confirmed: true}}}
}

func TestIdentity(t *testing.T) {
	tv := Declared{Name: "tv", Addrs: []netip.Addr{ip("192.168.1.20")}}
	laptop := Declared{Name: "laptop", MACs: []sample.MAC{mac(1), mac(2)}}
	both := Declared{Name: "nas", MACs: []sample.MAC{mac(7)}, Addrs: []netip.Addr{ip("192.168.1.30")}}
	tests := []struct {
		name     string
		declared []Declared
		do       func(r *Registry, c counters)
		want     []shown
	}{
		{"addresses of one MAC fold into one client, IPv4 is shown", nil, func(r *Registry, c counters) {
			c.up(mac(1), "fd00:1::5", 100)
			c.up(mac(1), "192.168.1.5", 10)
			c.down("fd00:1::5", 1000)
			r.SetAccounting(t0, c.reading())
		}, []shown{{"192.168.1.5", mac(1), "192.168.1.5", 110, 1000}}},
		{"a client behind another router is known by address", nil, func(r *Registry, c counters) {
			c.up(mac(1), "10.0.0.5", 5)
			c.up(mac(1), "10.0.0.6", 6)
			r.SetAccounting(t0, c.reading())
		}, []shown{{"10.0.0.5", sample.MAC{}, "10.0.0.5", 5, 0}, {"10.0.0.6", sample.MAC{}, "10.0.0.6", 6, 0}}},
		{"a declared address stands from the start", []Declared{tv}, func(*Registry, counters) {},
			[]shown{{"tv", sample.MAC{}, "192.168.1.20", 0, 0}}},
		{"a declared address learns its MAC", []Declared{tv}, func(r *Registry, c counters) {
			c.up(mac(3), "192.168.1.20", 7)
			c.up(mac(3), "fd00:1::20", 3)
			r.SetAccounting(t0, c.reading())
		}, []shown{{"tv", mac(3), "192.168.1.20", 10, 0}}},
		{"a declared address meets its MAC after that was seen elsewhere", []Declared{tv}, func(r *Registry, c counters) {
			c.up(mac(3), "fd00:1::20", 3)
			r.SetAccounting(t0, c.reading())
			r.SetPresence(t0, confirmed(mac(3), "192.168.1.20"))
		}, []shown{{"tv", mac(3), "192.168.1.20", 3, 0}}},
		{"a declared address follows the device that has it", []Declared{tv}, func(r *Registry, c counters) {
			c.up(mac(3), "192.168.1.20", 7)
			r.SetAccounting(t0, c.reading())
			r.SetPresence(t0.Add(time.Minute), confirmed(mac(4), "192.168.1.20"))
			c.up(mac(4), "192.168.1.20", 5)
			r.SetAccounting(t0, c.reading())
		}, []shown{{"tv", mac(4), "192.168.1.20", 12, 0}}},
		{"two declared addresses of one MAC stay two clients", []Declared{tv, {Name: "tv's other half", Addrs: []netip.Addr{ip("192.168.1.21")}}},
			func(r *Registry, c counters) {
				c.up(mac(3), "192.168.1.20", 7)
				r.SetAccounting(t0, c.reading())
				c.up(mac(3), "192.168.1.21", 5)
				r.SetAccounting(t0, c.reading())
			}, []shown{{"tv", mac(3), "192.168.1.20", 7, 0}, {"tv's other half", sample.MAC{}, "192.168.1.21", 5, 0}}},
		{"declared MACs are one client", []Declared{laptop}, func(r *Registry, c counters) {
			c.up(mac(1), "192.168.1.5", 1)
			r.SetAccounting(t0, c.reading())
			c.up(mac(2), "192.168.1.6", 2)
			r.SetAccounting(t0, c.reading())
		}, []shown{{"laptop", mac(1), "192.168.1.5", 3, 0}}},
		{"a declared MAC takes over what its address counted", []Declared{both}, func(r *Registry, c counters) {
			c.down("192.168.1.30", 9)
			c.up(mac(7), "192.168.1.30", 1)
			r.SetAccounting(t0, c.reading())
		}, []shown{{"nas", mac(7), "192.168.1.30", 1, 9}}},
		{"a forged source does not take another client's downloads", nil, func(r *Registry, c counters) {
			r.SetPresence(t0, confirmed(mac(1), "192.168.1.5"))
			r.SetPresence(t0, confirmed(mac(2), "192.168.1.6"))
			r.SetAccounting(t0, c.reading())
			c.up(mac(2), "192.168.1.5", 40)
			c.down("192.168.1.5", 500)
			r.SetAccounting(t0, c.reading())
		}, []shown{{"192.168.1.5", mac(1), "192.168.1.5", 0, 500}, {"192.168.1.6", mac(2), "192.168.1.6", 40, 0}}},
		{"an address that DHCP moved gives later bytes to the new owner", nil, func(r *Registry, c counters) {
			r.SetPresence(t0, confirmed(mac(1), "192.168.1.5"))
			c.down("192.168.1.5", 100)
			r.SetAccounting(t0, c.reading())
			r.SetPresence(t0.Add(time.Second), confirmed(mac(2), "192.168.1.5"))
			c.down("192.168.1.5", 11)
			r.SetAccounting(t0, c.reading())
		}, []shown{{"192.168.1.5", mac(2), "192.168.1.5", 0, 11}, {mac(1).String(), mac(1), "", 0, 100}}},
		{"a new address replaces the shown one once the old is no longer used", nil, func(r *Registry, c counters) {
			r.SetPresence(t0, confirmed(mac(1), "192.168.1.5"))
			r.SetPresence(t0.Add(time.Minute), confirmed(mac(1), "192.168.1.6"))
			if got := view(r.Snapshot(t0))[0].Addr; got != "192.168.1.5" {
				panic("shown address changed at once to " + got)
			}
			r.SetPresence(t0.Add(time.Hour), confirmed(mac(1), "192.168.1.6"))
		}, []shown{{"192.168.1.6", mac(1), "192.168.1.6", 0, 0}}},
		{"excluded addresses are nobody's", nil, func(r *Registry, c counters) {
			c.up(mac(1), "192.168.1.9", 5)
			c.up(mac(1), "192.168.1.1", 5) // forged: the router's own
			r.SetAccounting(t0, c.reading())
		}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRegistry(tt.declared...)
			c := epoch("a")
			tt.do(r, c)
			s := r.Snapshot(t0)
			if diff := cmp.Diff(tt.want, view(s), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("clients (-want +got):\n%s", diff)
			}
			checkAudit(t, r, s)
		})
	}
}

func TestConflictsAreCounted(t *testing.T) {
	r, c := newRegistry(), epoch("a")
	r.SetPresence(t0, confirmed(mac(1), "192.168.1.5"))
	r.SetAccounting(t0, c.reading())
	c.up(mac(2), "192.168.1.5", 40)
	r.SetAccounting(t0, c.reading())
	r.SetAccounting(t0, c.reading())
	if got := r.Snapshot(t0).Conflicts; got != 1 {
		t.Errorf("conflicts = %d, want 1: one packet", got)
	}
}

func TestTotalsOutliveTheTable(t *testing.T) {
	r, c := newRegistry(), epoch("a")
	c.up(mac(1), "192.168.1.5", 1000)
	r.SetAccounting(t0, c.reading())
	for _, step := range []struct {
		what string
		next counters
		want uint64
	}{
		{"made anew", epoch("b"), 1010},
		{"made anew again", epoch("c"), 1020},
	} {
		step.next.up(mac(1), "192.168.1.5", 10)
		r.SetAccounting(t0, step.next.reading())
		if got := view(r.Snapshot(t0))[0].Up; got != step.want {
			t.Errorf("%s: %d bytes, want %d", step.what, got, step.want)
		}
	}
	back := epoch("c") // the same table, a set flushed by hand
	back.forwarded[sample.Upload].Bytes = 10
	back.up(mac(1), "192.168.1.5", 3)
	r.SetAccounting(t0, back.reading())
	if got := view(r.Snapshot(t0))[0].Up; got != 1023 {
		t.Errorf("flushed set: %d bytes, want 1023", got)
	}
}

func TestDuplicatesInADumpDoNotCount(t *testing.T) {
	r, c := newRegistry(), epoch("a")
	c.up(mac(1), "192.168.1.5", 1000)
	newer, older := c.reading(), c.reading()
	older.Elements[0].Bytes = 900
	newer.Elements = append(newer.Elements, older.Elements...)
	r.SetAccounting(t0, newer)
	if got := view(r.Snapshot(t0))[0].Up; got != 1000 {
		t.Errorf("%d bytes, want 1000", got)
	}
}

func TestPresence(t *testing.T) {
	r, c := newRegistry(Declared{Name: "tv", Addrs: []netip.Addr{ip("192.168.1.20")}}), epoch("a")
	c.up(mac(1), "192.168.1.5", 1)
	r.SetAccounting(t0, c.reading()) // the first reading: how old the packet is nobody knows
	online := func(now time.Time) (n int) {
		for _, c := range r.Snapshot(now).Clients {
			if c.Online {
				n++
			}
		}
		return n
	}
	check := func(what string, now time.Time, want int) {
		t.Helper()
		if got := online(now); got != want {
			t.Errorf("%s: %d online, want %d", what, got, want)
		}
	}
	check("first reading", t0, 0)
	c.up(mac(1), "192.168.1.5", 1)
	r.SetAccounting(t0, c.reading())
	check("sent a packet", t0, 1)
	check("at the threshold", t0.Add(5*time.Minute), 1)
	check("past the threshold", t0.Add(5*time.Minute+1), 0)
	c.down("192.168.1.5", 1)
	r.SetAccounting(t0.Add(time.Hour), c.reading())
	check("received something", t0.Add(time.Hour), 0)
	r.SetPresence(t0.Add(time.Hour), sample.Presence{Stations: []sample.Station{{MAC: mac(1), Age: time.Minute}, {MAC: mac(9)}}})
	check("heard by the bridge", t0.Add(time.Hour), 1)
	if got := len(r.Snapshot(t0).Clients); got != 2 {
		t.Errorf("%d clients, want 2: a frame alone makes nobody known", got)
	}
	first := r.Snapshot(t0).Clients[0].FirstSeen
	if !first.Equal(t0) {
		t.Errorf("first seen %v, want %v", first, t0)
	}
}

func TestConnectionsFoldIntoClients(t *testing.T) {
	r, c := newRegistry(), epoch("a")
	c.up(mac(1), "192.168.1.5", 1)
	c.up(mac(1), "fd00:1::5", 1)
	r.SetAccounting(t0, c.reading())
	r.SetConnections(sample.Connections{ByAddr: map[netip.Addr]sample.Protocols{
		ip("192.168.1.5"): {TCP: 2, UDP: 1}, ip("fd00:1::5"): {TCP: 1, ICMP: 1}, ip("192.168.1.77"): {TCP: 9},
	}})
	want := sample.Protocols{TCP: 3, UDP: 1, ICMP: 1}
	if diff := cmp.Diff(want, r.Snapshot(t0).Clients[0].Connections); diff != "" {
		t.Error(diff)
	}
	r.SetConnections(sample.Connections{})
	if got := r.Snapshot(t0).Clients[0].Connections.Sum(); got != 0 {
		t.Errorf("%d connections after an empty reading", got)
	}
}

func TestMaxClients(t *testing.T) {
	r := New(Config{MaxClients: 3}, t0)
	r.SetNetwork(net)
	c := epoch("a")
	for i := range byte(10) {
		c.up(mac(i+1), fmt.Sprintf("192.168.1.%d", 10+i), 100)
	}
	r.SetAccounting(t0, c.reading())
	s := r.Snapshot(t0)
	if len(s.Clients) != 3 || s.Unattributed.Overflow[sample.Upload].Bytes != 700 {
		t.Errorf("%d clients, %d bytes without one; want 3 and 700", len(s.Clients), s.Unattributed.Overflow[sample.Upload].Bytes)
	}
	checkAudit(t, r, s)
}

func TestConfigureKeepsTotals(t *testing.T) {
	r, c := newRegistry(Declared{Name: "old", MACs: []sample.MAC{mac(1)}}, Declared{Name: "never seen", Addrs: []netip.Addr{ip("192.168.1.99")}}), epoch("a")
	c.up(mac(1), "192.168.1.5", 100)
	c.up(mac(2), "192.168.1.6", 10)
	r.SetAccounting(t0, c.reading())
	cfg := r.cfg
	cfg.Declared = []Declared{{Name: "new", MACs: []sample.MAC{mac(1), mac(2)}}}
	r.Configure(cfg, t0)
	want := []shown{{"new", mac(1), "192.168.1.5", 110, 0}}
	if diff := cmp.Diff(want, view(r.Snapshot(t0))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func checkAudit(t *testing.T, r *Registry, s *Snapshot) {
	t.Helper()
	for d := range sample.Directions {
		u := s.Unattributed
		sum := u.Overflow[d].Bytes + u.Excluded[d].Bytes + u.Unsolicited[d].Bytes + u.Evicted[d].Bytes + s.Forgotten[d].Bytes
		for _, c := range s.Clients {
			sum += c.Internet[d].Bytes
		}
		if sum != s.Forwarded[d].Bytes {
			t.Errorf("direction %d: clients and unattributed are %d bytes, forwarded %d", d, sum, s.Forwarded[d].Bytes)
		}
	}
	seen := map[string]bool{}
	for _, c := range s.Clients {
		key := fmt.Sprint(addrString(c.Addr), c.MAC)
		if seen[key] || key == "" {
			t.Errorf("two clients look the same: %q", key)
		}
		seen[key] = true
	}
}

// TestAnySequence plays random traffic, moves, conflicts, lost tables and
// changes of configuration, and checks after each step that no total of a
// client decreased and that every byte is somewhere.
func TestAnySequence(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		addr := func() string {
			if rnd.IntN(2) == 0 {
				return fmt.Sprintf("fd00:1::%d", rnd.IntN(8)+1)
			}
			return fmt.Sprintf("192.168.%d.%d", 1+rnd.IntN(2), rnd.IntN(12)+1)
		}
		device := func() sample.MAC { return mac(byte(rnd.IntN(6))) }
		r, c := newRegistry(), epoch("0")
		r.cfg.MaxClients = 4 + rnd.IntN(20)
		now, bytes := t0, uint64(0)
		for step := range 80 {
			now = now.Add(time.Duration(rnd.IntN(200)) * time.Second)
			switch rnd.IntN(11) {
			case 0, 1, 2:
				n := uint64(rnd.IntN(1500) + 1)
				c.up(device(), addr(), n)
				bytes += n
			case 3, 4:
				n := uint64(rnd.IntN(1500) + 1)
				c.down(addr(), n)
				bytes += n
			case 5:
				r.SetPresence(now, confirmed(device(), addr()))
			case 6:
				r.SetAccounting(now, c.reading())
				c = epoch(fmt.Sprint(seed, step))
			case 7:
				r.Configure(randomConfig(rnd, r.cfg, addr, device), now)
			case 8:
				r.SetLeases(now, []sample.Lease{{Addr: ip(addr()), MAC: device(), Name: "x"}})
			case 9:
				r.Tidy(now)
				idle := r.Idle(now)
				r.Drained(idle)
				for _, e := range idle {
					delete(c.elems, keyOf(&e))
				}
			case 10:
				r = Restore(r.cfg, r.State(false), now)
				r.SetNetwork(net)
			}
			series := func(c Client) string { return fmt.Sprint(c.Addr, c.Name, c.MAC) }
			before := map[string]Client{}
			for _, cl := range r.Snapshot(now).Clients {
				before[series(cl)] = cl
			}
			r.SetAccounting(now, c.reading())
			s := r.Snapshot(now)
			checkAudit(t, r, s)
			if got := s.Forwarded[0].Bytes + s.Forwarded[1].Bytes; got != bytes {
				t.Fatalf("seed %d step %d: forwarded %d bytes, sent %d", seed, step, got, bytes)
			}
			for _, cl := range s.Clients {
				for d := range sample.Directions {
					if old, ok := before[series(cl)]; ok && cl.Internet[d].Bytes < old.Internet[d].Bytes {
						t.Fatalf("seed %d step %d: total of %s decreased", seed, step, series(cl))
					}
				}
			}
			if t.Failed() {
				t.Fatalf("seed %d step %d", seed, step)
			}
		}
	}
}

func randomConfig(rnd *rand.Rand, cfg Config, addr func() string, device func() sample.MAC) Config {
	cfg.Declared = nil
	usedM, usedA := map[sample.MAC]bool{}, map[string]bool{}
	for i := range rnd.IntN(4) {
		d := Declared{Name: fmt.Sprint("declared ", i)}
		for range rnd.IntN(3) {
			if m := device(); !usedM[m] && !m.IsZero() {
				usedM[m], d.MACs = true, append(d.MACs, m)
			}
		}
		if a := addr(); !usedA[a] && a != "192.168.1.9" && a != "192.168.1.1" && a != "fd00:1::1" {
			usedA[a], d.Addrs = true, append(d.Addrs, ip(a))
		}
		if len(d.MACs)+len(d.Addrs) > 0 {
			cfg.Declared = append(cfg.Declared, d)
		}
	}
	return cfg
}
