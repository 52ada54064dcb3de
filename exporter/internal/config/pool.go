package config

import (
	"fmt"
	"net/netip"
)

// maxSockets is more than Kea has servers with leases on one machine.
const maxSockets = 16

type pool struct {
	Pool
	at node
}

// poolList reads pools, which need leases to count.
func (s *schema) poolList(n node) ([]Pool, bool) {
	pools, ok := list(few, s.pool)(n)
	if len(pools) > 0 && len(s.config.DHCP.Leases) == 0 {
		n.errorf("no leases are read that could be counted; name the server's file in dhcp.leases")
		return nil, false
	}
	return pools, ok
}

// pool reads a range of addresses that shares none with those before it.
func (s *schema) pool(n node) (Pool, bool) {
	var p Pool
	ok := n.mapping(
		required("name", &p.Name, once(s.poolNames, text(parseName))),
		required("first", &p.First, text(parseLeasable)),
		required("last", &p.Last, text(parseLeasable)),
		optional("server", &p.Server, oneOf(FormatDnsmasq, FormatKea, FormatISC, FormatNetworkd)),
	)
	switch {
	case !ok:
		return p, false
	case p.First.Is4() != p.Last.Is4():
		n.errorf("first %s and last %s are not of one family; make it two pools", p.First, p.Last)
		return p, false
	case p.Last.Less(p.First):
		n.errorf("first %s comes after last %s; swap them", p.First, p.Last)
		return p, false
	}
	for _, other := range s.pools {
		if !p.Last.Less(other.First) && !other.Last.Less(p.First) {
			n.errorf("%s to %s overlaps %s at %s (line %d); give each address once", p.First, p.Last, other.Name, other.at.path, other.at.Line)
			return p, false
		}
	}
	s.pools = append(s.pools, pool{p, n})
	return p, true
}

// parseLeasable reads an address that a DHCP server can give out.
func parseLeasable(s string) (netip.Addr, error) {
	addr, err := parseAddr(s)
	if err == nil && !addr.IsGlobalUnicast() {
		return addr, fmt.Errorf("%s (loopback, link-local, multicast or the like) is no address that a DHCP server gives out; write one of the range", addr)
	}
	return addr, err
}

// parseSocket holds to the size of sun_path (unix(7)), which ends with a zero.
func parseSocket(s string) (string, error) {
	path, err := parsePath(s)
	if err == nil && len(path) > 107 {
		return "", fmt.Errorf("%q is %d bytes long, and the kernel takes 107 for a socket's path; move the socket", clip(s), len(path))
	}
	return path, err
}
