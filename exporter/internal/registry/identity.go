package registry

import (
	"net/netip"
	"slices"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// trust is how an address came to its client. A claim takes an address only
// from a holder of less trust, so a forged source never gets another client's
// downloads.
type trust uint8

const (
	byTraffic   trust = iota // a frame came with this MAC and source address
	byLease                  // a DHCP server gave it
	byNeighbour              // the kernel's neighbour table confirmed it
	byOwner                  // it stands in the configuration
)

// holding is one address and whose it is.
type holding struct {
	client *client
	trust  trust
	proved time.Time // when a neighbour entry or a lease last said so
	seen   time.Time // last sign that the address is in use; zero if none
}

// evidence is why an address should be a client's.
type evidence struct {
	trust trust
	at    time.Time
}

// clientOfMAC finds or makes the client of a MAC; nil where there is no room.
func (r *Registry) clientOfMAC(m sample.MAC, now time.Time) *client {
	if c := r.byMAC[m]; c != nil {
		return c
	}
	c := r.newClient(nil, now)
	if c != nil {
		r.giveMAC(m, c)
	}
	return c
}

func (r *Registry) giveMAC(m sample.MAC, c *client) {
	old := r.byMAC[m]
	if old == c {
		return
	}
	if old != nil {
		old.macs = slices.DeleteFunc(old.macs, func(o sample.MAC) bool { return o == m })
	}
	r.byMAC[m] = c
	c.macs = append(c.macs, m)
}

// clientOfAddr finds the holder of an address, or makes a client that is known
// by the address alone; nil where there is no room.
func (r *Registry) clientOfAddr(a netip.Addr, now time.Time) *client {
	if h := r.byAddr[a]; h != nil {
		return h.client
	}
	if l, ok := r.leases[party{addr: a}]; ok && !l.MAC.IsZero() && r.link(a) != nil {
		c, _ := r.bind(l.MAC, a, evidence{byLease, time.Time{}}, now)
		return c
	}
	c := r.newClient(nil, now)
	if c != nil {
		r.claim(a, c, evidence{byTraffic, now}, now)
	}
	return c
}

// uploader finds the client that sent from addr with this MAC, and settles whom
// the address belongs to. packets is how many came since the last reading.
func (r *Registry) uploader(m sample.MAC, addr netip.Addr, packets uint64, now time.Time) *client {
	if l := r.link(addr); m.IsZero() || m.IsGroup() || l == nil || !l.Ethernet {
		return r.clientOfAddr(addr, now)
	}
	c, ok := r.bind(m, addr, evidence{byTraffic, now}, now)
	if !ok {
		r.conflicts += packets
	}
	return c
}

// bind joins a MAC and an address on the word of a source of the given trust,
// and returns the client of the MAC, nil where there is no room for it. The
// answer is false where better knowledge contradicts: the address stays where
// it is, the MAC's traffic is still its own.
func (r *Registry) bind(m sample.MAC, addr netip.Addr, e evidence, now time.Time) (*client, bool) {
	known := r.byMAC[m]
	if h := r.byAddr[addr]; h != nil && h.client != known && r.yieldsMAC(h, e) {
		// Known by its address so far; now it has a MAC.
		switch {
		case known == nil:
			r.giveMAC(m, h.client)
		case h.client.declared == nil:
			r.merge(known, h.client)
		case known.declared == nil:
			r.merge(h.client, known)
		default: // two declared clients behind one MAC: the address tells them apart
			return h.client, true
		}
	}
	c := r.clientOfMAC(m, now)
	return c, c == nil || r.claim(addr, c, e, now)
}

// yieldsMAC makes way for the MAC of an address where it can: its client has none
// yet, or it is declared by address and the neighbour table or a lease, which know
// better than a frame's source, name another device. That one takes the name over,
// and the client lets go of the MACs it had.
func (r *Registry) yieldsMAC(h *holding, e evidence) bool {
	c := h.client
	if len(c.macs) == 0 {
		return true
	}
	if e.trust < byLease || h.trust != byOwner || len(c.declared.MACs) > 0 || !e.at.After(h.proved) {
		return false
	}
	for _, m := range c.macs { // the address moved to another device and took its name along
		delete(r.byMAC, m)
	}
	c.macs = nil
	return true
}

// claim gives an address to a client if nobody with better evidence holds it.
// Among neighbour entries and leases the newer word counts; traffic alone moves
// an address only from a client that is offline.
func (r *Registry) claim(a netip.Addr, c *client, e evidence, now time.Time) bool {
	h := r.byAddr[a]
	if h != nil && h.client != c {
		gone := now.Sub(h.client.lastSeen) > r.cfg.OfflineThreshold
		switch {
		case h.trust == byOwner:
			return false
		case e.trust == byTraffic && !gone:
			return false
		case (e.trust == byLease || e.trust == byNeighbour) && h.trust > byTraffic && !e.at.After(h.proved):
			return false
		}
		r.release(a)
		r.moved = true
		h = nil
	}
	if h == nil {
		h = &holding{client: c, trust: e.trust}
		r.byAddr[a] = h
		c.addrs = append(c.addrs, a)
		r.trimAddrs(c)
		r.choosePrimary(c)
	}
	h.trust = max(h.trust, e.trust)
	if e.trust > byTraffic && e.at.After(h.proved) {
		h.proved = e.at
	}
	return true
}

// release takes an address from its holder. A client left with neither MAC nor
// address nor declaration is gone, and its totals are nobody's.
func (r *Registry) release(a netip.Addr) {
	c := r.byAddr[a].client
	delete(r.byAddr, a)
	c.addrs = slices.DeleteFunc(c.addrs, func(o netip.Addr) bool { return o == a })
	r.choosePrimary(c)
	if len(c.addrs) == 0 && len(c.macs) == 0 && c.declared == nil {
		r.leave(c)
	}
}

// choosePrimary keeps the shown address while it is in use, and else takes the
// one seen last; IPv4 goes before IPv6.
func (r *Registry) choosePrimary(c *client) {
	best := c.primary
	if h := r.byAddr[best]; h == nil || h.client != c {
		best = netip.Addr{}
	}
	for _, a := range c.addrs {
		if !best.IsValid() || a.Is4() && !best.Is4() || a.Is4() == best.Is4() && r.supersedes(a, best) {
			best = a
		}
	}
	c.primary = best
}

// supersedes reports that a is in use and b has not been for long.
func (r *Registry) supersedes(a, b netip.Addr) bool {
	return r.byAddr[a].seen.Sub(r.byAddr[b].seen) > r.cfg.OfflineThreshold
}
