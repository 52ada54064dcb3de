package registry

import (
	"net/netip"
	"slices"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// client is one device. It has a MAC, an address, or is declared.
type client struct {
	declared *Declared    // nil for those the owner did not name
	macs     []sample.MAC // the first one is shown
	addrs    []netip.Addr // all it holds, in order of arrival
	primary  netip.Addr   // the one shown; zero while it has none

	totals      Totals
	connections sample.Protocols
	firstSeen   time.Time // zero until it was seen
	lastSeen    time.Time // zero until it was seen
}

// Totals are a client's counters. They never decrease.
type Totals struct {
	Internet sample.ByDirection // IPv4 and IPv6
	IPv6     sample.ByDirection // the IPv6 part of Internet
	Local    sample.ByDirection // to and from other local networks
}

func (t *Totals) add(class sample.Class, d sample.Direction, ipv6 bool, n sample.Traffic) {
	if class == sample.Local {
		add(&t.Local[d], n)
		return
	}
	add(&t.Internet[d], n)
	if ipv6 {
		add(&t.IPv6[d], n)
	}
}

func (t *Totals) merge(o Totals) {
	for d := range sample.Directions {
		add(&t.Internet[d], o.Internet[d])
		add(&t.IPv6[d], o.IPv6[d])
		add(&t.Local[d], o.Local[d])
	}
}

func add(t *sample.Traffic, n sample.Traffic) {
	t.Bytes += n.Bytes
	t.Packets += n.Packets
}

// unused reports a client that only ever stood in the configuration.
func (c *client) unused() bool { return c.lastSeen.IsZero() && c.totals == Totals{} }

// seen notes a sign of life at a time that may lie in the past.
func (c *client) seen(at time.Time) {
	if at.After(c.lastSeen) {
		c.lastSeen = at
	}
	if c.firstSeen.IsZero() || at.Before(c.firstSeen) {
		c.firstSeen = at
	}
}

// newClient returns nil where max_clients are known already; declared clients
// always find a place.
func (r *Registry) newClient(declared *Declared) *client {
	if declared == nil && len(r.clients) >= r.cfg.MaxClients {
		return nil
	}
	c := &client{declared: declared}
	r.clients[c] = struct{}{}
	return c
}

func (r *Registry) remove(c *client) {
	for _, m := range c.macs {
		delete(r.byMAC, m)
	}
	for _, a := range c.addrs {
		delete(r.byAddr, a)
	}
	delete(r.clients, c)
}

// merge makes one client of two that turned out to be the same device: the
// second one is gone afterwards. Its totals move, so that no byte is lost.
func (r *Registry) merge(into, from *client) {
	if into == from {
		return
	}
	into.totals.merge(from.totals)
	if !from.lastSeen.IsZero() {
		into.seen(from.firstSeen)
		into.seen(from.lastSeen)
	}
	for _, m := range from.macs {
		r.byMAC[m] = into
		into.macs = append(into.macs, m)
	}
	for _, a := range from.addrs {
		r.byAddr[a].client = into
		into.addrs = append(into.addrs, a)
	}
	delete(r.clients, from)
	r.choosePrimary(into)
}

// declare finds or makes the client of a declaration and gives it all its MACs
// and addresses. What was counted for them as separate clients is merged.
func (r *Registry) declare(d *Declared, now time.Time) {
	var c *client
	join := func(o *client) {
		switch {
		case o == nil || o.declared != nil && o.declared != d:
		case c == nil:
			c, o.declared = o, d
		default:
			r.merge(c, o)
		}
	}
	for _, m := range d.MACs {
		join(r.byMAC[m])
	}
	for _, a := range d.Addrs {
		if h := r.byAddr[a]; h != nil {
			join(h.client)
		}
	}
	if c == nil {
		c = r.newClient(d)
	}
	for _, m := range d.MACs {
		r.giveMAC(m, c)
	}
	c.macs = append(slices.Clone(d.MACs), slices.DeleteFunc(c.macs, func(m sample.MAC) bool { return slices.Contains(d.MACs, m) })...)
	for _, a := range d.Addrs {
		r.claim(a, c, byOwner, now)
	}
}
