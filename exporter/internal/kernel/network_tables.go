package kernel

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/sample"
)

// networkTables is what the kernel shows, without what is of no use here.
type networkTables struct {
	links  []networkLink
	routes []networkRoute
	exits  map[int]bool // indexes of links that a default route of any table leads out of
}

type networkLink struct {
	sample.Link
	loopback bool
	ifb      bool         // stands in for another link, so that what comes in there can be queued
	running  bool         // up, and with a carrier where there can be one
	lasting  []netip.Addr // global addresses, see isLasting
	port     bool         // of a bridge or bond, which has the addresses
	master   int          // index of that bridge or bond; 0 for none
	parent   int          // index of the device that a VLAN is on; 0 for none
}

// maxGatewayRoutes bounds the routes through other routers that are kept: a
// router may carry the Internet's whole table.
const maxGatewayRoutes = 1024

// networkRoute is one next hop of a unicast route in the main table.
type networkRoute struct {
	dst     netip.Prefix
	ifindex int
	onLink  bool // no gateway
}

// readNetworkTables returns what it got together with netlink.ErrDumpInterrupted
// where the kernel says that a table changed meanwhile.
func readNetworkTables() (networkTables, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return networkTables{}, fmt.Errorf("open netlink socket: %w", err)
	}
	defer h.Close()
	if err := h.SetSocketTimeout(5 * time.Second); err != nil {
		return networkTables{}, fmt.Errorf("set netlink timeout: %w", err)
	}
	links, linkErr := readLinks(h)
	addrErr := readAddrs(h, links)
	routes, exits, routeErr := readRoutes(h)
	return networkTables{links, routes, exits}, firstFatal(linkErr, addrErr, routeErr)
}

// firstFatal is the first error other than an interruption, else an interruption.
func firstFatal(errs ...error) error {
	var interrupted error
	for _, err := range errs {
		if errors.Is(err, netlink.ErrDumpInterrupted) {
			interrupted = err
		} else if err != nil {
			return err
		}
	}
	return interrupted
}

func readLinks(h *netlink.Handle) ([]networkLink, error) {
	all, err := h.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("list links: %w", err)
	}
	enslaving := map[int]bool{} // not so a VRF, whose members keep their addresses
	for _, l := range all {
		enslaving[l.Attrs().Index] = l.Type() != "vrf"
	}
	links := make([]networkLink, 0, len(all))
	for _, l := range all {
		a := l.Attrs()
		link := networkLink{
			Link: sample.Link{
				Name: a.Name, Index: a.Index,
				Up:       a.RawFlags&unix.IFF_UP != 0,
				Ethernet: a.EncapType == "ether", // ARPHRD_ETHER
			},
			loopback: a.RawFlags&unix.IFF_LOOPBACK != 0,
			running:  a.RawFlags&unix.IFF_UP != 0 && a.RawFlags&unix.IFF_RUNNING != 0,
			ifb:      l.Type() == "ifb",
			port:     enslaving[a.MasterIndex],
		}
		if link.Ethernet && len(a.HardwareAddr) == len(link.MAC) {
			link.MAC = sample.MAC(a.HardwareAddr)
		}
		if link.port {
			link.master = a.MasterIndex
		}
		if l.Type() == "vlan" {
			link.parent = a.ParentIndex
		}
		links = append(links, link)
	}
	return links, err
}

func readAddrs(h *netlink.Handle, links []networkLink) error {
	addrs, err := h.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return fmt.Errorf("list addresses: %w", err)
	}
	byIndex := make(map[int]*networkLink, len(links))
	for i := range links {
		byIndex[links[i].Index] = &links[i]
	}
	for _, a := range addrs {
		p, ok := toPrefix(a.IPNet)
		l := byIndex[a.LinkIndex]
		if l == nil || !ok {
			continue
		}
		l.Addrs = append(l.Addrs, p.Addr())
		if isLasting(p.Addr(), a.Flags) {
			l.lasting = append(l.lasting, p.Addr())
		}
		if isSubnetAddr(p.Addr()) && !p.IsSingleIP() {
			l.Prefixes = append(l.Prefixes, p)
		}
	}
	for i := range links {
		links[i].Prefixes = sortPrefixes(links[i].Prefixes)
	}
	return err
}

// readRoutes reads the main table, and of the others, which a router with several
// lines may have for each, where their default routes lead.
func readRoutes(h *netlink.Handle) (routes []networkRoute, exits map[int]bool, err error) {
	var errs []error
	exits = map[int]bool{}
	gateways := 0
	for family, everything := range map[int]netip.Prefix{
		netlink.FAMILY_V4: netip.PrefixFrom(netip.IPv4Unspecified(), 0),
		netlink.FAMILY_V6: netip.PrefixFrom(netip.IPv6Unspecified(), 0),
	} {
		err := h.RouteListFilteredIter(family, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE, func(r netlink.Route) bool {
			dst, ok := toPrefix(r.Dst)
			if !ok {
				dst = everything
			}
			if r.Type != unix.RTN_UNICAST {
				return true
			}
			for _, hop := range nextHops(r, dst.Masked()) {
				if hop.dst.Bits() == 0 {
					exits[hop.ifindex] = true
				}
				if r.Table != unix.RT_TABLE_MAIN {
					continue
				}
				if !hop.onLink && hop.dst.Bits() != 0 {
					gateways++
				}
				if gateways <= maxGatewayRoutes || hop.onLink || hop.dst.Bits() == 0 {
					routes = append(routes, hop)
				}
			}
			return true
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("list routes: %w", err))
		}
	}
	return routes, exits, firstFatal(errs...)
}

func nextHops(r netlink.Route, dst netip.Prefix) []networkRoute {
	hops := r.MultiPath
	if len(hops) == 0 {
		hops = []*netlink.NexthopInfo{{LinkIndex: r.LinkIndex, Gw: r.Gw, Via: r.Via, Flags: r.Flags}}
	}
	var routes []networkRoute
	for _, hop := range hops {
		if hop.Flags&unix.RTNH_F_DEAD == 0 {
			routes = append(routes, networkRoute{dst, hop.LinkIndex, hop.Gw == nil && hop.Via == nil})
		}
	}
	return routes
}

// toPrefix keeps the host bits; ok is false for nil.
func toPrefix(n *net.IPNet) (p netip.Prefix, ok bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	addr, ok := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	if n4 := n.IP.To4(); n4 != nil && len(n.Mask) == net.IPv4len {
		addr = addr.Unmap()
	}
	return netip.PrefixFrom(addr, bits), ok
}
