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

	totals      Totals // all there ever was
	base        Totals // the part of it that is no longer shown
	period      Period
	today       Period
	motion      motion
	shown       bool // a snapshot has shown it
	connections sample.Protocols

	name      string    // from a DHCP lease, now or once
	leased    bool      // the lease is there now
	firstSeen time.Time // zero until it was seen
	lastSeen  time.Time // zero until it was seen
	baseline  bool      // it was there when records began, or had been known before
}

// unused reports a client that only ever stood in the configuration.
func (c *client) unused() bool { return c.lastSeen.IsZero() && c.totals == Totals{} }

// saw notes a sign of life of a client, at a time that may lie in the past.
func (r *Registry) saw(c *client, at time.Time) {
	if at.After(c.lastSeen) {
		c.lastSeen = at
	}
	if !c.firstSeen.IsZero() {
		return
	}
	c.firstSeen = at
	c.baseline = at.Sub(r.began) <= baselineTime
	for _, m := range c.macs {
		if _, known := r.known[macHash(m)]; known {
			c.baseline = true
		}
	}
}

// merge makes one client of two that turned out to be the same device: the
// second one is gone afterwards. Its totals move. What scrapes have seen of them
// is not shown again, for a counter that jumps looks like traffic.
func (r *Registry) merge(into, from *client) {
	if into == from {
		return
	}
	into.totals = into.totals.plus(from.totals)
	if from.shown {
		r.base.Forgotten = minus(r.base.Forgotten, from.totals.minus(from.base).Internet)
		into.base = into.base.plus(from.totals)
	} else {
		into.base = into.base.plus(from.base)
	}
	r.moved = true
	into.period.Base = plus(into.period.Base, from.period.Base)
	into.today.Base = plus(into.today.Base, from.today.Base)
	into.motion.merge(&from.motion)
	into.baseline = into.baseline || from.baseline
	if into.name == "" {
		into.name = from.name
	}
	if into.firstSeen.IsZero() || !from.firstSeen.IsZero() && from.firstSeen.Before(into.firstSeen) {
		into.firstSeen = from.firstSeen
	}
	if from.lastSeen.After(into.lastSeen) {
		into.lastSeen = from.lastSeen
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
		c = r.newClient(d, now)
	}
	for _, m := range d.MACs {
		r.giveMAC(m, c)
	}
	c.macs = append(slices.Clone(d.MACs), slices.DeleteFunc(c.macs, func(m sample.MAC) bool { return slices.Contains(d.MACs, m) })...)
	for _, a := range d.Addrs {
		r.claim(a, c, evidence{trust: byOwner}, now)
	}
}
