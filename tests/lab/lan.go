package lab

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// LANType is how a LAN is attached to the router.
type LANType string

// The types of a LAN. VLANs are named as `ip link` shows them, parent and number.
const (
	Bridge     LANType = "bridge"      // a bridge of the router, on which each client has a port; the default
	Port       LANType = "port"        // an interface of the router, with a switch behind it
	VLAN       LANType = "vlan"        // trunk.10: tagged on the interface "trunk", with a switch behind it
	BridgeVLAN LANType = "bridge-vlan" // br0.10: a VLAN of the bridge "br0", on which each client has a port
	Routed     LANType = "routed"      // behind a router that is itself a machine of the first LAN
	WireGuard  LANType = "wireguard"   // a tunnel, of which each client is a peer
)

// segment is a bridge, the router's or a switch's, into which clients are plugged.
type segment struct {
	host   *Host
	bridge string
	vlan   uint16 // of its ports, without a tag; 0 for none
}

// parent gives the interface that a LAN is on, and its VLAN there; 0 for none.
func (l LAN) parent() (name string, vlan uint16) {
	name, id, _ := strings.Cut(l.Name, ".")
	n, _ := strconv.ParseUint(id, 10, 12)
	return name, uint16(n)
}

// addLAN makes the router's side of a LAN, and what is between it and the clients.
func (l *Lab) addLAN(i int, lan LAN) (err error) {
	parent, vlan := lan.parent()
	mac := routerMAC(i)
	switch lan.Type {
	case Routed:
		return l.addRouted(lan)
	case WireGuard:
		return l.addTunnel(lan)
	case Port, VLAN:
		err = l.addSwitch(parent, mac, lan)
	case Bridge, BridgeVLAN:
		err = l.addSegment(l.Router, parent, mac, lan)
	}
	if err == nil && vlan != 0 {
		err = l.addVLAN(lan.Name, parent, vlan)
	}
	if err != nil {
		return err
	}
	return l.Router.configure(lan.Name, lan.IPv4, lan.IPv6)
}

// routerMAC is fixed, since a bridge without one takes the lowest of its ports'
// and changes it while ports come and go.
func routerMAC(i int) net.HardwareAddr {
	return net.HardwareAddr{0x52, 0x54, 0, 0xff, 1, byte(i)}
}

// addSwitch makes an interface of the router and the switch behind it, once for
// all VLANs, and lets the switch pass this one.
func (l *Lab) addSwitch(name string, mac net.HardwareAddr, lan LAN) error {
	const bridge, uplink = "switch", "eth0"
	made := l.byName[name]
	if made == nil {
		h, err := newHost(name)
		if err != nil {
			return err
		}
		made = l.add(h)
		if _, err := l.addPair(l.Router, h, name, mac); err != nil {
			return err
		}
		if err := l.Router.configure(name); err != nil {
			return err
		}
	}
	if err := l.addSegment(made, bridge, nil, lan); err != nil {
		return err
	}
	_, vlan := lan.parent()
	return made.plug(uplink, bridge, vlan, true)
}

// addSegment makes the bridge of a LAN, once for all its VLANs.
func (l *Lab) addSegment(h *Host, bridge string, mac net.HardwareAddr, lan LAN) error {
	_, vlan := lan.parent()
	l.segments[lan.Name] = segment{h, bridge, vlan}
	handle, err := h.netlink()
	if err != nil {
		return err
	}
	defer handle.Close()
	if _, err := handle.LinkByName(bridge); err == nil {
		return nil
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.Group, attrs.HardwareAddr = bridge, linkGroup, mac
	link := &netlink.Bridge{LinkAttrs: attrs}
	if vlan != 0 {
		aware, none := true, uint16(0)
		link.VlanFiltering, link.VlanDefaultPVID = &aware, &none
	}
	if err := handle.LinkAdd(link); err != nil {
		return fmt.Errorf("add bridge %s: %w", bridge, err)
	}
	return handle.LinkSetUp(link)
}

// plug makes an interface of the host a port of its bridge.
func (h *Host) plug(port, bridge string, vlan uint16, tagged bool) error {
	handle, err := h.netlink()
	if err != nil {
		return err
	}
	defer handle.Close()
	link, err := handle.LinkByName(port)
	if err != nil {
		return fmt.Errorf("find %s: %w", port, err)
	}
	master, err := handle.LinkByName(bridge)
	if err != nil {
		return fmt.Errorf("find %s: %w", bridge, err)
	}
	if err := handle.LinkSetMaster(link, master); err != nil {
		return fmt.Errorf("plug %s into %s: %w", port, bridge, err)
	}
	if vlan != 0 {
		if err := handle.BridgeVlanAdd(link, vlan, !tagged, !tagged, false, true); err != nil {
			return fmt.Errorf("add port %s to VLAN %d: %w", port, vlan, err)
		}
	}
	return handle.LinkSetUp(link)
}

// addVLAN makes the router's interface in a VLAN of its bridge or port.
func (l *Lab) addVLAN(name, parent string, vlan uint16) error {
	link, err := netlink.LinkByName(parent)
	if err != nil {
		return fmt.Errorf("find %s: %w", parent, err)
	}
	if link.Type() == "bridge" {
		if err := netlink.BridgeVlanAdd(link, vlan, false, false, true, false); err != nil {
			return fmt.Errorf("add %s to VLAN %d: %w", parent, vlan, err)
		}
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.Group, attrs.ParentIndex = name, linkGroup, link.Attrs().Index
	if err := netlink.LinkAdd(&netlink.Vlan{LinkAttrs: attrs, VlanId: int(vlan), VlanProtocol: netlink.VLAN_PROTOCOL_8021Q}); err != nil {
		return fmt.Errorf("add %s: %w", name, err)
	}
	return nil
}

// addRouted makes a router of its own, which is .2 of the first LAN and has the
// LAN's addresses on a bridge.
func (l *Lab) addRouted(lan LAN) error {
	outer := l.Profile.LANs[0]
	const hostPart = 2
	h, err := newHost(lan.Name)
	if err != nil {
		return err
	}
	l.add(h).IPv4, h.IPv6 = nth(outer.IPv4, hostPart), nth(outer.IPv6, hostPart)
	h.MAC = net.HardwareAddr{0x52, 0x54, 0, 0xff, 2, 0}
	if err := h.Do(func() error { return setSysctls(routerSysctls) }); err != nil {
		return err
	}
	if err := l.plugIn(h, outer, lan.Name+"-port"); err != nil {
		return err
	}
	if err := l.addSegment(h, "inner", routerMAC(len(l.segments)), lan); err != nil {
		return err
	}
	if err := h.configure("inner", lan.IPv4, lan.IPv6); err != nil {
		return err
	}
	router, err := l.Router.netlink()
	if err != nil {
		return err
	}
	defer router.Close()
	link, err := router.LinkByName(outer.Name)
	if err != nil {
		return fmt.Errorf("find %s: %w", outer.Name, err)
	}
	if err := addRoute(router, link, lan.IPv4.Masked(), h.IPv4); err != nil {
		return err
	}
	return addRoute(router, link, lan.IPv6.Masked(), h.IPv6)
}

// plugIn connects a host with a LAN, where it has the addresses that it was given.
func (l *Lab) plugIn(h *Host, lan LAN, port string) error {
	s := l.segments[lan.Name]
	remote, err := l.addPair(s.host, h, port, nil)
	if err != nil {
		return err
	}
	defer remote.Close()
	if err := s.host.plug(port, s.bridge, s.vlan, false); err != nil {
		return err
	}
	eth0, err := remote.configureEth0(netip.PrefixFrom(h.IPv4, lan.IPv4.Bits()), netip.PrefixFrom(h.IPv6, lan.IPv6.Bits()))
	if err != nil {
		return fmt.Errorf("host %s: %w", h.Name, err)
	}
	return addDefaultRoutes(remote.Handle, eth0, lan.IPv4.Addr(), lan.IPv6.Addr())
}

// netlink speaks netlink inside the host.
func (h *Host) netlink() (*netlink.Handle, error) {
	handle, err := netlink.NewHandleAt(h.ns, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink of %s: %w", h.Name, err)
	}
	return handle, nil
}

// configure gives one of the host's interfaces its addresses and brings it up.
func (h *Host) configure(name string, addrs ...netip.Prefix) error {
	handle, err := h.netlink()
	if err != nil {
		return err
	}
	defer handle.Close()
	link, err := handle.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find %s: %w", name, err)
	}
	return configure(handle, link, addrs...)
}
