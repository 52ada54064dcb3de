package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"sync"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// namedNamespaces is where `ip netns` keeps its names.
const namedNamespaces = "/run/netns/"

// Join puts the profile's clients on the network behind an interface of this
// machine. Each gets a network namespace of its name, as `ip netns` has them,
// with a macvlan child of the interface, an IPv4 address by DHCP, where its name
// is its host name, and the IPv6 address that the profile gives it. Join returns
// when all have a lease, which their DHCP clients keep until Leave. Those that
// joined before stay as they are.
func Join(ctx context.Context, p Profile, iface string) ([]*Host, error) {
	parent, err := netlink.LinkByName(iface)
	if err != nil {
		return nil, fmt.Errorf("find interface %s toward the router: %w", iface, err)
	}
	if err := netlink.LinkSetUp(parent); err != nil {
		return nil, fmt.Errorf("bring %s up: %w", iface, err)
	}
	script, err := writeLeaseScript()
	if err != nil {
		return nil, err
	}
	hosts, failed := make([]*Host, len(p.Clients)), make([]error, len(p.Clients))
	var leases sync.WaitGroup
	for i, c := range p.Clients {
		hosts[i], failed[i] = openJoined(c)
		if !errors.Is(failed[i], fs.ErrNotExist) {
			continue
		}
		if hosts[i], failed[i] = p.plugIn(c, parent); failed[i] == nil {
			leases.Go(func() { failed[i] = hosts[i].lease(ctx, script) })
		}
	}
	leases.Wait()
	for i, err := range failed {
		if err != nil {
			failed[i] = fmt.Errorf("join %s: %w", p.Clients[i].Name, err)
		}
	}
	return hosts, errors.Join(failed...)
}

// plugIn makes a client's namespace and its interface.
func (p Profile) plugIn(c Client, parent netlink.Link) (*Host, error) {
	lan := p.LANs[0]
	if c.LAN != lan.Name {
		return nil, fmt.Errorf("it is in %s; behind one interface there can be clients of %s only", c.LAN, lan.Name)
	}
	h, err := newHost(c.Name)
	if err != nil {
		return nil, err
	}
	h.LAN, h.MAC, h.IPv6 = c.LAN, c.MAC.HardwareAddr(), c.IPv6
	if err := h.addMacvlan(parent, lan, p.Offload); err != nil {
		return nil, err
	}
	return h, h.giveName()
}

// addMacvlan makes the host's eth0. There it needs no router advertisements: the
// route is the profile's.
func (h *Host) addMacvlan(parent netlink.Link, lan LAN, offload bool) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "eth0"
	attrs.ParentIndex = parent.Attrs().Index
	attrs.HardwareAddr = h.MAC
	attrs.Namespace = netlink.NsFd(h.ns)
	if err := netlink.LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE}); err != nil {
		return fmt.Errorf("add macvlan to %s: %w", parent.Attrs().Name, err)
	}
	handle, err := netlink.NewHandleAt(h.ns, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	defer handle.Close()
	remote := &remoteHandle{handle, offload}
	eth0, err := remote.configureEth0(netip.PrefixFrom(h.IPv6, lan.IPv6.Bits()))
	if err != nil {
		return err
	}
	return addRoute(handle, eth0, netip.PrefixFrom(netip.IPv6Unspecified(), 0), lan.IPv6.Addr())
}

// giveName lets the host's namespace outlive this program, and others find it.
func (h *Host) giveName() error {
	if err := os.MkdirAll(namedNamespaces, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(namedNamespaces+h.Name, nil, 0o444); err != nil {
		return err
	}
	if err := unix.Mount(fmt.Sprintf("/proc/self/fd/%d", h.ns), namedNamespaces+h.Name, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("name namespace: %w", err)
	}
	return nil
}

// openJoined gives a client that has joined, or fs.ErrNotExist.
func openJoined(c Client) (*Host, error) {
	ns, err := netns.GetFromName(c.Name)
	if err != nil {
		return nil, fmt.Errorf("it has not joined, see `lab join`: %w", err)
	}
	h := &Host{Name: c.Name, LAN: c.LAN, MAC: c.MAC.HardwareAddr(), IPv6: c.IPv6, ns: ns}
	return h, h.findLease()
}
