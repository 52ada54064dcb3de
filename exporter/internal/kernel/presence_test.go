package kernel

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/sample"
)

var (
	routerAddrs = []netip.Addr{netip.MustParseAddr("192.168.1.1"), netip.MustParseAddr("fd00:1::1")}
	aliceMAC    = sample.MAC{2, 0, 0, 0, 0, 0x10}
	bobMAC      = sample.MAC{2, 0, 0, 0, 0, 0x11}
)

// TestPresenceOfNeighbours follows entries of the neighbour table through their
// states: only an answer to the router's own request is a confirmation.
func TestPresenceOfNeighbours(t *testing.T) {
	lan := newTestLAN(t)
	alice := lan.join(t, "alice", aliceMAC, alice4, alice6)
	bob := lan.join(t, "bob", bobMAC, bob4)
	nobody := netip.MustParseAddr("192.168.1.99")

	ask := func() { send(t, alice4, alice6, nobody) }
	lan.wait(t, "alice confirmed, IPv4 and IPv6", ask, func(p sample.Presence) bool {
		return confirmedBy(p, alice4, aliceMAC) && confirmedBy(p, alice6, aliceMAC)
	})
	before, _ := lan.neighbour(t, alice4)
	if before.Interface != "br-lan" || before.Age > time.Second {
		t.Errorf("got %+v, want br-lan and a fresh confirmation", before)
	}
	if n, ok := lan.neighbour(t, nobody); ok {
		t.Errorf("an address that never answered is there: %+v", n)
	}

	claim := func(addr netip.Addr) func() {
		return func() { bob.do(func() { sendARPRequest("bob", bobMAC, addr) }) }
	}
	lan.wait(t, "bob's claim", claim(bob4), func(p sample.Presence) bool { return knows(p, bob4, bobMAC) })
	if n, _ := lan.neighbour(t, bob4); n.Confirmed {
		t.Errorf("a mere ARP request counts as proof: %+v", n)
	}

	must(t, silence(alice, "alice"))
	time.Sleep(2 * time.Second) // beyond 1.5 times base_reachable_time: STALE by now
	after, ok := lan.neighbour(t, alice4)
	if !ok || !after.Confirmed || after.Age < before.Age+1900*time.Millisecond {
		t.Errorf("got %+v, want the old confirmation, about 2s older than %v", after, before.Age)
	}

	lan.wait(t, "bob's claim of alice's address", claim(alice4), func(p sample.Presence) bool { return knows(p, alice4, bobMAC) })
	if n, _ := lan.neighbour(t, alice4); n.Confirmed {
		t.Errorf("a stolen address counts as proof: %+v", n)
	}
}

// TestPresenceOfSilentClient probes a client that no longer answers until its
// entry FAILED: none of the states on the way is a new confirmation.
func TestPresenceOfSilentClient(t *testing.T) {
	lan := newTestLAN(t)
	alice := lan.join(t, "alice", aliceMAC, alice4)
	ask := func() { send(t, alice4) }
	lan.wait(t, "alice confirmed", ask, func(p sample.Presence) bool { return confirmedBy(p, alice4, aliceMAC) })
	must(t, silence(alice, "alice"))
	var oldest time.Duration
	lan.wait(t, "the entry gone", ask, func(p sample.Presence) bool {
		i := slices.IndexFunc(p.Neighbours, func(n sample.Neighbour) bool { return n.Addr == alice4 })
		if i >= 0 && p.Neighbours[i].Confirmed {
			if p.Neighbours[i].Age < oldest {
				t.Fatalf("confirmed %v ago, after it was %v: nobody answered", p.Neighbours[i].Age, oldest)
			}
			oldest = p.Neighbours[i].Age
		}
		return i < 0
	})
}

func TestPresenceOfConfiguredNeighbour(t *testing.T) {
	lan := newTestLAN(t)
	must(t, netlink.NeighAdd(&netlink.Neigh{
		LinkIndex: lan.link.Index, IP: alice4.AsSlice(), HardwareAddr: aliceMAC[:], State: netlink.NUD_PERMANENT,
	}))
	n, ok := lan.neighbour(t, alice4)
	if !ok || n.MAC != aliceMAC || n.Confirmed {
		t.Errorf("got %+v, want the MAC and no confirmation", n)
	}
}

// TestPresenceOfStations checks that the bridge's ages start anew with each
// frame a client sends, and with nothing else.
func TestPresenceOfStations(t *testing.T) {
	lan := newTestLAN(t)
	alice := lan.join(t, "alice", aliceMAC, alice4)
	speak := func() { alice.do(func() { sendARPRequest("alice", aliceMAC, alice4) }) }
	lan.wait(t, "alice's station", speak, func(p sample.Presence) bool { return stationAge(p, aliceMAC) < time.Second })

	time.Sleep(700 * time.Millisecond)
	for range 3 { // flooded to alice, who has no reason to answer
		send(t, netip.MustParseAddr("192.168.1.98"))
	}
	p := lan.read(t)
	if age := stationAge(p, aliceMAC); age < 600*time.Millisecond || age > time.Minute {
		t.Errorf("age %v after 700ms of silence", age)
	}
	if len(p.Stations) != 1 {
		t.Errorf("got %v, want alice alone, no address of the router or its ports", p.Stations)
	}

	lan.wait(t, "a fresh age", speak, func(p sample.Presence) bool { return stationAge(p, aliceMAC) < 500*time.Millisecond })
	if p := lan.presenceOf(t, nil); len(p.Stations)+len(p.Neighbours) != 0 {
		t.Errorf("got %+v from no LAN at all", p)
	}
}

func TestReachableTimes(t *testing.T) {
	lan := newTestLAN(t)
	times, err := lan.presence.readReachableTimes()
	if err != nil {
		t.Fatal(err)
	}
	for family, want := range map[uint8]time.Duration{unix.AF_INET: time.Second, unix.AF_INET6: defaultReachable} {
		if got := times.of(neigh{family: family, ifindex: lan.link.Index}); got != want {
			t.Errorf("family %d: got %v, want %v", family, got, want)
		}
	}
}

// testLAN is a router in the test's namespace with the bridge br-lan, and
// clients in namespaces of their own. Confirmations there last a second.
type testLAN struct {
	presence *Presence
	link     sample.Link
}

func newTestLAN(t *testing.T) *testLAN {
	t.Helper()
	isolate(t)
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br-lan"}}
	must(t, netlink.LinkAdd(bridge))
	addAddrs(t, bridge, "192.168.1.1/24", "fd00:1::1/64")
	must(t, netlink.LinkSetUp(bridge))
	must(t, os.WriteFile("/proc/sys/net/ipv4/neigh/br-lan/base_reachable_time_ms", []byte("1000"), 0))
	must(t, os.WriteFile("/proc/sys/net/ipv4/neigh/br-lan/delay_first_probe_time", []byte("0"), 0))
	p, err := OpenPresence()
	must(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return &testLAN{p, sample.Link{Name: "br-lan", Index: bridge.Index, Addrs: routerAddrs}}
}

// join plugs a client into the bridge.
func (l *testLAN) join(t *testing.T, name string, mac sample.MAC, addrs ...netip.Addr) *namespace {
	t.Helper()
	ns := newNamespace(t)
	veth := &netlink.Veth{
		LinkAttrs:        netlink.LinkAttrs{Name: "port-" + name, MasterIndex: l.link.Index},
		PeerName:         name,
		PeerHardwareAddr: mac[:],
		PeerNamespace:    netlink.NsFd(ns.file.Fd()),
	}
	must(t, netlink.LinkAdd(veth))
	must(t, netlink.LinkSetUp(veth))
	var err error
	ns.do(func() {
		for _, a := range addrs {
			bits := 24
			if a.Is6() {
				bits = 64
			}
			err = errors.Join(err, addAddr(name, netip.PrefixFrom(a, bits).String()))
		}
		if !slices.ContainsFunc(addrs, netip.Addr.Is6) { // or it would talk unasked
			err = errors.Join(err, os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte("1"), 0))
		}
		err = errors.Join(err, setLink(name, true))
	})
	must(t, err)
	return ns
}

// silence keeps a client's link up, as a switch between would, and its answers away.
func silence(ns *namespace, device string) (err error) {
	ns.do(func() {
		var link netlink.Link
		if link, err = netlink.LinkByName(device); err == nil {
			err = netlink.LinkSetARPOff(link)
		}
	})
	return err
}

func (l *testLAN) presenceOf(t *testing.T, lan []sample.Link) sample.Presence {
	t.Helper()
	p, err := l.presence.Read(lan)
	must(t, err)
	return p
}

func (l *testLAN) read(t *testing.T) sample.Presence {
	t.Helper()
	return l.presenceOf(t, []sample.Link{l.link})
}

func (l *testLAN) neighbour(t *testing.T, addr netip.Addr) (sample.Neighbour, bool) {
	t.Helper()
	for _, n := range l.read(t).Neighbours {
		if n.Addr == addr {
			return n, true
		}
	}
	return sample.Neighbour{}, false
}

// wait provokes what ok looks for until it is there: a bridge port forwards
// nothing in its first moments.
func (l *testLAN) wait(t *testing.T, what string, provoke func(), ok func(sample.Presence) bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		provoke()
		p := l.read(t)
		if ok(p) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("no sign of %s in %+v", what, p)
		}
	}
}

func knows(p sample.Presence, addr netip.Addr, mac sample.MAC) bool {
	return slices.ContainsFunc(p.Neighbours, func(n sample.Neighbour) bool { return n.Addr == addr && n.MAC == mac })
}

func confirmedBy(p sample.Presence, addr netip.Addr, mac sample.MAC) bool {
	return slices.ContainsFunc(p.Neighbours, func(n sample.Neighbour) bool {
		return n.Addr == addr && n.MAC == mac && n.Confirmed
	})
}

// stationAge is an hour where the station is unknown.
func stationAge(p sample.Presence, mac sample.MAC) time.Duration {
	for _, s := range p.Stations {
		if s.MAC == mac {
			return s.Age
		}
	}
	return time.Hour
}

// send makes the router send packets, for which it must resolve the addresses.
func send(t *testing.T, addrs ...netip.Addr) {
	t.Helper()
	for _, addr := range addrs {
		c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 9)))
		must(t, err)
		_, _ = c.Write([]byte("x")) // an unreachable neighbour may show here
		_ = c.Close()
	}
}

// sendARPRequest asks for the router's MAC and claims that sender has mac.
func sendARPRequest(device string, mac sample.MAC, sender netip.Addr) {
	frame := slices.Concat(
		[]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, mac[:], []byte{0x08, 0x06},
		[]byte{0, 1, 8, 0, 6, 4, 0, 1}, mac[:], sender.AsSlice(), make([]byte, 6), routerAddrs[0].AsSlice())
	link, err := net.InterfaceByName(device)
	if err != nil {
		panic(err)
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		panic(err)
	}
	defer unix.Close(fd)
	if err := unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: link.Index}); err != nil {
		panic(fmt.Errorf("send ARP request: %w", err))
	}
}
