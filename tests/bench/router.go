package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"

	"router-monitoring/tests/lab"
)

const table = "network_metrics" // of the exporter

// peer is a machine of the internet that takes no notice of what it is sent, so
// that the router's work is nearly all there is.
var (
	peerMAC = net.HardwareAddr{0x52, 0x54, 0, 0xff, 0, 0x09}
	peer4   = netip.MustParseAddr("203.0.113.9")
	peer6   = netip.MustParseAddr("2001:db8:ffff::9")
)

// router is a lab of one LAN and one machine on it, which lends its wire to
// clients that are only addresses.
type router struct {
	*lab.Lab
	bridge, wan netlink.Link
	lan         *lab.Host
}

func newRouter() (*router, error) {
	l, err := lab.New(lab.Profile{
		LANs:    []lab.LAN{{Name: "br-lan", IPv4: netip.MustParsePrefix("10.0.0.1/16"), IPv6: netip.MustParsePrefix("fd00:10::1/64")}},
		Clients: []lab.Client{{Name: "lan"}},
	})
	if err != nil {
		return nil, err
	}
	r := &router{Lab: l, lan: l.Client("lan")}
	if r.bridge, err = netlink.LinkByName("br-lan"); err == nil {
		r.wan, err = netlink.LinkByName(lab.WAN)
	}
	for _, peer := range []netip.Addr{peer4, peer6} {
		if err == nil {
			err = neighbour(r.wan, peer, peerMAC)
		}
	}
	for _, name := range []string{"nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream"} {
		if err == nil { // connections shall not end while they are counted
			err = os.WriteFile("/proc/sys/net/netfilter/"+name, []byte("3600"), 0)
		}
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return r, nil
}

// neighbour spares the router the question who has an address.
func neighbour(on netlink.Link, addr netip.Addr, mac net.HardwareAddr) error {
	return netlink.NeighSet(&netlink.Neigh{
		LinkIndex: on.Attrs().Index, State: netlink.NUD_PERMANENT, IP: addr.AsSlice(), HardwareAddr: mac,
	})
}

// clients are addresses on the LAN. Each has one conversation with the peer for
// each family; its number is its port, so that masquerading keeps it.
type clients struct {
	router *router
	ipv6   bool
	addrs  []netip.Addr
	up     *wire // from the clients
	down   *wire // from the peer
}

func (r *router) clients(n int, ipv6 bool) (*clients, error) {
	c := &clients{router: r, ipv6: ipv6}
	peer, router := netip.AddrPortFrom(peer4, 9), r.Router.IPv4
	if ipv6 {
		peer = netip.AddrPortFrom(peer6, 9)
	}
	var up, down [][]byte
	for i := range n {
		mac := net.HardwareAddr{0x52, 0x54, 1, 0, byte(i >> 8), byte(i)}
		addr := clientAddr(i, ipv6)
		if err := neighbour(r.bridge, addr, mac); err != nil {
			return nil, err
		}
		c.addrs = append(c.addrs, addr)
		from, back := netip.AddrPortFrom(addr, uint16(10_000+i)), netip.AddrPortFrom(addr, uint16(10_000+i))
		if !ipv6 {
			back = netip.AddrPortFrom(router, back.Port())
		}
		up = append(up, datagram(mac, r.bridge.Attrs().HardwareAddr, from, peer))
		down = append(down, datagram(r.Internet.MAC, r.wan.Attrs().HardwareAddr, peer, back))
	}
	var err error
	if c.up, err = openWire(r.lan, up); err != nil {
		return nil, err
	}
	if c.down, err = openWire(r.Internet, down); err != nil {
		c.up.close()
		return nil, err
	}
	return c, nil
}

func clientAddr(i int, ipv6 bool) netip.Addr {
	if ipv6 {
		return netip.MustParseAddr(fmt.Sprintf("fd00:10::1:%x", i))
	}
	return netip.AddrFrom4([4]byte{10, 0, byte(1 + i>>8), byte(i)})
}

// connecting is how many clients share the connections that connect opens.
const connecting = 25

// connect ends all connections and opens n, which the peer does not answer.
func (r *router) connect(n int) error {
	if err := netlink.ConntrackTableFlush(netlink.ConntrackTable); err != nil {
		return err
	}
	frames := make([][]byte, 0, slots)
	flush := func() error {
		w, err := openWire(r.lan, frames)
		if err == nil {
			err = w.send(len(frames))
			w.close()
		}
		frames = frames[:0]
		return err
	}
	for i := range n {
		addr, mac := clientAddr(i%connecting, false), net.HardwareAddr{0x52, 0x54, 1, 0, 0, byte(i % connecting)}
		from, to := netip.AddrPortFrom(addr, uint16(10_000+i%connecting)), netip.AddrPortFrom(peer4, uint16(1+i/connecting))
		frames = append(frames, datagram(mac, r.bridge.Attrs().HardwareAddr, from, to))
		if len(frames) == slots || i == n-1 {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *clients) close() {
	c.up.close()
	c.down.close()
}

// speak lets each client send a datagram and receive one.
func (c *clients) speak() error {
	_, err := c.forward(2 * len(c.addrs))
	return err
}

// forward sends n frames through the router, half of them in each direction, and
// gives the nanoseconds that each took. All must have arrived.
func (c *clients) forward(n int) (float64, error) {
	before, err := c.router.received()
	if err != nil {
		return 0, err
	}
	took, err := pinned(func() error {
		if err := c.up.send(n / 2); err != nil {
			return err
		}
		return c.down.send(n / 2)
	})
	if err != nil {
		return 0, fmt.Errorf("send: %w", err)
	}
	after, err := c.router.received()
	if err != nil {
		return 0, err
	}
	if got := after - before; got < uint64(n/2*2) {
		return 0, fmt.Errorf("of %d packets %d passed the router", n/2*2, got)
	}
	return float64(took.Nanoseconds()) / float64(n/2*2), nil
}

// received is how many packets arrived at the ends of both wires.
func (r *router) received() (packets uint64, err error) {
	for _, h := range []*lab.Host{r.lan, r.Internet} {
		err := h.Do(func() error {
			eth0, err := netlink.LinkByName("eth0")
			if err == nil {
				packets += eth0.Attrs().Statistics.RxPackets
			}
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	return packets, nil
}

// use puts one table in force, or none, and all others out of it. The table of
// the exporter, which must not run meanwhile, keeps its elements.
func (r *router) use(name string) error {
	text := ""
	for _, t := range []string{table, oldTable} {
		if t == name {
			text += fmt.Sprintf("add table inet %s\n", t)
		} else {
			text += fmt.Sprintf("add table inet %s { flags dormant; }\n", t)
		}
	}
	return r.LoadRuleset(text)
}

// with measures while a table is in force.
func (r *router) with(name string, m measurement) measurement {
	return func() (float64, error) {
		if err := r.use(name); err != nil {
			return 0, err
		}
		return m()
	}
}
