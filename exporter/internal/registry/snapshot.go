package registry

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// Snapshot is all the registry knows at one moment. It shares nothing with the
// registry and may be kept.
type Snapshot struct {
	Time         time.Time
	Clients      []Client // by address, those without one last
	Forwarded    sample.ByDirection
	Router       sample.ByDirection
	Unattributed Unattributed
	Conflicts    uint64              // claims to an address that another client holds
	Connections  *sample.Connections // nil before the first reading

	// Forgotten is what clients that left had counted: with it, clients and
	// Unattributed are all that was forwarded for ever.
	Forgotten   sample.ByDirection
	Period      sample.ByDirection // the household's use since its billing day
	PeriodQuota uint64             // bytes in both directions; 0 for none
	Today       sample.ByDirection // the household's use since midnight

	Rate         [sample.Directions]uint64 // bytes a second over the line, of late
	RateTime     time.Time                 // when that was told; zero before
	RateInterval time.Duration             // over which

	// What was moved lately is there where it was asked for.
	RecentEnd, HourEnd time.Time // of the last slots of all histories
	History            *History  // of all that went over the line
}

// Client is one client of a snapshot.
type Client struct {
	Name       string
	NameSource NameSource
	Type       string
	MAC        sample.MAC   // zero if unknown
	Addr       netip.Addr   // the primary one; zero if it has none
	Addrs      []netip.Addr // all, IPv4 first
	Interface  string       // of the LAN its primary address is on; empty if unknown
	Vendor     string       // of the network card; empty if unknown

	Totals                                // may begin again at zero, as counters do
	Lifetime    sample.ByDirection        // Internet bytes since the first sighting; never begins again
	Period      sample.ByDirection        // Internet bytes since the billing day
	Quota       uint64                    // bytes a period in both directions; 0 for none
	Today       sample.ByDirection        // Internet bytes since midnight
	Rate        [sample.Directions]uint64 // Internet bytes a second of late, see Snapshot.RateInterval
	History     *History                  // nil unless asked for
	Connections sample.Protocols
	Online      bool
	FirstSeen   time.Time // zero if never
	Baseline    bool      // it was there when records began, or was known once: FirstSeen is not news
	LastSeen    time.Time // zero if never
	LeaseEnd    time.Time // of its DHCP lease; zero without one that ends
}

// NameSource tells where a client's name comes from.
type NameSource string

// Name sources, best first.
const (
	NameDeclared   NameSource = "declared"
	NameLease      NameSource = "lease"
	NameRemembered NameSource = "remembered" // a lease that is gone
	NameVendor     NameSource = "vendor"     // and the last two octets of the MAC
	NameAddress    NameSource = "address"
)

// Snapshot copies the present state, to be shown as counters.
func (r *Registry) Snapshot(now time.Time) *Snapshot {
	s := r.Look(now)
	for _, c := range r.order {
		c.shown = true
	}
	return s
}

// Look copies the present state for those who do not compare it with an earlier
// one, so that it binds no counter.
func (r *Registry) Look(now time.Time) *Snapshot {
	shown := r.total.minus(r.base)
	s := &Snapshot{
		Time: now, Forwarded: shown.Forwarded, Router: shown.Router, Unattributed: shown.Unattributed, Forgotten: shown.Forgotten,
		Conflicts: r.conflicts, Connections: r.connections,
		Period:      minus(r.line(), r.period.Base),
		PeriodQuota: r.cfg.Quota.Bytes, Today: minus(r.line(), r.today.Base),
		Rate: r.motion.rate, RateInterval: r.pace.interval,
	}
	if r.pace.interval > 0 {
		s.RateTime = r.pace.first.Add(r.pace.last)
	}
	r.forgetLeavers()
	slices.SortFunc(r.order, byAddress)
	s.Clients = make([]Client, len(r.order))
	addrs := make([]netip.Addr, 0, len(r.byAddr)) // of all clients, one behind the other
	for i, c := range r.order {
		r.rename(c)
		addrs = append(addrs, c.addrs...)
		r.view(c, now, addrs[len(addrs)-len(c.addrs):len(addrs):len(addrs)], &s.Clients[i])
	}
	return s
}

func (r *Registry) forgetLeavers() {
	r.order = slices.DeleteFunc(r.order, func(c *client) bool { _, here := r.clients[c]; return !here })
}

// Count tells how many clients there are, and how many of them are online.
func (r *Registry) Count(now time.Time) (clients, online int) {
	for c := range r.clients {
		if r.online(c, now) {
			online++
		}
	}
	return len(r.clients), online
}

func (r *Registry) online(c *client, now time.Time) bool {
	return !c.lastSeen.IsZero() && now.Sub(c.lastSeen) <= r.cfg.OfflineThreshold
}

// view fills v with what is known of a client, addrs being its own copy of the
// client's addresses.
func (r *Registry) view(c *client, now time.Time, addrs []netip.Addr, v *Client) {
	slices.SortFunc(addrs, netip.Addr.Compare)
	*v = Client{
		Addr: c.primary, Addrs: addrs, Connections: c.connections,
		Totals: c.totals.minus(c.base), Lifetime: c.totals.Internet,
		Period: minus(c.totals.Internet, c.period.Base), Quota: r.quota(c).Bytes,
		Today: minus(c.totals.Internet, c.today.Base), Rate: c.motion.rate,
		FirstSeen: c.firstSeen, LastSeen: c.lastSeen, Baseline: c.baseline || c.declared != nil,
		Online: r.online(c, now),
	}
	if len(c.macs) > 0 {
		v.MAC = c.macs[0]
	}
	v.Vendor = r.vendor(v.MAC)
	if l := r.link(c.primary); l != nil {
		v.Interface = l.Name
	}
	v.Name, v.NameSource = r.name(c)
	v.LeaseEnd = r.leaseEnd(c, now)
	if c.declared != nil {
		v.Type = c.declared.Type
	}
}

func (r *Registry) name(c *client) (string, NameSource) {
	switch {
	case c.declared != nil:
		return c.declared.Name, NameDeclared
	case c.leased:
		return c.name, NameLease
	case c.name != "":
		return c.name, NameRemembered
	}
	if len(c.macs) > 0 {
		if m := c.macs[0]; r.vendor(m) != "" {
			return fmt.Sprintf("%s %02x:%02x", r.vendor(m), m[4], m[5]), NameVendor
		}
	}
	if c.primary.IsValid() {
		return c.primary.String(), NameAddress
	}
	return c.macs[0].String(), NameAddress
}

func (r *Registry) vendor(m sample.MAC) string {
	if r.cfg.Vendor == nil || m.IsZero() {
		return ""
	}
	return r.cfg.Vendor(m)
}

// byAddress puts clients without an address last, by MAC.
func byAddress(a, b *client) int {
	if a.primary.IsValid() != b.primary.IsValid() {
		if a.primary.IsValid() {
			return -1
		}
		return 1
	}
	if c := a.primary.Compare(b.primary); c != 0 {
		return c
	}
	return slices.CompareFunc(a.macs, b.macs, func(a, b sample.MAC) int { return bytes.Compare(a[:], b[:]) })
}
