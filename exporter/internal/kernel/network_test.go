package kernel

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	mdlayher "github.com/mdlayher/netlink"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/sample"
)

func TestReadNetworkFindsOut(t *testing.T) {
	isolate(t)
	lan := addLink(t, device("br-lan"),
		"192.168.1.1/24", "fd00:1::1/64", "2001:db8:1::1/64")
	port := addLink(t, &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "port0", MasterIndex: lan}, PeerName: "peer0"}, "10.5.0.1/24")
	wan := addLink(t, device("wan0"), "10.0.0.2/24", "2001:db8::2/64")
	addLink(t, device("public0"), "198.51.100.1/24")
	addLink(t, device("vpnclient"), "10.64.0.7/32")
	wg := addLink(t, device("wg0"), "10.100.0.1/24")
	addRoute(t, &netlink.Route{LinkIndex: wan, Gw: net.IPv4(10, 0, 0, 1)})
	addRoute(t, &netlink.Route{LinkIndex: wg, Dst: cidr("10.200.0.0/24"), Scope: netlink.SCOPE_LINK})
	addRoute(t, &netlink.Route{LinkIndex: wg, Dst: cidr("fd00:9::2/128")})
	addRoute(t, &netlink.Route{LinkIndex: lan, Dst: cidr("10.77.0.0/16"), Gw: net.IPv4(192, 168, 1, 2)})
	addRoute(t, &netlink.Route{LinkIndex: lan, Dst: cidr("10.78.0.0/16"), Scope: netlink.SCOPE_LINK, Table: 200})

	want := sample.Network{
		LAN: []sample.Link{
			{Name: "br-lan", Index: lan, Up: true, Ethernet: true,
				Prefixes: prefixes("192.168.1.0/24", "2001:db8:1::/64", "fd00:1::/64"),
				Addrs:    addresses("192.168.1.1", "2001:db8:1::1", "fd00:1::1"),
				Reached:  prefixes("10.77.0.0/16", "192.168.1.0/24", "2001:db8:1::/64", "fd00:1::/64"),
				Below:    [][]sample.Device{{{Name: "port0", Index: port, Ethernet: true}}}},
			{Name: "wg0", Index: wg, Up: true, Ethernet: true, Prefixes: prefixes("10.100.0.0/24"), Addrs: addresses("10.100.0.1"),
				Reached: prefixes("10.100.0.0/24", "10.200.0.0/24", "fd00:9::2/128")},
		},
		WAN: []string{"wan0"},
		Subnets: prefixes("10.77.0.0/16", "10.100.0.0/24", "10.200.0.0/24", "192.168.1.0/24",
			"2001:db8:1::/64", "fd00:1::/64", "fd00:9::2/128"),
		Own: addresses("10.0.0.2", "10.5.0.1", "10.64.0.7", "10.100.0.1", "192.168.1.1", "198.51.100.1",
			"2001:db8::2", "2001:db8:1::1", "fd00:1::1"),
		Elsewhere: prefixes("10.5.0.0/24", "198.51.100.0/24"),
	}
	checkNetwork(t, NetworkSpec{}, want)
}

// TestReadNetworkTellsEthernet takes lo for a link without an Ethernet header:
// tun and WireGuard links are not to be had everywhere.
func TestReadNetworkTellsEthernet(t *testing.T) {
	isolate(t)
	addLink(t, device("br-lan"))
	for name, want := range map[string]bool{"lo": false, "br-lan": true} {
		n, err := ReadNetwork(NetworkSpec{LAN: []string{name}})
		must(t, err)
		if len(n.LAN) != 1 || n.LAN[0].Ethernet != want {
			t.Errorf("%s: got %+v, want Ethernet %v", name, n.LAN, want)
		}
	}
}

func TestReadNetworkAsConfigured(t *testing.T) {
	isolate(t)
	lan := addLink(t, device("lan0"), "203.0.113.1/24")
	addLink(t, device("other"), "10.1.0.1/24")
	spec := NetworkSpec{
		LAN:     []string{"lan0", "later0"},
		WAN:     []string{"ppp0"},
		Subnets: prefixes("fd00::5/64", "192.168.7.9/24", "192.168.7.128/25"),
	}
	link := sample.Link{Name: "lan0", Index: lan, Up: true, Ethernet: true,
		Prefixes: prefixes("203.0.113.0/24"), Addrs: addresses("203.0.113.1"), Reached: prefixes("203.0.113.0/24")}
	want := sample.Network{
		LAN: []sample.Link{link}, WAN: []string{"ppp0"},
		Subnets: prefixes("192.168.7.0/24", "fd00::/64"), Missing: []string{"later0", "ppp0"},
		Own: addresses("10.1.0.1", "203.0.113.1"), Elsewhere: prefixes("10.1.0.0/24"),
	}
	checkNetwork(t, spec, want)

	later := addLink(t, device("later0"))
	want.LAN = append([]sample.Link{}, sample.Link{Name: "lan0", Index: lan, Up: true, Ethernet: true,
		Prefixes: link.Prefixes, Addrs: link.Addrs, Reached: link.Reached}, sample.Link{Name: "later0", Index: later, Up: true, Ethernet: true})
	want.Missing = []string{"ppp0"}
	checkNetwork(t, spec, want)
}

// TestReadNetworkFindsShaped finds the WAN, which has moved, and every ifb.
func TestReadNetworkFindsShaped(t *testing.T) {
	isolate(t)
	addLink(t, device("lan0"), "192.168.1.1/24")
	wan := addLink(t, device("wan0"), "203.0.113.2/24")
	addRoute(t, &netlink.Route{LinkIndex: wan, Gw: net.IPv4(203, 0, 113, 1)})
	ifb := addLink(t, &netlink.Ifb{LinkAttrs: netlink.LinkAttrs{Name: "in0"}})
	devices := map[string]sample.Device{"in0": {Name: "in0", Index: ifb, Ethernet: true}, "wan0": {Name: "wan0", Index: wan, Ethernet: true}}
	for _, tt := range []struct {
		name          string
		spec          NetworkSpec
		want, missing []string
	}{
		{"not asked for", NetworkSpec{}, nil, nil},
		{"found", NetworkSpec{Shape: true}, []string{"in0", "wan0"}, nil},
		{"another WAN", NetworkSpec{Shape: true, WAN: []string{"lan0"}, LAN: []string{"wan0"}}, []string{"in0", "lan0"}, nil},
		{"named", NetworkSpec{Shape: true, Shaped: []string{"wan0", "ppp0"}}, []string{"wan0"}, []string{"ppp0"}},
	} {
		n, err := ReadNetwork(tt.spec)
		must(t, err)
		var names []string
		for _, d := range n.Shaped {
			names = append(names, d.Name)
			if want, known := devices[d.Name]; known && d != want {
				t.Errorf("%s: got %+v, want %+v", tt.name, d, want)
			}
		}
		if !slices.Equal(names, tt.want) || !slices.Equal(n.Missing, tt.missing) {
			t.Errorf("%s: got %v and missing %v, want %v and %v", tt.name, names, n.Missing, tt.want, tt.missing)
		}
	}
}

func TestReadNetworkFollowsDefaultRoutes(t *testing.T) {
	isolate(t)
	one := addLink(t, device("one0"), "10.1.0.2/24")
	two := addLink(t, device("two0"), "10.2.0.2/24")
	six := addLink(t, device("six0"), "2001:db8::2/64")
	check := func(what string, want ...string) {
		t.Helper()
		n, err := ReadNetwork(NetworkSpec{})
		must(t, err)
		if diff := cmp.Diff(want, n.WAN, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("WAN with %s (-want +got):\n%s", what, diff)
		}
		for _, l := range n.LAN {
			if slices.Contains(want, l.Name) {
				t.Errorf("%s is LAN and WAN", l.Name)
			}
		}
	}
	check("no default route")
	addRoute(t, &netlink.Route{Family: netlink.FAMILY_V6, Type: unix.RTN_UNREACHABLE, LinkIndex: 1, Dst: cidr("::/0"), Priority: 4096})
	check("an unreachable one")
	addRoute(t, &netlink.Route{LinkIndex: one, Gw: net.IPv4(10, 1, 0, 1)})
	check("one", "one0")
	addRoute(t, &netlink.Route{LinkIndex: six, Dst: cidr("::/0"), Gw: net.ParseIP("fe80::1")})
	check("one for each family", "one0", "six0")
	must(t, netlink.RouteReplace(&netlink.Route{Dst: cidr("0.0.0.0/0"), MultiPath: []*netlink.NexthopInfo{
		{LinkIndex: one, Gw: net.IPv4(10, 1, 0, 1)}, {LinkIndex: two, Gw: net.IPv4(10, 2, 0, 1)},
	}}))
	check("several next hops", "one0", "six0", "two0")
	must(t, netlink.RouteDel(&netlink.Route{Dst: cidr("0.0.0.0/0")}))
	addRoute(t, &netlink.Route{LinkIndex: two, Gw: net.IPv4(10, 2, 0, 1), Priority: 5})
	check("another link", "six0", "two0")
}

// TestReadNetworkWithoutCarrier pulls the WAN's cable, whose address is private.
func TestReadNetworkWithoutCarrier(t *testing.T) {
	isolate(t)
	wan := addLink(t, &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "wan0"}, PeerName: "modem"}, "192.168.100.2/24")
	must(t, setLink("modem", true))
	addRoute(t, &netlink.Route{LinkIndex: wan, Gw: net.IPv4(192, 168, 100, 1)})
	must(t, setLink("modem", false))
	var flags int
	for end := time.Now().Add(10 * time.Second); flags&unix.RTNH_F_LINKDOWN == 0 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		routes, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{LinkIndex: wan}, netlink.RT_FILTER_OIF)
		must(t, err)
		flags = routes[0].Flags
	}
	if flags&unix.RTNH_F_LINKDOWN == 0 {
		t.Fatal("the route never noticed")
	}
	checkNetwork(t, NetworkSpec{}, sample.Network{WAN: []string{"wan0"}, Own: addresses("192.168.100.2")})
}

func TestWatchNetwork(t *testing.T) {
	isolate(t)
	lan := addLink(t, device("br-lan"), "192.168.1.1/24", "fd00:1::1/64")
	changed, err := WatchNetwork(t.Context())
	must(t, err)
	quiet(t, changed)
	for _, step := range []struct {
		what string
		do   func()
	}{
		{"a new address", func() { must(t, addAddr("br-lan", "192.168.2.1/24")) }},
		{"a new prefix from the provider", func() { must(t, addAddr("br-lan", "2001:db8:2::1/64")) }},
		{"a new link", func() { addLink(t, device("later0")) }},
		{"a new default route", func() { addRoute(t, &netlink.Route{LinkIndex: lan, Gw: net.IPv4(192, 168, 1, 2)}) }},
		{"a new IPv6 route", func() { addRoute(t, &netlink.Route{LinkIndex: lan, Dst: cidr("fd00:2::/64")}) }},
		{"a link gone", func() { must(t, netlink.LinkDel(device("later0"))) }},
	} {
		step.do()
		expect(t, changed, step.what)
		quiet(t, changed)
	}
}

// TestWatchNetworkCoalesces makes a thousand changes, for which a few signals do.
func TestWatchNetworkCoalesces(t *testing.T) {
	isolate(t)
	addLink(t, device("lan0"))
	changed, err := WatchNetwork(t.Context())
	must(t, err)
	quiet(t, changed)
	begin := time.Now()
	for i := range 1000 {
		must(t, addAddr("lan0", netip.PrefixFrom(addrPlus(netip.MustParseAddr("10.0.0.1"), uint32(i)), 24).String()))
	}
	signals := 0
	for end := time.After(time.Second); ; {
		select {
		case <-changed:
			signals++
			continue
		case <-end:
		}
		break
	}
	if most := int(time.Since(begin)/networkSettle) + 1; signals == 0 || signals > most {
		t.Errorf("got %d signals, want 1 to %d", signals, most)
	}
}

// TestWatchNetworkSurvives overruns the socket, then breaks it.
func TestWatchNetworkSurvives(t *testing.T) {
	isolate(t)
	addLink(t, device("lan0"))
	ns := currentNamespace(t)
	var dials atomic.Int32
	dial := func() (*mdlayher.Conn, error) {
		dials.Add(1)
		return mdlayher.Dial(unix.NETLINK_ROUTE, &mdlayher.Config{Groups: networkGroups, NetNS: int(ns.Fd())})
	}
	small := func() *mdlayher.Conn {
		conn, err := dial()
		must(t, err)
		must(t, conn.SetReadBuffer(4096))
		return conn
	}
	conn, probe := small(), small()
	defer probe.Close()
	for i := range 200 {
		must(t, addAddr("lan0", netip.PrefixFrom(addrPlus(netip.MustParseAddr("10.0.0.1"), uint32(i)), 24).String()))
	}
	if _, err := probe.Receive(); !errors.Is(err, unix.ENOBUFS) {
		t.Fatalf("got %v, want an overrun socket", err)
	}
	w := &networkWatcher{changed: make(chan struct{}, 1), dial: dial}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { w.run(ctx, conn); close(ended) }()
	expect(t, w.changed, "lost events")
	quiet(t, w.changed)
	must(t, addAddr("lan0", "10.9.0.1/24"))
	expect(t, w.changed, "a change after lost events")
	quiet(t, w.changed)

	if n := dials.Load(); n != 2 {
		t.Errorf("lost events opened the socket %d times anew", n-2)
	}

	must(t, conn.Close())
	time.Sleep(1100 * time.Millisecond)
	expect(t, w.changed, "the socket opened again")
	quiet(t, w.changed)
	must(t, addAddr("lan0", "10.9.1.1/24"))
	expect(t, w.changed, "a change after that")

	cancel()
	select {
	case <-ended:
	case <-time.After(time.Second):
		t.Error("the watch outlives its context")
	}
}

func checkNetwork(t *testing.T, spec NetworkSpec, want sample.Network) {
	t.Helper()
	got, err := ReadNetwork(spec)
	must(t, err)
	for i, l := range got.LAN { // the kernel's own fe80:: come when they like
		got.LAN[i].Addrs = nil
		for _, a := range l.Addrs {
			if !a.IsLinkLocalUnicast() {
				got.LAN[i].Addrs = append(got.LAN[i].Addrs, a)
			}
		}
		if l.Ethernet && l.MAC.IsZero() {
			t.Errorf("%s has no MAC", l.Name)
		}
		got.LAN[i].MAC = sample.MAC{} // the kernel makes them up
	}
	opts := []cmp.Option{
		cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}),
		cmpopts.SortSlices(netip.Addr.Less), cmpopts.IgnoreFields(sample.Network{}, "Uplinks"),
	}
	if diff := cmp.Diff(want, got, opts...); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// expect wants a signal within a second.
func expect(t *testing.T, changed <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-changed:
	case <-time.After(time.Second):
		t.Errorf("no signal for %s", what)
	}
}

// quiet waits until no signal came for a while.
func quiet(t *testing.T, changed <-chan struct{}) {
	t.Helper()
	for range 20 {
		select {
		case <-changed:
		case <-time.After(3 * networkSettle):
			return
		}
	}
	t.Fatal("the signals never end")
}

func addLink(t *testing.T, link netlink.Link, prefixes ...string) (index int) {
	t.Helper()
	must(t, netlink.LinkAdd(link))
	must(t, netlink.LinkSetUp(link))
	addAddrs(t, link, prefixes...)
	return link.Attrs().Index
}

func addRoute(t *testing.T, r *netlink.Route) {
	t.Helper()
	if r.Dst == nil {
		r.Dst = cidr("0.0.0.0/0")
	}
	if err := netlink.RouteAdd(r); err != nil {
		t.Fatalf("add route %v: %v", r, err)
	}
}

// device is an Ethernet link, a bridge since every kernel for routers has those.
func device(name string) netlink.Link {
	return &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: name}}
}

func cidr(s string) *net.IPNet {
	_, n, err := net.ParseCIDR(s)
	if err != nil {
		panic(err)
	}
	return n
}

func prefixes(s ...string) (all []netip.Prefix) {
	for _, p := range s {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}

func addresses(s ...string) (all []netip.Addr) {
	for _, a := range s {
		all = append(all, netip.MustParseAddr(a))
	}
	return all
}
