package registry

import (
	"net/netip"
	"slices"
	"strings"
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

	Totals                        // may begin again at zero, as counters do
	Lifetime   sample.ByDirection // Internet bytes since the first sighting; never begins again
	Period     sample.ByDirection // Internet bytes since the billing day
	Quota      uint64             // bytes a period in both directions; 0 for none
	Connections sample.Protocols
	Online      bool
	FirstSeen   time.Time // zero if never
	Baseline    bool      // it was there when records began, or was known once: FirstSeen is not news
	LastSeen    time.Time // zero if never
}

// NameSource tells where a client's name comes from.
type NameSource string

// Name sources, best first.
const (
	NameDeclared NameSource = "declared"
	NameAddress  NameSource = "address"
)

// Snapshot copies the present state.
func (r *Registry) Snapshot(now time.Time) *Snapshot {
	s := &Snapshot{
		Time: now, Forwarded: r.forwarded, Router: r.router, Unattributed: r.unattributed,
		Conflicts: r.conflicts, Connections: r.connections,
		Clients: make([]Client, 0, len(r.clients)),
	}
	for c := range r.clients {
		s.Clients = append(s.Clients, r.view(c, now))
	}
	slices.SortFunc(s.Clients, byAddress)
	return s
}

func (r *Registry) view(c *client, now time.Time) Client {
	v := Client{
		Addr: c.primary, Addrs: slices.Clone(c.addrs), Totals: c.totals, Connections: c.connections,
		FirstSeen: c.firstSeen, LastSeen: c.lastSeen,
		Online: !c.lastSeen.IsZero() && now.Sub(c.lastSeen) <= r.cfg.OfflineThreshold,
	}
	slices.SortFunc(v.Addrs, netip.Addr.Compare)
	if len(c.macs) > 0 {
		v.MAC = c.macs[0]
	}
	if l := r.link(c.primary); l != nil {
		v.Interface = l.Name
	}
	v.Name, v.NameSource = r.name(c)
	if c.declared != nil {
		v.Type = c.declared.Type
	}
	return v
}

func (r *Registry) name(c *client) (string, NameSource) {
	switch {
	case c.declared != nil:
		return c.declared.Name, NameDeclared
	case c.primary.IsValid():
		return c.primary.String(), NameAddress
	}
	return c.macs[0].String(), NameAddress
}

func byAddress(a, b Client) int {
	if a.Addr.IsValid() != b.Addr.IsValid() {
		if a.Addr.IsValid() {
			return -1
		}
		return 1
	}
	if c := a.Addr.Compare(b.Addr); c != 0 {
		return c
	}
	return strings.Compare(a.MAC.String(), b.MAC.String())
}
