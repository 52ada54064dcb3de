package kernel

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/sample"
)

// TestReadUplinks takes the WAN through its life.
func TestReadUplinks(t *testing.T) {
	isolate(t)
	spec := NetworkSpec{WAN: []string{"wan0", "ppp0"}}
	ppp := sample.Uplink{Name: "ppp0"}
	checkUplinks(t, "nothing there yet", spec, ppp, sample.Uplink{Name: "wan0"})

	index := addLink(t, &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "wan0"}, PeerName: "modem"})
	wan := sample.Uplink{Name: "wan0", Index: index}
	checkUplinks(t, "no carrier", spec, ppp, wan)
	must(t, setLink("modem", true))
	checkUplinks(t, "no address", spec, ppp, wan)
	must(t, addAddr("wan0", "203.0.113.2/24"))
	wan.Addrs = addresses("203.0.113.2")
	checkUplinks(t, "no route", spec, ppp, wan)
	addRoute(t, &netlink.Route{LinkIndex: index, Gw: net.IPv4(203, 0, 113, 1)})
	wan.Up = true
	checkUplinks(t, "all there", spec, ppp, wan)
	checkUplinks(t, "found out by its route", NetworkSpec{}, wan)
	must(t, netlink.RouteDel(&netlink.Route{Dst: cidr("0.0.0.0/0")}))
	addRoute(t, &netlink.Route{LinkIndex: index, Table: 200, Gw: net.IPv4(203, 0, 113, 1)})
	checkUplinks(t, "a default route in a table of its own", spec, ppp, wan)
	checkUplinks(t, "which makes no WAN by itself", NetworkSpec{})
	must(t, netlink.RouteDel(&netlink.Route{Dst: cidr("0.0.0.0/0"), Table: 200}))
	addRoute(t, &netlink.Route{Family: netlink.FAMILY_V6, LinkIndex: index, Dst: cidr("::/0"), Gw: net.ParseIP("fe80::1")})
	checkUplinks(t, "IPv6 alone", spec, ppp, wan)
	must(t, setLink("modem", false))
	wan.Up = false
	checkUplinks(t, "the cable out", spec, ppp, wan)
}

// TestUplinkAddresses has one address of each kind.
func TestUplinkAddresses(t *testing.T) {
	isolate(t)
	index := addLink(t, &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "wan0"}, PeerName: "modem"},
		"203.0.113.3/24", "203.0.113.2/24", "203.0.113.2/32", "10.0.0.2/8", "169.254.7.7/16", "2001:db8::2/64", "fd00::2/64", "fe80::2/64")
	for prefix, lifetime := range map[string][2]int{ // valid, preferred, in seconds
		"203.0.113.9/24": {3600, 0}, // deprecated
		"2001:db8::9/64": {3600, 0},
		"203.0.113.4/24": {3600, 1800},
		"2001:db8::4/64": {3600, 1800},
	} {
		addr, err := netlink.ParseAddr(prefix)
		must(t, err)
		addr.Flags, addr.ValidLft, addr.PreferedLft = unix.IFA_F_NODAD, lifetime[0], lifetime[1]
		must(t, netlink.AddrAdd(&netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: index}}, addr))
	}
	checkUplinks(t, "addresses", NetworkSpec{WAN: []string{"wan0"}}, sample.Uplink{
		Name: "wan0", Index: index,
		Addrs: addresses("10.0.0.2", "203.0.113.2", "203.0.113.3", "203.0.113.4", "2001:db8::2", "2001:db8::4", "fd00::2"),
	})
	for i := range 2 * maxUplinkAddrs {
		must(t, addAddr("wan0", netip.PrefixFrom(addrPlus(netip.MustParseAddr("10.1.0.1"), uint32(i)), 32).String()))
	}
	n, err := ReadNetwork(NetworkSpec{WAN: []string{"wan0"}})
	must(t, err)
	if got := len(n.Uplinks[0].Addrs); got != maxUplinkAddrs {
		t.Errorf("%d addresses are told of, want %d", got, maxUplinkAddrs)
	}
}

func TestIsLasting(t *testing.T) {
	for _, tt := range []struct {
		name, addr string
		flags      int
		want       bool
	}{
		{"ok", "2001:db8::1", unix.IFA_F_PERMANENT, true},
		{"ok second IPv4 address", "192.0.2.1", unix.IFA_F_SECONDARY, true},
		{"bad privacy address", "2001:db8::1", unix.IFA_F_TEMPORARY, false},
		{"bad deprecated", "2001:db8::1", unix.IFA_F_DEPRECATED, false},
		{"bad not checked for duplicates yet", "2001:db8::1", unix.IFA_F_TENTATIVE, false},
		{"bad duplicate", "2001:db8::1", unix.IFA_F_DADFAILED | unix.IFA_F_PERMANENT, false},
		{"bad link-local", "fe80::1", unix.IFA_F_PERMANENT, false},
		{"bad loopback", "::1", unix.IFA_F_PERMANENT, false},
	} {
		if got := isLasting(netip.MustParseAddr(tt.addr), tt.flags); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// checkUplinks waits for the carrier, which the kernel notices when it likes.
func checkUplinks(t *testing.T, when string, spec NetworkSpec, want ...sample.Uplink) {
	t.Helper()
	var diff string
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		n, err := ReadNetwork(spec)
		must(t, err)
		if diff = cmp.Diff(want, n.Uplinks, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{})); diff == "" {
			return
		}
	}
	t.Errorf("%s (-want +got):\n%s", when, diff)
}

func TestUplinkAge(t *testing.T) {
	isolate(t)
	index := addLink(t, device("wan0"), "192.0.2.2/24")
	other := addLink(t, device("other"), "192.0.2.9/24")
	must(t, addAddrTo("wan0", "198.51.100.2", "198.51.100.1"))
	age := func(l sample.Uplink) time.Duration {
		t.Helper()
		age, err := UplinkAge(l)
		must(t, err)
		return age
	}
	before := time.Now()
	time.Sleep(time.Second)
	must(t, addAddr("wan0", "2001:db8::2/64"))
	// The kernel's stamps may be off by a fraction of a second, all alike.
	young := age(sample.Uplink{Index: index, Addrs: addresses("2001:db8::2")})
	if young > time.Minute {
		t.Errorf("the new address came %v ago", young)
	}
	least, most := time.Second-5*userTick, time.Since(before)+5*userTick
	for what, addrs := range map[string][]netip.Addr{
		"the older address":                    addresses("192.0.2.2", "2001:db8::2"),
		"the address of a point-to-point link": addresses("198.51.100.2"),
	} {
		if got := age(sample.Uplink{Index: index, Addrs: addrs}) - young; got < least || got > most {
			t.Errorf("%s came %v before the new one, want %v to %v", what, got, least, most)
		}
	}
	for what, l := range map[string]sample.Uplink{
		"no address":     {Index: index},
		"one of another": {Index: other, Addrs: addresses("192.0.2.2")},
		"its other end":  {Index: index, Addrs: addresses("198.51.100.1")},
	} {
		if got := age(l); got != 0 {
			t.Errorf("%s came %v ago, want 0", what, got)
		}
	}
}

// addAddrTo gives a link an address of a point-to-point link.
func addAddrTo(name, addr, peer string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return netlink.AddrAdd(link, &netlink.Addr{IPNet: cidr(addr + "/32"), Peer: cidr(peer + "/32")})
}
