package lab

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// linkGroup marks the router's links, which can then be removed in one go: one
// by one each costs tens of milliseconds.
const linkGroup = 1

// removeLinks takes every link of the router away, those of a test too. With the
// router's end of a veth pair the other end goes now; the kernel would remove it
// some time after the last user of its namespace.
func removeLinks() {
	req := nl.NewNetlinkRequest(unix.RTM_DELLINK, unix.NLM_F_ACK)
	req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
	req.AddData(nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(linkGroup)))
	_, _ = req.Execute(unix.NETLINK_ROUTE, 0)

	links, _ := netlink.LinkList()
	for _, link := range links {
		if link.Attrs().Flags&net.FlagLoopback == 0 {
			_ = netlink.LinkDel(link) // fails for those that come with a namespace
		}
	}
}

// configure gives a link its addresses and brings it up.
func configure(h *netlink.Handle, link netlink.Link, addrs ...netip.Prefix) error {
	name := link.Attrs().Name
	if err := h.LinkSetUp(link); err != nil {
		return fmt.Errorf("bring %s up: %w", name, err)
	}
	for _, a := range addrs {
		addr := &netlink.Addr{IPNet: ipNet(a)}
		if a.Addr().Is6() {
			addr.Flags = unix.IFA_F_NODAD
		}
		if err := h.AddrAdd(link, addr); err != nil {
			return fmt.Errorf("add %s to %s: %w", a, name, err)
		}
	}
	return nil
}

func addDefaultRoutes(h *netlink.Handle, link netlink.Link, via4, via6 netip.Addr) error {
	if err := addRoute(h, link, netip.PrefixFrom(netip.IPv4Unspecified(), 0), via4); err != nil {
		return err
	}
	return addRoute(h, link, netip.PrefixFrom(netip.IPv6Unspecified(), 0), via6)
}

func addRoute(h *netlink.Handle, link netlink.Link, to netip.Prefix, via netip.Addr) error {
	route := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(to), Gw: via.AsSlice()}
	if err := h.RouteAdd(route); err != nil {
		return fmt.Errorf("add route to %s via %s: %w", to, via, err)
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// waitUp waits until the kernel has noticed every carrier: until then it drops
// what is sent.
func (h *Host) waitUp() error {
	handle, err := h.netlink()
	if err != nil {
		return err
	}
	defer handle.Close()
	deadline := time.Now().Add(5 * time.Second)
	for {
		down, err := linksDown(handle)
		if err != nil || len(down) == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("links stay down: %v", down)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// linksDown leaves tunnels out, which have no carrier.
func linksDown(h *netlink.Handle) (names []string, err error) {
	links, err := h.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	for _, link := range links {
		a := link.Attrs()
		if a.Flags&net.FlagLoopback == 0 && a.Flags&net.FlagUp != 0 && link.Type() != "wireguard" && a.OperState != netlink.OperUp {
			names = append(names, a.Name)
		}
	}
	return names, nil
}
