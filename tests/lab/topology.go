package lab

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
)

// addInternet makes the internet host and the line to it. The internet routes
// the LANs' IPv6 prefixes to the router, as a provider that delegated them does.
func (l *Lab) addInternet() error {
	h, err := newHost(InternetName)
	if err != nil {
		return err
	}
	l.Internet = l.add(h)
	h.MAC, h.IPv4, h.IPv6 = internetMAC, internetWAN4.Addr(), internetWAN6.Addr()

	remote, err := l.addPair(l.Router, h, WAN, wanMAC)
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
	if err := l.Router.configure(WAN, routerWAN4, routerWAN6); err != nil {
		return err
	}
	router, err := l.Router.netlink()
	if err != nil {
		return err
	}
	defer router.Close()
	wan, err := router.LinkByName(WAN)
	if err != nil {
		return fmt.Errorf("find %s: %w", WAN, err)
	}
	return addDefaultRoutes(router, wan, internetWAN4.Addr(), internetWAN6.Addr())
}

// addClient makes a client and connects it with its LAN.
func (l *Lab) addClient(i int, c Client) error {
	h, err := newHost(c.Name)
	if err != nil {
		return err
	}
	lanIndex := slices.IndexFunc(l.Profile.LANs, func(lan LAN) bool { return lan.Name == c.LAN })
	lan := l.Profile.LANs[lanIndex]
	h.LAN, h.MAC, h.IPv4, h.IPv6 = c.LAN, c.MAC.HardwareAddr(), c.IPv4, c.IPv6
	h.gateway = routerMAC(lanIndex)
	l.Clients = append(l.Clients, l.add(h))
	if lan.Type == WireGuard {
		return l.addPeer(i, h, lan)
	}
	return l.plugIn(h, lan, fmt.Sprintf("port%d", i))
}

// remoteHandle speaks netlink inside another host.
type remoteHandle struct {
	*netlink.Handle
	offload bool
}

// addPair connects an interface (name, mac) of one machine, the router or a
// switch, with eth0 of the host.
func (l *Lab) addPair(at, h *Host, name string, mac net.HardwareAddr) (*remoteHandle, error) {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	attrs.Group = linkGroup
	attrs.HardwareAddr = mac
	veth := netlink.NewVeth(attrs)
	veth.PeerName = "eth0"
	veth.PeerHardwareAddr = h.MAC
	veth.PeerNamespace = netlink.NsFd(h.ns)
	near, err := at.netlink()
	if err != nil {
		return nil, err
	}
	defer near.Close()
	if err := near.LinkAdd(veth); err != nil {
		return nil, fmt.Errorf("connect %s: %w", h.Name, err)
	}
	handle, err := h.netlink()
	if err != nil {
		return nil, err
	}
	return &remoteHandle{handle, l.Profile.Offload}, nil
}

// configureEth0 brings the host's interface up. Without offload every segment is
// a packet of its own, as on a cable; with it the kernel hands up to 64 KiB
// through the router as one packet, which is counted with a single header.
func (r *remoteHandle) configureEth0(addrs ...netip.Prefix) (netlink.Link, error) {
	return r.configureDevice("eth0", addrs...)
}

func (r *remoteHandle) configureDevice(name string, addrs ...netip.Prefix) (netlink.Link, error) {
	link, err := r.LinkByName(name)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", name, err)
	}
	if !r.offload {
		if err := r.LinkSetGSOMaxSegs(link, 1); err != nil {
			return nil, fmt.Errorf("turn segmentation offload off: %w", err)
		}
	}
	return link, configure(r.Handle, link, addrs...)
}
