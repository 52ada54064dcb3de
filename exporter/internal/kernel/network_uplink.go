package kernel

import (
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/sample"
)

// maxUplinkAddrs bounds the addresses of a WAN interface that are told of.
const maxUplinkAddrs = 16

// uplinks tells how the named links lead to the Internet.
func (t networkTables) uplinks(names []string) []sample.Uplink {
	all := make([]sample.Uplink, len(names))
	for i, name := range names {
		all[i].Name = name
		for _, l := range t.links {
			if l.Name == name {
				addrs := slices.Compact(slices.SortedFunc(slices.Values(l.lasting), netip.Addr.Compare)) // one may be there with two prefixes
				all[i] = sample.Uplink{
					Name: name, Index: l.Index, Up: l.running && t.exits[l.Index],
					Addrs: addrs[:min(len(addrs), maxUplinkAddrs)],
				}
			}
		}
	}
	return all
}

// isLasting tells whether an address stands for the connection that it belongs to:
// it is global, in use, and no privacy address (RFC 8981), of which there is a new
// one every day. IPv4 has none: there the same flag marks a further address.
func isLasting(a netip.Addr, flags int) bool {
	unusable := unix.IFA_F_DEPRECATED | unix.IFA_F_TENTATIVE | unix.IFA_F_DADFAILED
	if a.Is6() {
		unusable |= unix.IFA_F_TEMPORARY
	}
	return isSubnetAddr(a) && flags&unusable == 0
}
