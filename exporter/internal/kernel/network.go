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
	Subnets []netip.Prefix // default: what is reached over the LAN links: their own prefixes, and routes
	WAN     []string       // default: the links of the default routes that are not configured as LAN

	Shape  bool     // find the links whose queueing disciplines are of interest
	Shaped []string // default: the WAN links and every ifb
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
			link := l.Link
			link.Reached, link.Below = t.reached(link), t.below(link.Index, maxBelow)
			n.LAN = append(n.LAN, link)
		}
	}
	n.Subnets = slices.Clone(spec.Subnets)
	if len(n.Subnets) == 0 {
		for _, l := range n.LAN {
			n.Subnets = append(n.Subnets, l.Reached...)
		}
	}
	n.Subnets = widest(n.Subnets)
	n.Own, n.Elsewhere = t.own(), t.elsewhere(n)
	if spec.Shape {
		n.Shaped = t.shaped(spec.Shaped, n.WAN)
	}
	slices.SortFunc(n.LAN, func(a, b sample.Link) int { return strings.Compare(a.Name, b.Name) })
	slices.Sort(n.WAN)
	n.WAN = slices.Compact(n.WAN)
	n.Uplinks = t.uplinks(n.WAN)
	return n
}

// missing is sorted and nil where all configured links are there.
func (t networkTables) missing(spec NetworkSpec) []string {
	var names []string
	for _, name := range slices.Concat(spec.LAN, spec.WAN, spec.Shaped) {
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

// reached collects the prefixes that lie behind a link. The routes add what the
// addresses do not show: a WireGuard peer's AllowedIPs, the far end of a
// point-to-point link, a network behind another router.
func (t networkTables) reached(l sample.Link) []netip.Prefix {
	found := slices.Clone(l.Prefixes)
	for _, r := range t.routes {
		own := r.dst.IsSingleIP() && slices.Contains(l.Addrs, r.dst.Addr())
		if r.ifindex == l.Index && r.dst.Bits() != 0 && isSubnetAddr(r.dst.Addr()) && !own {
			found = append(found, r.dst)
		}
	}
	return widest(found)
}

// elsewhere collects what is reached over links that are neither LAN nor WAN.
func (t networkTables) elsewhere(n sample.Network) []netip.Prefix {
	var found []netip.Prefix
	for _, l := range t.links {
		lan := slices.ContainsFunc(n.LAN, func(lan sample.Link) bool { return lan.Index == l.Index })
		if !l.loopback && !lan && !slices.Contains(n.WAN, l.Name) {
			found = append(found, t.reached(l.Link)...)
		}
	}
	return widest(found)
}

// own lists the router's addresses.
func (t networkTables) own() []netip.Addr {
	var addrs []netip.Addr
	for _, l := range t.links {
		for _, a := range l.Addrs {
			if isSubnetAddr(a) {
				addrs = append(addrs, a)
			}
		}
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return slices.Compact(addrs)
}

// maxBelow bounds how many devices stand on each other.
const maxBelow = 8

// below lists the ways down from a link.
func (t networkTables) below(index, depth int) (ways [][]sample.Device) {
	if depth == 0 {
		return nil
	}
	for _, l := range t.links {
		under := l.master == index || slices.ContainsFunc(t.links, func(v networkLink) bool { return v.Index == index && v.parent == l.Index })
		if !under {
			continue
		}
		device := sample.Device{Name: l.Name, Index: l.Index, Ethernet: l.Ethernet}
		further := t.below(l.Index, depth-1)
		if further == nil {
			further = [][]sample.Device{nil}
		}
		for _, way := range further {
			ways = append(ways, append([]sample.Device{device}, way...))
		}
	}
	return ways
}

// maxPrefixes bounds a list of prefixes: each costs every packet a comparison.
const maxPrefixes = 64

// widest sorts prefixes and keeps those that hold the most addresses.
func widest(prefixes []netip.Prefix) []netip.Prefix {
	kept := sortPrefixes(prefixes)
	if len(kept) <= maxPrefixes {
		return kept
	}
	slices.SortStableFunc(kept, func(a, b netip.Prefix) int { return a.Bits() - b.Bits() })
	return sortPrefixes(kept[:maxPrefixes])
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
