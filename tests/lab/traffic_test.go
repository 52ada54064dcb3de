package lab

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestUDPTruthIsWhatTheRouterForwards(t *testing.T) {
	l := newLab(t, twoLANs)
	witness(t, l)
	for _, f := range []Flow{
		{Direction: Up, Family: IPv4, Packets: 5000, Payload: 1000},
		{Direction: Down, Family: IPv4, Packets: 5000, Payload: 1400},
		{Direction: Up, Family: IPv6, Packets: 5000, Payload: 1},
		{Direction: Down, Family: IPv6, Packets: 5000, Payload: 1400},
		{Direction: Up, Family: IPv4, Packets: 100, Peer: "guest"},
		{Direction: Down, Family: IPv6, Packets: 100, Peer: "guest"},
		{Direction: Up, Family: IPv4, Packets: 100, Peer: "bob"}, // stays on the bridge
	} {
		f.Client = "alice"
		t.Run(fmt.Sprintf("%s IPv%d %s", f.Direction, f.Family, f.Peer), func(t *testing.T) {
			got, err := l.UDP(testContext(t), f)
			if err != nil {
				t.Fatal(err)
			}
			want := datagrams(f.Family, max(f.Payload, 1), uint64(f.Packets))
			if f.Payload == 0 {
				want = datagrams(f.Family, defaultPayload, uint64(f.Packets))
			}
			one := datagrams(f.Family, requestPayload, 1)
			if f.Direction == Up && got != (Counts{Up: want}) || f.Direction == Down && got != (Counts{one, want}) {
				t.Errorf("counts %+v, want %+v and a request of %+v for a download", got, want, one)
			}
		})
	}
	for _, client := range []string{"alice", "bob", "guest"} {
		wantTruth(t, l, client)
	}
	if local := l.Truth()["guest"].Sum(Kind{Class: Local}); local.Down.Packets != 101 || local.Up.Packets != 100 {
		t.Errorf("guest's local part is %+v, want 101 packets down and 100 up", local)
	}
}

func TestUDPReportsLoss(t *testing.T) {
	l := newLab(t, twoLANs)
	if err := l.LoadRuleset("insert rule inet filter forward limit rate 50/second burst 5 packets accept\n" +
		"add rule inet filter forward drop\ninsert rule inet filter forward limit rate over 10/second drop"); err != nil {
		t.Fatal(err)
	}
	_, err := l.UDP(testContext(t), Flow{Client: "alice", Packets: 200})
	if err == nil || !strings.Contains(err.Error(), "lost") {
		t.Errorf("error %v, want one that tells of lost datagrams", err)
	}
}

func TestTCPTruthIsWhatTheRouterForwards(t *testing.T) {
	l := newLab(t, twoLANs)
	witness(t, l)
	for _, f := range []Flow{
		{Client: "alice", Direction: Up, Family: IPv4, Bytes: 20 << 20},
		{Client: "alice", Direction: Down, Family: IPv6, Bytes: 20 << 20},
		{Client: "bob", Direction: Down, Family: IPv4, Rate: 8 * Mbit, Duration: time.Second / 2},
		{Client: "bob", Direction: Up, Family: IPv6, Rate: 40 * Kbit, Duration: time.Second / 2},
		{Client: "guest", Direction: Up, Bytes: 1000, Peer: "bob"},
	} {
		got, err := l.TCP(testContext(t), f)
		if err != nil {
			t.Fatal(err)
		}
		if data := max(got.Up.Bytes, got.Down.Bytes); data < uint64(f.Bytes) || data > uint64(f.Bytes+1<<20)*11/10 {
			t.Errorf("%+v: carried %d bytes", f, data)
		}
	}
	wantNearly(t, l, "alice")
	wantTruth(t, l, "bob")
	wantTruth(t, l, "guest")
}

func TestOffloadMergesSegments(t *testing.T) {
	p := twoLANs
	p.Offload = true
	l := newLab(t, p)
	witness(t, l)
	truth, err := l.TCP(testContext(t), Flow{Client: "alice", Direction: Down, Bytes: 20 << 20})
	if err != nil {
		t.Fatal(err)
	}
	got := witnessed(t, l, "alice")
	if got.Down.Packets*4 > truth.Down.Packets {
		t.Errorf("router forwarded %d packets of %d segments, nothing was merged", got.Down.Packets, truth.Down.Packets)
	}
	if got.Down.Bytes >= truth.Down.Bytes || float64(got.Down.Bytes) < 0.95*float64(truth.Down.Bytes) {
		t.Errorf("router forwarded %d bytes of %d, want the headers to be missing and no more", got.Down.Bytes, truth.Down.Bytes)
	}
}

func TestHeldConnectionsAreTracked(t *testing.T) {
	l := newLab(t, twoLANs)
	witness(t, l)
	for _, f := range []Flow{
		{Client: "alice", Proto: TCP, Family: IPv4},
		{Client: "alice", Proto: UDP, Family: IPv6},
		{Client: "bob", Proto: UDP, Family: IPv4},
		{Client: "bob", Proto: TCP, Family: IPv6},
	} {
		before := tracked(t, l, f)
		held, err := l.Hold(testContext(t), f, 300)
		if err != nil {
			t.Fatal(err)
		}
		if got := tracked(t, l, f) - before; got != 300 {
			t.Errorf("%s over IPv%d: %d entries, want 300", f.Proto, f.Family, got)
		}
		if err := held.Close(); err != nil {
			t.Error(err)
		}
	}
	wantTruth(t, l, "alice")
	wantTruth(t, l, "bob")
}

// tracked counts connection tracking entries of the flow's kind and client.
func tracked(t *testing.T, l *Lab, f Flow) (n int) {
	t.Helper()
	family, proto := netlink.InetFamily(unix.AF_INET), uint8(unix.IPPROTO_UDP)
	if f.Family == IPv6 {
		family = unix.AF_INET6
	}
	if f.Proto == TCP {
		proto = unix.IPPROTO_TCP
	}
	entries, err := netlink.ConntrackTableList(netlink.ConntrackTable, family)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		src, _ := netip.AddrFromSlice(e.Forward.SrcIP)
		if e.Forward.Protocol == proto && src.Unmap() == l.Client(f.Client).Addr(f.Family) {
			n++
		}
	}
	return n
}

func TestSpoofedSourcesReachTheInternet(t *testing.T) {
	l := newLab(t, twoLANs)
	for _, tt := range []struct{ header, prefix string }{{"ip", "192.168.128.0/17"}, {"ip6", "fd00:1::/64"}} {
		if err := l.LoadRuleset(fmt.Sprintf(`
			table inet spoofed_%[1]s {
				set sources { typeof %[1]s saddr; size 65535; flags dynamic; }
				counter forged { }
				chain forward {
					type filter hook forward priority 10;
					oifname "wan0" %[1]s saddr %[2]s counter name forged add @sources { %[1]s saddr }
				}
			}`, tt.header, tt.prefix)); err != nil {
			t.Fatal(err)
		}
		sources := Sources(netip.MustParsePrefix(tt.prefix), 300, 5000)
		sent, err := l.Spoof(testContext(t), "alice", Spoof{Sources: sources, Rounds: 2, Payload: 99})
		if err != nil {
			t.Fatal(err)
		}
		counter := command(t, l.Router, "nft", "list", "counter", "inet", "spoofed_"+tt.header, "forged")
		got := Traffic{Bytes: wordAfter(t, counter, "bytes"), Packets: wordAfter(t, counter, "packets")}
		if got != sent || sent.Packets != 10_000 {
			t.Errorf("%s: router forwarded %+v, truth is %+v, want 10000 packets", tt.header, got, sent)
		}
		set := command(t, l.Router, "nft", "-j", "list", "set", "inet", "spoofed_"+tt.header, "sources")
		if !strings.Contains(set, sources[0].String()) || !strings.Contains(set, sources[4999].String()) {
			t.Errorf("%s: first or last source missing", tt.header)
		}
	}
}

func TestInternetSeesTheRouterForIPv4AndTheClientForIPv6(t *testing.T) {
	l := newLab(t, twoLANs)
	for _, tt := range []struct {
		client string
		family Family
		want   netip.Addr
	}{
		{"alice", IPv4, l.Router.IPv4},
		{"guest", IPv4, l.Router.IPv4},
		{"alice", IPv6, l.Client("alice").IPv6},
		{"guest", IPv6, l.Client("guest").IPv6},
	} {
		sink, err := l.Internet.listenUDP(tt.family, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer sink.Close()
		conn, err := l.Client(tt.client).dialUDP(sink.LocalAddr().(*net.UDPAddr).AddrPort())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		from, err := request(conn, sink)
		if err != nil {
			t.Fatal(err)
		}
		if from.Addr().Unmap() != tt.want {
			t.Errorf("%s over IPv%d: internet sees %s, want %s", tt.client, tt.family, from.Addr(), tt.want)
		}
	}
}

func TestInboundNeedsAPortForward(t *testing.T) {
	l := newLab(t, twoLANs)
	witness(t, l)
	for _, family := range []Family{IPv4, IPv6} {
		f := Flow{Client: "bob", Family: family, Direction: Down, Inbound: 7000, Packets: 50}
		if c, err := l.UDP(testContext(t), f); err == nil {
			t.Errorf("IPv%d: %+v came in without a port forward", family, c)
		}
	}
	if err := l.PortForward(UDP, 7001, "bob"); err != nil {
		t.Fatal(err)
	}
	if err := l.PortForward(TCP, 7001, "bob"); err != nil {
		t.Fatal(err)
	}
	before := l.Truth()["bob"].Sum(Kind{})
	for _, family := range []Family{IPv4, IPv6} {
		for _, dir := range []Direction{Up, Down} {
			if _, err := l.UDP(testContext(t), Flow{Client: "bob", Family: family, Direction: dir, Inbound: 7001, Packets: 50}); err != nil {
				t.Error(err)
			}
			if _, err := l.TCP(testContext(t), Flow{Client: "bob", Family: family, Direction: dir, Inbound: 7001, Bytes: 5000}); err != nil {
				t.Error(err)
			}
		}
	}
	if got, want := witnessed(t, l, "bob"), l.Truth()["bob"].Sum(Kind{}).minus(before); got != want {
		t.Errorf("router forwarded %+v, truth is %+v", got, want)
	}
}

func TestRouterHasTrafficOfItsOwn(t *testing.T) {
	l := newLab(t, twoLANs)
	for _, dir := range []Direction{Up, Down} {
		if _, err := l.UDP(testContext(t), Flow{Client: RouterName, Direction: dir, Packets: 20, Payload: 100}); err != nil {
			t.Fatal(err)
		}
	}
	want := Counts{Up: Traffic{20*128 + 44, 21}, Down: Traffic{20 * 128, 20}}
	if got := l.Truth()[RouterName].Sum(Kind{Class: Internet, Proto: UDP, Family: IPv4}); got != want {
		t.Errorf("truth %+v, want %+v", got, want)
	}
}
