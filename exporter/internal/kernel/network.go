package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"

	"router-monitoring/exporter/internal/sample"
)

// NetworkSpec is what the owner configured; what is empty is found out.
type NetworkSpec struct {
	LAN     []string       // default: every link with a private subnet that is not WAN, loopback or a port
	Subnets []netip.Prefix // default: the LAN links' own prefixes, and the routes that end on them
	WAN     []string       // default: the links of the default routes that are not configured as LAN
}

// readAttempts bounds how often a reading is tried anew when a change
// interrupted it. The last one is taken as it is: where routes never stand
// still, none will ever be better.
const readAttempts = 3

// ReadNetwork looks at the links, addresses and routes of the calling thread's
// network namespace. It needs no capability. Configured names that do not exist
// are reported as missing; a missing WAN keeps its place among WAN, so that its
// traffic counts from its first packet.
func ReadNetwork(spec NetworkSpec) (sample.Network, error) {
	var tables networkTables
	var err error
	for range readAttempts {
		if tables, err = readNetworkTables(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return sample.Network{}, fmt.Errorf("read network: %w", err)
	}
	return tables.network(spec), nil
}

// network decides which links are LAN and which are WAN.
func (t networkTables) network(spec NetworkSpec) sample.Network {
	n := sample.Network{WAN: slices.Clone(spec.WAN), Missing: t.missing(spec)}
	defaults := t.defaultLinks()
	if len(n.WAN) == 0 {
		n.WAN = slices.DeleteFunc(slices.Clone(defaults), func(name string) bool {
			return slices.Contains(spec.LAN, name)
		})
	}
	for _, l := range t.links {
		lan := slices.Contains(spec.LAN, l.Name)
		if len(spec.LAN) == 0 {
			lan = l.looksLikeLAN() && !slices.Contains(n.WAN, l.Name) && !slices.Contains(defaults, l.Name)
		}
		if lan {
			n.LAN = append(n.LAN, l.Link)
		}
	}
	n.Subnets = slices.Clone(spec.Subnets)
	if len(n.Subnets) == 0 {
		n.Subnets = t.subnetsOf(n.LAN)
	}
	n.Subnets = sortPrefixes(n.Subnets)
	slices.SortFunc(n.LAN, func(a, b sample.Link) int { return strings.Compare(a.Name, b.Name) })
	slices.Sort(n.WAN)
	n.WAN = slices.Compact(n.WAN)
	return n
}

// missing is sorted and nil where all configured links are there.
func (t networkTables) missing(spec NetworkSpec) []string {
	var names []string
	for _, name := range slices.Concat(spec.LAN, spec.WAN) {
		if !slices.ContainsFunc(t.links, func(l networkLink) bool { return l.Name == name }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// looksLikeLAN tells whether a link has a private subnet (RFC 1918, RFC 4193) of
// more than one address: a VPN client's lone /32 is none. The bridges of
// containers and virtual machines have one and count; who does not want them
// names the LAN.
func (l networkLink) looksLikeLAN() bool {
	return !l.loopback && !l.port &&
		slices.ContainsFunc(l.Prefixes, func(p netip.Prefix) bool { return p.Addr().IsPrivate() })
}

// defaultLinks is where the default routes lead. A route stays one while its
// link has no carrier: otherwise a WAN with a private address, behind a modem
// that restarts, would turn into LAN.
func (t networkTables) defaultLinks() []string {
	var names []string
	for _, r := range t.routes {
		if r.dst.Bits() == 0 {
			for _, l := range t.links {
				if l.Index == r.ifindex && !l.loopback {
					names = append(names, l.Name)
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// subnetsOf collects the prefixes that are reached on the links themselves. The
// routes add what the addresses do not show: a WireGuard peer's AllowedIPs, the
// far end of a point-to-point link.
func (t networkTables) subnetsOf(links []sample.Link) []netip.Prefix {
	var subnets []netip.Prefix
	for _, l := range links {
		subnets = append(subnets, l.Prefixes...)
		for _, r := range t.routes {
			own := r.dst.IsSingleIP() && slices.Contains(l.Addrs, r.dst.Addr())
			if r.ifindex == l.Index && r.onLink && r.dst.Bits() != 0 && isSubnetAddr(r.dst.Addr()) && !own {
				subnets = append(subnets, r.dst)
			}
		}
	}
	return subnets
}

// isSubnetAddr tells whether clients can have addresses of this kind that are
// worth a counter: link-local traffic never leaves its link.
func isSubnetAddr(a netip.Addr) bool {
	return !a.IsLinkLocalUnicast() && !a.IsMulticast() && !a.IsLoopback()
}

// sortPrefixes masks, sorts IPv4 first, and drops what another prefix covers.
func sortPrefixes(prefixes []netip.Prefix) []netip.Prefix {
	var kept []netip.Prefix
	wideFirst := slices.Clone(prefixes)
	slices.SortFunc(wideFirst, func(a, b netip.Prefix) int { return a.Bits() - b.Bits() })
	for _, p := range wideFirst {
		if !slices.ContainsFunc(kept, p.Overlaps) {
			kept = append(kept, p.Masked())
		}
	}
	slices.SortFunc(kept, netip.Prefix.Compare)
	return kept
}
