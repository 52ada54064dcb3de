package registry

import (
	"time"

	"router-monitoring/exporter/internal/sample"
)

// SetPresence takes a reading of the neighbour and bridge forwarding tables.
// Neighbours make clients known and settle whose an address is; a station, a
// MAC the bridge heard, is a sign of life of a client known already.
func (r *Registry) SetPresence(now time.Time, p sample.Presence) {
	for _, n := range p.Neighbours {
		// The kernel keeps entries of devices that left long ago.
		if n.Age > addrLife || r.cfg.ForgetAfter > 0 && n.Age > r.cfg.ForgetAfter {
			continue
		}
		if !n.Confirmed || n.MAC.IsZero() || n.MAC.IsGroup() || r.excluded(n.Addr) {
			continue
		}
		if r.link(n.Addr) == nil { // a link-local address
			r.alive(n.MAC, now.Add(-n.Age))
			continue
		}
		at := now.Add(-n.Age)
		c, _ := r.bind(n.MAC, n.Addr, evidence{byNeighbour, at}, now)
		if c == nil {
			continue
		}
		r.saw(c, at)
		if h := r.byAddr[n.Addr]; h.client == c && at.After(h.seen) {
			h.seen = at
		}
	}
	for _, s := range p.Stations {
		r.alive(s.MAC, now.Add(-s.Age))
	}
	for c := range r.clients {
		r.choosePrimary(c)
	}
}

// alive notes a sign of life of a MAC, if it is a client's.
func (r *Registry) alive(m sample.MAC, at time.Time) {
	if c := r.byMAC[m]; c != nil {
		r.saw(c, at)
	}
}

// SetConnections takes a reading of the connection tracking table.
func (r *Registry) SetConnections(conns sample.Connections) {
	r.connections = &conns
	for c := range r.clients {
		c.connections = sample.Protocols{}
	}
	for addr, p := range conns.ByAddr {
		if h := r.byAddr[addr]; h != nil {
			t := &h.client.connections
			t.TCP += p.TCP
			t.UDP += p.UDP
			t.ICMP += p.ICMP
			t.Other += p.Other
		}
	}
}
