package registry

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// State is what outlives the process: all of the registry that cannot be read
// from the kernel again.
type State struct {
	Began    time.Time // of records: what was seen soon after is no news
	Shutdown bool      // saved at an orderly end: nothing was shown afterwards

	Clients  []ClientState
	Counters sample.Accounting // epoch and named counters of the last reading at the forward hook, without elements
	Device   sample.Accounting // the same at the device hook
	Elements []ElementState    // raw counters of the same epochs, which the totals include
	Total    Tally
	Base     Tally // of Total, what was counted when the shown counters last began at zero

	Conflicts uint64
	Period    Period   // of the household
	Today     Period   // of the household
	Known     []uint64 // hashes of MACs that left, see macHash
}

// ClientState is one client.
type ClientState struct {
	MACs      []sample.MAC
	Addrs     []AddrState
	Primary   netip.Addr
	Name      string // as a DHCP server last knew it
	FirstSeen time.Time
	LastSeen  time.Time
	Baseline  bool
	Totals    Totals
	Base      Totals // of Totals, what was counted when the shown counters last began at zero
	Period    Period
	Today     Period
}

// AddrState is one address of a client and how it came to it.
type AddrState struct {
	Addr   netip.Addr
	Trust  uint8
	Seen   time.Time
	Proved time.Time
}

// ElementState is the last raw value of one kernel counter.
type ElementState struct {
	sample.Element
	Changed time.Time // when it last counted
}

// State copies all that has to be kept. shutdown tells that nothing will be
// shown any more.
func (r *Registry) State(shutdown bool) *State {
	s := &State{
		Began: r.began, Shutdown: shutdown, Total: r.total, Base: r.base,
		Conflicts: r.conflicts, Period: r.period, Today: r.today, Known: slices.Sorted(maps.Keys(r.known)),
	}
	s.Counters, s.Device = r.ledger.counters[sample.AtForward], r.ledger.counters[sample.AtDevice]
	s.Device.Hook = sample.AtDevice
	for c := range r.clients {
		if c.unused() {
			continue
		}
		cs := ClientState{
			MACs: slices.Clone(c.macs), Primary: c.primary, Name: c.name, FirstSeen: c.firstSeen, LastSeen: c.lastSeen,
			Baseline: c.baseline, Totals: c.totals, Base: c.base, Period: c.period, Today: c.today,
		}
		for _, a := range c.addrs {
			h := r.byAddr[a]
			cs.Addrs = append(cs.Addrs, AddrState{a, uint8(h.trust), h.seen, h.proved})
		}
		s.Clients = append(s.Clients, cs)
	}
	for k, v := range r.ledger.elements {
		e := k.element()
		e.Traffic = v.Traffic
		s.Elements = append(s.Elements, ElementState{e, v.changed})
	}
	return s
}

// Restore returns a registry that goes on where the state ends. What the state
// says twice (it may have been edited) counts for the first one named.
func Restore(cfg Config, s *State, now time.Time) *Registry {
	r := empty()
	r.restored, r.shutdown = true, s.Shutdown
	s.clampTimes(now)
	r.began, r.total, r.base, r.conflicts, r.period, r.today = s.Began, s.Total, s.Base, s.Conflicts, s.Period, s.Today
	for _, h := range s.Known {
		r.known[h] = struct{}{}
	}
	s.Device.Hook = sample.AtDevice
	r.ledger.counters = [sample.Hooks]sample.Accounting{s.Counters, s.Device}
	for _, e := range s.Elements {
		k := keyOf(&e.Element)
		r.ledger.elements[k] = &reading{key: k, Traffic: e.Traffic, changed: e.Changed}
	}
	for i := range s.Clients {
		r.restoreClient(&s.Clients[i])
	}
	r.Configure(cfg, now)
	return r
}

// clampTimes mends a state that was saved while the clock was ahead: a sighting in
// the future would keep every later one from counting. A clock that is itself
// unset says nothing.
func (s *State) clampTimes(now time.Time) {
	if now.Year() <= clockUnset {
		return
	}
	clamp := func(t *time.Time) {
		if t.After(now) {
			*t = now
		}
	}
	clamp(&s.Began)
	for i := range s.Clients {
		c := &s.Clients[i]
		clamp(&c.FirstSeen)
		clamp(&c.LastSeen)
		for j := range c.Addrs {
			clamp(&c.Addrs[j].Seen)
			clamp(&c.Addrs[j].Proved)
		}
	}
	for i := range s.Elements {
		clamp(&s.Elements[i].Changed)
	}
}

func (r *Registry) restoreClient(s *ClientState) {
	c := &client{
		name: s.Name, firstSeen: s.FirstSeen, lastSeen: s.LastSeen, baseline: s.Baseline,
		totals: s.Totals, base: s.Base, period: s.Period, today: s.Today, primary: s.Primary, shown: true,
	}
	r.enter(c)
	for _, m := range s.MACs {
		if r.byMAC[m] == nil && !m.IsZero() {
			r.giveMAC(m, c)
		}
	}
	for _, a := range s.Addrs {
		if r.byAddr[a.Addr] == nil && a.Addr.IsValid() {
			r.byAddr[a.Addr] = &holding{client: c, trust: min(trust(a.Trust), byNeighbour), seen: a.Seen, proved: a.Proved}
			c.addrs = append(c.addrs, a.Addr)
		}
	}
	r.choosePrimary(c)
	if len(c.macs) == 0 && len(c.addrs) == 0 {
		r.leave(c)
	}
}

// resume decides, at the first reading, whether the shown counters can go on.
// They can if the kernel's tables are still those the state knows, or if nothing
// was shown after the state was saved. Else scrapes may have seen more than the
// state holds, and a counter that restarts below that would look like a reset
// with all of it counted again: shown counters begin at zero, a plain reset.
// Lifetime and period go on.
func (r *Registry) resume(readings []sample.Accounting) (rebase bool) {
	if r.ledger.reads > 0 {
		return false
	}
	same := true
	for hook, known := range r.ledger.counters {
		i := slices.IndexFunc(readings, func(a sample.Accounting) bool { return a.Hook == sample.Hook(hook) })
		switch {
		case i >= 0 && hook == int(sample.AtDevice) && known.Epoch == "": // it came later, and all in it is new
		case i >= 0:
			same = same && readings[i].Epoch == known.Epoch
		default:
			same = same && known.Epoch == ""
		}
	}
	return r.lost || r.restored && !same && !r.shutdown
}

// Settle is called before anything is shown. Where no reading could tell whether
// the shown counters can go on, they begin at zero.
func (r *Registry) Settle() {
	if r.ledger.reads == 0 && r.restored && !r.shutdown {
		r.Rebase()
	}
}

// Rebase lets all shown counters begin again at zero.
func (r *Registry) Rebase() {
	r.base, r.conflicts = r.total, 0
	for c := range r.clients {
		c.base = c.totals
	}
}
