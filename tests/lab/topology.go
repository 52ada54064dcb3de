package lab

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// bridgeMAC is fixed, since a bridge without one takes the lowest of its ports'
// and changes it while ports come and go.
func bridgeMAC(i int) net.HardwareAddr {
	return net.HardwareAddr{0x52, 0x54, 0, 0xff, 1, byte(i)}
}

// addBridge makes one LAN of the router.
func addBridge(lan LAN, mac net.HardwareAddr) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = lan.Name
	attrs.Group = linkGroup
	attrs.HardwareAddr = mac
	bridge := &netlink.Bridge{LinkAttrs: attrs}
	if err := netlink.LinkAdd(bridge); err != nil {
		return fmt.Errorf("add bridge %s: %w", lan.Name, err)
	}
	router, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	defer router.Close()
	return configure(router, bridge, lan.IPv4, lan.IPv6)
}

// addInternet makes the internet host and the line to it. The internet routes
// the LANs' IPv6 prefixes to the router, as a provider that delegated them does.
func (l *Lab) addInternet() error {
	h, err := newHost(InternetName)
	if err != nil {
		return err
	}
	l.Internet = l.add(h)
	h.MAC, h.IPv4, h.IPv6 = internetMAC, internetWAN4.Addr(), internetWAN6.Addr()

	remote, wan, err := l.addPair(h, WAN, wanMAC)
	if err != nil {
		return err
	}
	defer remote.Close()
	eth0, err := remote.configureEth0(internetWAN4, internetWAN6)
	if err != nil {
		return err
	}
	for _, lan := range l.Profile.LANs {
		if err := addRoute(remote.Handle, eth0, lan.IPv6.Masked(), routerWAN6.Addr()); err != nil {
			return err
		}
	}
	router, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	defer router.Close()
	if err := configure(router, wan, routerWAN4, routerWAN6); err != nil {
		return err
	}
	return addDefaultRoutes(router, wan, internetWAN4.Addr(), internetWAN6.Addr())
}

// addClient makes a client and plugs it into its LAN's bridge.
func (l *Lab) addClient(i int, c Client) error {
	h, err := newHost(c.Name)
	if err != nil {
		return err
	}
	lanIndex := slices.IndexFunc(l.Profile.LANs, func(lan LAN) bool { return lan.Name == c.LAN })
	lan := l.Profile.LANs[lanIndex]
	h.LAN, h.MAC, h.IPv4, h.IPv6 = c.LAN, c.MAC.HardwareAddr(), c.IPv4, c.IPv6
	h.gateway = bridgeMAC(lanIndex)
	l.Clients = append(l.Clients, l.add(h))

	remote, port, err := l.addPair(h, fmt.Sprintf("port%d", i), nil)
	if err != nil {
		return err
	}
	defer remote.Close()
	bridge, err := netlink.LinkByName(c.LAN)
	if err != nil {
		return fmt.Errorf("find %s: %w", c.LAN, err)
	}
	if err := netlink.LinkSetMaster(port, bridge); err != nil {
		return fmt.Errorf("plug %s into %s: %w", c.Name, c.LAN, err)
	}
	if err := netlink.LinkSetUp(port); err != nil {
		return fmt.Errorf("bring up port of %s: %w", c.Name, err)
	}
	eth0, err := remote.configureEth0(
		netip.PrefixFrom(c.IPv4, lan.IPv4.Bits()), netip.PrefixFrom(c.IPv6, lan.IPv6.Bits()))
	if err != nil {
		return fmt.Errorf("client %s: %w", c.Name, err)
	}
	return addDefaultRoutes(remote.Handle, eth0, lan.IPv4.Addr(), lan.IPv6.Addr())
}

// remoteHandle speaks netlink inside another host.
type remoteHandle struct {
	*netlink.Handle
	offload bool
}

// addPair connects the router (name, mac) with eth0 of the host.
func (l *Lab) addPair(h *Host, name string, mac net.HardwareAddr) (*remoteHandle, netlink.Link, error) {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	attrs.Group = linkGroup
	attrs.HardwareAddr = mac
	veth := netlink.NewVeth(attrs)
	veth.PeerName = "eth0"
	veth.PeerHardwareAddr = h.MAC
	veth.PeerNamespace = netlink.NsFd(h.ns)
	if err := netlink.LinkAdd(veth); err != nil {
		return nil, nil, fmt.Errorf("connect %s: %w", h.Name, err)
	}
	handle, err := netlink.NewHandleAt(h.ns, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, nil, fmt.Errorf("open netlink of %s: %w", h.Name, err)
	}
	return &remoteHandle{handle, l.Profile.Offload}, veth, nil
}

// configureEth0 brings the host's interface up. Without offload every segment is
// a packet of its own, as on a cable; with it the kernel hands up to 64 KiB
// through the router as one packet, which is counted with a single header.
func (r *remoteHandle) configureEth0(addrs ...netip.Prefix) (netlink.Link, error) {
	eth0, err := r.LinkByName("eth0")
	if err != nil {
		return nil, fmt.Errorf("find eth0: %w", err)
	}
	if !r.offload {
		if err := r.LinkSetGSOMaxSegs(eth0, 1); err != nil {
			return nil, fmt.Errorf("turn segmentation offload off: %w", err)
		}
	}
	return eth0, configure(r.Handle, eth0, addrs...)
}
