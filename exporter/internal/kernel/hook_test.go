package kernel

import (
	"errors"
	"math/bits"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/sample"
	"router-monitoring/tests/lab"
)

// TestSwitchingHooksKeepsCounters moves the rules to and fro under load: each
// packet is counted once, in one table or the other.
func TestSwitchingHooksKeepsCounters(t *testing.T) {
	l := newLab(t)
	a := openAccounting(t, 64)
	n := readLabNetwork(t)
	ensure(t, a, n, Installed)
	sent := make(chan sample.ByDirection)
	go func() {
		c, err := l.UDP(t.Context(), lab.Flow{Client: "alice", Direction: lab.Up, Packets: 20000, Payload: 100, Rate: 20 * lab.Mbit})
		if err != nil {
			t.Error(err)
		}
		sent <- byDirection(c)
	}()
	var want sample.ByDirection
	switches := 0
	for done := false; !done || switches < 4; switches++ {
		hook := []sample.Hook{sample.AtDevice, sample.AtForward}[switches%2]
		a.options.Hook = &hook
		got, err := a.Ensure(n)
		if err != nil || !got.Switched || got.Hook != hook {
			t.Fatalf("switch %d to %v: %+v, %v", switches, hook, got, err)
		}
		select {
		case want = <-sent:
			done = true
		case <-time.After(100 * time.Millisecond):
		}
	}
	got := clientSum(l, read(t, a), "alice", sample.Internet)
	// What is between the two hooks at the very moment of a switch is seen by both
	// or none: a few packets.
	lost := int64(want[sample.Upload].Packets) - int64(got[sample.Upload].Packets)
	t.Logf("%d switches: of %d packets %d were not counted", switches, want[sample.Upload].Packets, lost)
	if bound := int64(4 * switches); lost < -bound || lost > bound {
		t.Errorf("sent %v, counted %v", want, got)
	}
	checkAudit(t, l, read(t, a))
	if a.hook == sample.AtDevice {
		forward := sample.AtForward
		a.options.Hook = &forward
		ensure(t, a, n, Updated)
	}
	if !a.Retired() {
		t.Error("the device table is still needed")
	}
	if err := a.Retire(); err != nil {
		t.Fatal(err)
	}
	if exec.Command("nft", "list", "table", "netdev", testTable).Run() == nil {
		t.Error("the device table is still there")
	}
	read(t, a)
}

func TestDevicesThatComeAndGo(t *testing.T) {
	l, hook := newLab(t), sample.AtDevice
	a := openWith(t, AccountingOptions{Table: testTable, Size: 64, Hook: &hook})
	ensure(t, a, readLabNetwork(t), Installed)
	for _, command := range []string{"link set br-guest name br-other", "link set br-other name br-guest"} {
		if out, err := exec.Command("ip", strings.Fields(command)...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v %s", command, err, out)
		}
		got, err := a.Ensure(readLabNetwork(t))
		if err != nil || got.Outcome != Updated {
			t.Errorf("after %q: %+v, %v", command, got, err)
		}
	}
	c := byDirection(udp(t, l, lab.Flow{Client: "guest", Direction: lab.Down, Packets: 10, Payload: 100}))
	if got := clientSum(l, read(t, a), "guest", sample.Internet); got != c {
		t.Errorf("the guest sent and received %v, counted %v", c, got)
	}
}

// TestFromNowhere sends what a router itself sends without an address of its own: a
// bridge that snoops multicast reports to IGMP and MLD routers like this.
func TestFromNowhere(t *testing.T) {
	l, hook := newLab(t), sample.AtDevice
	a := openWith(t, AccountingOptions{Table: testTable, Size: 64, Hook: &hook})
	ensure(t, a, readLabNetwork(t), Installed)
	link, err := net.InterfaceByName(lab.BrLAN.Name)
	must(t, err)
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fd)
	nft(t, `table netdev witness { chain out { type filter hook egress device "br-lan" priority 20;
		ip daddr 224.0.0.99 counter; ip6 daddr ff02::99 counter; }; }`) // groups of nobody else
	const packets = 1000
	igmp := append([]byte{0x45, 0, 0, 28, 0, 0, 0, 0, 1, unix.IPPROTO_IGMP, 0, 0, 0, 0, 0, 0, 224, 0, 0, 99}, make([]byte, 8)...)
	mld := append([]byte{0x60, 0, 0, 0, 0, 8, unix.IPPROTO_ICMPV6, 1}, make([]byte, 16)...)
	mld = append(append(mld, netip.MustParseAddr("ff02::99").AsSlice()...), make([]byte, 8)...)
	for range packets {
		for protocol, packet := range map[uint16][]byte{unix.ETH_P_IP: igmp, unix.ETH_P_IPV6: mld} {
			to := &unix.SockaddrLinklayer{Protocol: bits.ReverseBytes16(protocol), Ifindex: link.Index, Halen: 6, Addr: [8]byte{1, 0, 0x5e, 0, 0, 99}}
			must(t, unix.Sendto(fd, packet, 0, to))
		}
	}
	if witness := nft(t, "list chain netdev witness out"); strings.Count(witness, "packets 1000 ") != 2 {
		t.Fatalf("what was sent did not pass the hook: %s", witness)
	}
	r := read(t, a)
	if got := r.Forwarded[sample.Download].Packets; got >= packets {
		t.Errorf("%d packets of nobody's count as forwarded: outside %v", got, r.Outside)
	}
	checkAudit(t, l, r)
}

func TestProtectedTables(t *testing.T) {
	for hook := range sample.Hooks {
		t.Run(hook.String(), func(t *testing.T) {
			l := newLab(t)
			o := AccountingOptions{Table: testTable, Size: 64, Hook: &hook, Protect: true}
			a := openWith(t, o)
			n := readLabNetwork(t)
			got, err := a.Ensure(n)
			if err != nil {
				t.Fatal(err)
			}
			if !got.Protected {
				t.Skip("this kernel cannot protect tables (before Linux 6.9)")
			}
			c := byDirection(udp(t, l, lab.Flow{Client: "alice", Direction: lab.Up, Packets: 10, Payload: 100}))
			nft(t, "flush ruleset")
			for _, command := range []string{"delete table inet network_metrics", "flush table inet network_metrics"} {
				if exec.Command("nft", command).Run() == nil {
					t.Errorf("somebody else can %s", command)
				}
			}
			ensure(t, a, n, Unchanged)
			clients := func(a *Accounting) sample.Accounting {
				r := read(t, a)
				r.Router = sample.ByDirection{} // it has a word of its own to say at times
				return r
			}
			before := clients(a)
			if got := clientSum(l, before, "alice", sample.Internet); got != c {
				t.Errorf("after a flush: sent %v, counted %v", c, got)
			}
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}

			next := openWith(t, o) // as after a restart
			ensure(t, next, n, Unchanged)
			nft(t, "flush ruleset")
			if diff := cmp.Diff(before, clients(next), comparable); diff != "" {
				t.Errorf("after adoption and another flush (-before +after):\n%s", diff)
			}
			if err := next.Close(); err != nil {
				t.Fatal(err)
			}

			o.Protect = false
			plain := openWith(t, o)
			ensure(t, plain, n, Outdated)
			if diff := cmp.Diff(before, clients(plain), comparable); diff != "" {
				t.Errorf("the last reading of a protected table (-before +now):\n%s", diff)
			}
			if got, err := plain.Replace(n); err != nil || got.Outcome != Installed || got.Protected {
				t.Errorf("Replace: %+v, %v", got, err)
			}
			saved := nft(t, "list ruleset")
			nft(t, "flush ruleset\n"+saved)
		})
	}
}

// TestSecondOwner shows what a second exporter is told.
func TestSecondOwner(t *testing.T) {
	newLab(t)
	o := AccountingOptions{Table: testTable, Size: 64, Protect: true}
	n := readLabNetwork(t)
	if got, err := openWith(t, o).Ensure(n); err != nil || !got.Protected {
		t.Skipf("no protection: %v", err)
	}
	second := openWith(t, o)
	if _, err := second.Ensure(n); err == nil || !strings.Contains(err.Error(), "another exporter") {
		t.Errorf("the second one: %v", err)
	}
}

func TestHookedDevices(t *testing.T) {
	dev := func(name string, index int) sample.Device {
		return sample.Device{Name: name, Index: index, Ethernet: true}
	}
	lan1, lan2, eth0, br := dev("lan1", 1), dev("lan2", 2), dev("eth0", 3), dev("br-lan", 10)
	bridge := sample.Link{Name: "br-lan", Index: 10, Ethernet: true, MAC: sample.MAC{2, 1}, Below: [][]sample.Device{{lan1}, {lan2}}}
	guest := sample.Link{Name: "br-lan.20", Index: 11, Ethernet: true, MAC: sample.MAC{2, 1}, Below: [][]sample.Device{{br, lan1}, {br, lan2}}}
	vlan := func(index int) sample.Link {
		return sample.Link{Name: "eth0.1", Index: index, Ethernet: true, MAC: sample.MAC{2, 3}, Below: [][]sample.Device{{eth0}}}
	}
	trunk := sample.Link{Name: "eth0", Index: 3, Ethernet: true, MAC: sample.MAC{2, 3}}
	for _, tt := range []struct {
		name      string
		lan       []sample.Link
		flowtable string
		want      string
	}{
		{"no flowtable", []sample.Link{bridge}, "", "br-lan"},
		{"over the bridge", []sample.Link{bridge}, "br-lan wan0", "br-lan"},
		{"over a port", []sample.Link{bridge}, "lan1 wan0", "lan1 lan2"},
		{"a VLAN on the bridge", []sample.Link{bridge, guest}, "", "br-lan"},
		{"a VLAN on the bridge that alone is LAN", []sample.Link{guest}, "", "br-lan.20"},
		{"a VLAN on the bridge, over the ports", []sample.Link{bridge, guest}, "lan1 lan2 wan0", "lan1 lan2"},
		{"two VLANs", []sample.Link{vlan(20), vlan(21)}, "", "eth0.1 eth0.1"},
		{"two VLANs, over what they are on", []sample.Link{vlan(20), vlan(21)}, "eth0 wan0", "eth0"},
		{"a VLAN and what it is on", []sample.Link{trunk, vlan(20)}, "", "eth0"},
		{"a VLAN and what it is on, in a flowtable", []sample.Link{trunk, vlan(20)}, "eth0", "eth0"},
	} {
		var got []string
		for _, d := range hookedDevices(tt.lan, func(name string) bool { return strings.Contains(tt.flowtable+" ", name+" ") }) {
			got = append(got, d.Name)
			if len(d.macs) != 1 {
				t.Errorf("%s: MACs of %s: %v", tt.name, d.Name, d.macs)
			}
		}
		if got := strings.Join(got, " "); got != tt.want {
			t.Errorf("%s: hooked %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestParseFlowtable(t *testing.T) {
	nest := func(typ uint16, parts ...[]byte) []byte {
		var inner []byte
		for _, p := range parts {
			inner = append(inner, p...)
		}
		return appendAttr(nil, typ|1<<15, inner)
	}
	be := func(typ uint16, n uint32) []byte {
		return appendAttr(nil, typ, []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	}
	name := func(typ uint16, s string) []byte { return appendAttr(nil, typ, append([]byte(s), 0)) }
	hook := nest(nftaFlowtableHook, be(1, 0), be(nftaFlowtableHookPriority, 0xfffffff6),
		nest(nftaFlowtableHookDevs, name(nftaDeviceName, "eth0"), name(nftaDevicePrefix, "lan")))
	data := append([]byte{1, 0, 0, 0}, name(nftaFlowtableTable, "filter")...)
	data = append(append(append(data, name(nftaFlowtableName, "f")...), hook...), be(nftaFlowtableFlags, 3)...)
	f := parseFlowtable(data)
	if f.name != "filter f" || f.priority != -10 || !f.hardware {
		t.Errorf("%+v", f)
	}
	for device, want := range map[string]bool{"eth0": true, "eth01": false, "lan7": true, "wan0": false} {
		if f.holds(device) != want {
			t.Errorf("holds %s: %v", device, !want)
		}
	}
	for i := range data { // cut off anywhere: no panic
		parseFlowtable(data[:i])
	}
	a := &Accounting{}
	if hook, bypass := a.choose([]flowtable{f}); hook != sample.AtDevice || !strings.Contains(bypass, "flags offload") {
		t.Errorf("hardware: %v %q", hook, bypass)
	}
	a.deviceFault = errors.New("not supported")
	if hook, bypass := a.choose([]flowtable{f}); hook != sample.AtForward || !strings.Contains(bypass, "5.16") {
		t.Errorf("an old kernel: %v %q", hook, bypass)
	}
	a.deviceFault = nil
	f.hardware = false
	if hook, bypass := a.choose([]flowtable{f}); hook != sample.AtDevice || bypass != "" {
		t.Errorf("software: %v %q", hook, bypass)
	}
	forward := sample.AtForward
	a.options.Hook = &forward
	if hook, bypass := a.choose([]flowtable{f}); hook != sample.AtForward || !strings.Contains(bypass, "auto") {
		t.Errorf("forward by order of the owner: %v %q", hook, bypass)
	}
}

// TestHandOver switches hooks while somebody receives without a word: the table
// that takes over knows them.
func TestHandOver(t *testing.T) {
	l, a := newLab(t), openAccounting(t, 64)
	n := readLabNetwork(t)
	ensure(t, a, n, Installed)
	if err := l.PortForward(lab.UDP, 4000, "bob"); err != nil {
		t.Fatal(err)
	}
	if err := a.Seed([]netip.Addr{l.Client("bob").IPv4}); err != nil {
		t.Fatal(err)
	}
	var want sample.ByDirection
	for _, hook := range []sample.Hook{sample.AtForward, sample.AtDevice, sample.AtForward} {
		a.options.Hook = &hook
		if _, err := a.Ensure(n); err != nil {
			t.Fatal(err)
		}
		for d, sent := range byDirection(udp(t, l, lab.Flow{Client: "bob", Direction: lab.Down, Packets: 10, Payload: 100, Inbound: 4000})) {
			want[d].Bytes += sent.Bytes
			want[d].Packets += sent.Packets
		}
	}
	r := read(t, a)
	if got := clientSum(l, r, "bob", sample.Internet); got != want {
		t.Errorf("bob received %v, counted %v, unsolicited %v", want, got, r.Unsolicited)
	}
}
