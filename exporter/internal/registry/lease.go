package registry

import (
	"slices"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// SetLeases takes all leases that DHCP servers hold at present. A lease names a
// client and says whose an address is. One that came or changed owner since the
// last reading is news: its client is there, and the address is its from now on,
// whatever the neighbour table said before.
func (r *Registry) SetLeases(now time.Time, leases []sample.Lease) {
	before, first := r.leases, r.leases == nil
	r.leases = make(map[party]sample.Lease, 2*len(leases))
	for _, l := range leases {
		r.leases[party{addr: l.Addr}] = l
		if !l.MAC.IsZero() {
			r.leases[party{mac: l.MAC}] = l
		}
	}
	for _, l := range leases {
		if l.MAC.IsZero() || l.MAC.IsGroup() || r.excluded(l.Addr) || r.link(l.Addr) == nil {
			continue
		}
		old, had := before[party{addr: l.Addr}]
		if news := !first && (!had || old.MAC != l.MAC); news {
			c, ok := r.bind(l.MAC, l.Addr, evidence{byLease, now}, now)
			if c != nil {
				r.saw(c, now)
			}
			if !ok {
				r.conflicts++
			}
		} else if r.byMAC[l.MAC] != nil && r.byAddr[l.Addr] == nil {
			r.bind(l.MAC, l.Addr, evidence{byLease, time.Time{}}, now)
		}
	}
}

// ForgetLeases is called when other lease files are read from now on: the first
// reading of those is no news.
func (r *Registry) ForgetLeases() { r.leases = nil }

// rename gives a client the name of its lease, which it keeps when the lease is
// gone.
func (r *Registry) rename(c *client) {
	c.leased = false
	take := func(p party) {
		l, ok := r.leases[p]
		if ok && l.Name != "" && !c.leased && (l.MAC.IsZero() || slices.Contains(c.macs, l.MAC)) {
			c.name, c.leased = l.Name, true
		}
	}
	take(party{addr: c.primary})
	for _, m := range c.macs {
		take(party{mac: m})
	}
	for _, a := range c.addrs {
		take(party{addr: a})
	}
}
