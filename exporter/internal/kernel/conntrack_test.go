package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/ti-mo/conntrack"
	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/sample"
)

var (
	lan4 = netip.MustParsePrefix("192.168.1.0/24")
	lan6 = netip.MustParsePrefix("fd00:1::/64")

	wan4   = netip.MustParseAddr("203.0.113.1")
	alice4 = netip.MustParseAddr("192.168.1.10")
	alice6 = netip.MustParseAddr("fd00:1::10")
	bob4   = netip.MustParseAddr("192.168.1.11")
	bob6   = netip.MustParseAddr("fd00:1::11")
	far4   = netip.MustParseAddr("198.51.100.7")
	far6   = netip.MustParseAddr("2001:db8::7")
)

func inLAN(a netip.Addr) bool { return lan4.Contains(a) || lan6.Contains(a) }

func TestConntrackCountsEachClientOnce(t *testing.T) {
	one := func(p sample.Protocols, addrs ...netip.Addr) map[netip.Addr]sample.Protocols {
		m := map[netip.Addr]sample.Protocols{}
		for _, a := range addrs {
			m[a] = p
		}
		return m
	}
	tcp, udp, icmp := sample.Protocols{TCP: 1}, sample.Protocols{UDP: 1}, sample.Protocols{ICMP: 1}
	for _, tt := range []struct {
		name string
		flow conntrack.Flow
		want map[netip.Addr]sample.Protocols
	}{
		{"ok routed IPv4", flow(unix.IPPROTO_TCP, alice4, far4), one(tcp, alice4)},
		{"ok routed IPv6", flow(unix.IPPROTO_TCP, alice6, far6), one(tcp, alice6)},
		{"ok masqueraded IPv4", replyTo(flow(unix.IPPROTO_UDP, alice4, far4), wan4), one(udp, alice4)},
		{"ok port mapping from outside", replyFrom(flow(unix.IPPROTO_TCP, far4, wan4), bob4), one(tcp, bob4)},
		{"ok inbound IPv6", flow(unix.IPPROTO_UDP, far6, bob6), one(udp, bob6)},
		{"ok client to client", flow(unix.IPPROTO_TCP, alice4, bob4), one(tcp, alice4, bob4)},
		{"ok client to client IPv6", flow(unix.IPPROTO_UDP, alice6, bob6), one(udp, alice6, bob6)},
		{"ok hairpin", replyTo(replyFrom(flow(unix.IPPROTO_TCP, alice4, wan4), bob4), wan4), one(tcp, alice4, bob4)},
		{"ok hairpin to itself", replyTo(replyFrom(flow(unix.IPPROTO_TCP, alice4, wan4), alice4), wan4), one(tcp, alice4)},
		{"ok ping", ping(alice4, far4), one(icmp, alice4)},
		{"ok ping IPv6", ping(alice6, far6), one(icmp, alice6)},
		{"ok GRE", flow(unix.IPPROTO_GRE, alice4, far4), one(sample.Protocols{Other: 1}, alice4)},
		{"ok the router's own", flow(unix.IPPROTO_TCP, wan4, far4), one(tcp)},
	} {
		ct := createFlows(t, tt.flow)
		got, err := ct.Read(inLAN)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		want := sample.Connections{ByAddr: tt.want, Entries: 1}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(want, "Limit")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if got.Limit == 0 {
			t.Errorf("%s: the kernel told no limit", tt.name)
		}
	}
}

// TestConntrackAgreesWithOracle compares a mixed table with ti-mo's full decoder.
func TestConntrackAgreesWithOracle(t *testing.T) {
	ct := createFlows(t, mixedFlows(3000)...)
	got, err := ct.Read(inLAN)
	if err != nil {
		t.Fatal(err)
	}
	want := sample.Connections{ByAddr: map[netip.Addr]sample.Protocols{}, Entries: 3000, Limit: got.Limit}
	for _, f := range dumpFlows(t) {
		ends := map[netip.Addr]bool{f.TupleOrig.IP.SourceAddress: true, f.TupleReply.IP.SourceAddress: true}
		for addr := range maps.Keys(ends) {
			if inLAN(addr) {
				p := want.ByAddr[addr]
				switch f.TupleOrig.Proto.Protocol {
				case 6:
					p.TCP++
				case 17:
					p.UDP++
				case 1, 58:
					p.ICMP++
				default:
					p.Other++
				}
				want.ByAddr[addr] = p
			}
		}
	}
	if len(want.ByAddr) < 50 {
		t.Fatalf("the oracle saw %d clients only", len(want.ByAddr))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestConntrackEmptyTable(t *testing.T) {
	ct := createFlows(t)
	got, err := ct.Read(inLAN)
	if err != nil {
		t.Fatal(err)
	}
	if got.Entries != 0 || len(got.ByAddr) != 0 || got.ByAddr == nil {
		t.Errorf("got %+v, want an empty map and no entries", got)
	}
}

func TestConntrackAsksOncePerClient(t *testing.T) {
	ct := createFlows(t, mixedFlows(500)...)
	asked := map[netip.Addr]int{}
	if _, err := ct.Read(func(a netip.Addr) bool { asked[a]++; return inLAN(a) }); err != nil {
		t.Fatal(err)
	}
	for addr, n := range asked {
		if inLAN(addr) && n > 1 {
			t.Errorf("asked %d times for client %v", n, addr)
		}
	}
}

// TestConntrackTriesAgain loses the socket in the middle of the dump, once and always.
func TestConntrackTriesAgain(t *testing.T) {
	ct := createFlows(t, mixedFlows(3000)...)
	want, err := ct.Read(inLAN)
	must(t, err)
	left := 1
	breaking := func(a netip.Addr) bool {
		if left > 0 && inLAN(a) {
			left--
			_ = ct.netlink.conn.Close()
		}
		return inLAN(a)
	}
	got, err := ct.Read(breaking)
	must(t, err)
	if diff := cmp.Diff(want, got); left != 0 || diff != "" {
		t.Errorf("after one broken dump (-want +got):\n%s", diff)
	}
	left = 1000
	if got, err := ct.Read(breaking); err == nil {
		t.Errorf("a truncated dump is taken for the truth: %d entries", got.Entries)
	}
}

func TestConntrackWithoutCapability(t *testing.T) {
	ct := createFlows(t, flow(unix.IPPROTO_TCP, alice4, far4))
	dropNetAdmin(t)
	_, err := ct.Read(inLAN)
	if !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "CAP_NET_ADMIN") {
		t.Errorf("got %v, want EPERM and its remedy", err)
	}
}

func TestConntrackRemedyForMissingModule(t *testing.T) {
	if err := conntrackRemedy(unix.EINVAL); !strings.Contains(err.Error(), "modprobe nf_conntrack_netlink") {
		t.Errorf("got %v", err)
	}
}

// TestConntrackMemoryIsBounded holds the number and size of allocations of a
// dump against tables of 500 and 5,000 entries with the same clients.
func TestConntrackMemoryIsBounded(t *testing.T) {
	measure := func(entries int) (allocs, bytes uint64) {
		ct := createFlows(t, mixedFlows(entries)...)
		var before, after runtime.MemStats
		const runs = 20
		for i := range runs + 1 {
			if i == 1 { // the first has sized the map
				runtime.ReadMemStats(&before)
			}
			if _, err := ct.Read(inLAN); err != nil {
				t.Fatal(err)
			}
		}
		runtime.ReadMemStats(&after)
		return (after.Mallocs - before.Mallocs) / runs, (after.TotalAlloc - before.TotalAlloc) / runs
	}
	smallAllocs, smallBytes := measure(500)
	allocs, bytes := measure(5000)
	t.Logf("500 entries: %d allocations, %d bytes; 5000 entries: %d allocations, %d bytes",
		smallAllocs, smallBytes, allocs, bytes)
	if allocs > smallAllocs+5 || bytes > smallBytes+2048 {
		t.Errorf("allocations grow with the table: %d -> %d, bytes %d -> %d", smallAllocs, allocs, smallBytes, bytes)
	}
}

func BenchmarkConntrack(b *testing.B) {
	for _, entries := range []int{1000, 10_000, 60_000} {
		b.Run(fmt.Sprintf("reader=ours/entries=%d", entries), func(b *testing.B) {
			ct := createFlows(b, mixedFlows(entries)...)
			b.ReportAllocs()
			for b.Loop() {
				if got, err := ct.Read(inLAN); err != nil || got.Entries != uint64(entries) {
					b.Fatal(got.Entries, err)
				}
			}
		})
		b.Run(fmt.Sprintf("reader=ti-mo/entries=%d", entries), func(b *testing.B) {
			createFlows(b, mixedFlows(entries)...)
			b.ReportAllocs()
			for b.Loop() {
				if got := dumpFlows(b); len(got) != entries {
					b.Fatal(len(got))
				}
			}
		})
	}
}

// createFlows isolates the test anew and fills that namespace's table.
func createFlows(t testing.TB, flows ...conntrack.Flow) *Conntrack {
	t.Helper()
	isolate(t)
	c, err := conntrack.Dial(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, f := range flows {
		if err := c.Create(f); err != nil {
			t.Fatalf("create %+v: %v", f.TupleOrig, err)
		}
	}
	ct, err := OpenConntrack()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ct.Close() })
	return ct
}

func dumpFlows(t testing.TB) []conntrack.Flow {
	t.Helper()
	c, err := conntrack.Dial(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	flows, err := c.Dump(nil)
	if err != nil {
		t.Fatal(err)
	}
	return flows
}

func flow(proto uint8, src, dst netip.Addr) conntrack.Flow {
	return conntrack.NewFlow(proto, conntrack.StatusConfirmed, src, dst, 40000, 443, 3600, 0)
}

func ping(src, dst netip.Addr) conntrack.Flow {
	f := flow(unix.IPPROTO_ICMP, src, dst)
	request, reply := uint8(8), uint8(0)
	if src.Is6() {
		f = flow(unix.IPPROTO_ICMPV6, src, dst)
		request, reply = 128, 129
	}
	set := func(p *conntrack.ProtoTuple, typ uint8) {
		p.ICMPv4, p.ICMPv6, p.ICMPID, p.ICMPType = src.Is4(), src.Is6(), 1, typ
	}
	set(&f.TupleOrig.Proto, request)
	set(&f.TupleReply.Proto, reply)
	return f
}

// replyTo makes the answer go to addr, as source NAT does.
func replyTo(f conntrack.Flow, addr netip.Addr) conntrack.Flow {
	f.TupleReply.IP.DestinationAddress = addr
	return f
}

// replyFrom makes the answer come from addr, as destination NAT does.
func replyFrom(f conntrack.Flow, addr netip.Addr) conntrack.Flow {
	f.TupleReply.IP.SourceAddress = addr
	return f
}

// mixedFlows is n connections of 50 clients in all shapes, distinct by their
// remote ends.
func mixedFlows(n int) []conntrack.Flow {
	flows := make([]conntrack.Flow, 0, n)
	for i := range n {
		client4 := addrPlus(netip.MustParseAddr("192.168.1.100"), uint32(i%25))
		client6 := addrPlus(netip.MustParseAddr("fd00:1::100"), uint32(i%25))
		remote4 := addrPlus(netip.MustParseAddr("10.0.0.0"), uint32(i))
		remote6 := addrPlus(netip.MustParseAddr("2001:db8::"), uint32(i))
		switch i % 7 {
		case 0, 1:
			flows = append(flows, replyTo(flow(unix.IPPROTO_TCP, client4, remote4), wan4))
		case 2:
			flows = append(flows, replyFrom(flow(unix.IPPROTO_UDP, remote4, wan4), client4))
		case 3:
			flows = append(flows, flow(unix.IPPROTO_TCP, client6, remote6))
		case 4:
			flows = append(flows, flow(unix.IPPROTO_UDP, remote6, client6))
		case 5:
			flows = append(flows, ping(client6, remote6))
		default:
			flows = append(flows, flow(unix.IPPROTO_GRE, client4, remote4))
		}
	}
	return flows
}

func addrPlus(a netip.Addr, n uint32) netip.Addr {
	b := a.AsSlice()
	tail := b[len(b)-4:]
	binary.BigEndian.PutUint32(tail, binary.BigEndian.Uint32(tail)+n)
	sum, _ := netip.AddrFromSlice(b)
	return sum
}

// dropNetAdmin takes CAP_NET_ADMIN from the calling thread, which isolate has
// made this test's own.
func dropNetAdmin(t testing.TB) {
	t.Helper()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	if err := unix.Capget(&header, &caps[0]); err != nil {
		t.Fatal(err)
	}
	caps[0].Effective &^= 1 << unix.CAP_NET_ADMIN
	if err := unix.Capset(&header, &caps[0]); err != nil {
		t.Fatal(err)
	}
}
