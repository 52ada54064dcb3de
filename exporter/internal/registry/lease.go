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
	r.eachLease(c, func(l sample.Lease) {
		if l.Name != "" && !c.leased {
			c.name, c.leased = l.Name, true
		}
	})
}

// leaseEnd is when the lease of a client's primary address ends, or else the
// last of its leases; zero if it has none, or one that never ends.
func (r *Registry) leaseEnd(c *client, now time.Time) (end time.Time) {
	settled := false
	r.eachLease(c, func(l sample.Lease) {
		if settled || !l.Expires.IsZero() && l.Expires.Before(now) {
			return
		}
		if l.Expires.IsZero() || l.Expires.After(end) {
			end = l.Expires
		}
		settled = l.Expires.IsZero() || l.Addr == c.primary
	})
	return end
}

// eachLease goes through the leases of a client, that of its primary address
// first. One may come twice.
func (r *Registry) eachLease(c *client, visit func(sample.Lease)) {
	of := func(p party) {
		if l, ok := r.leases[p]; ok && (l.MAC.IsZero() || slices.Contains(c.macs, l.MAC)) {
			visit(l)
		}
	}
	of(party{addr: c.primary})
	for _, m := range c.macs {
		of(party{mac: m})
	}
	for _, a := range c.addrs {
		of(party{addr: a})
	}
}
