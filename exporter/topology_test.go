package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"router-monitoring/tests/lab"
)

// requireAll makes a failure of what this kernel cannot do: where it is set, the
// kernel is known to have everything.
const requireAll = "REQUIRE_ALL"

// lacks ends a test for which this kernel lacks something.
func lacks(t *testing.T, what any) {
	t.Helper()
	if os.Getenv(requireAll) != "" {
		t.Fatalf("%s is set, and this kernel cannot do it: %v", requireAll, what)
	}
	t.Skipf("this kernel cannot do it: %v", what)
}

// topology is a network whose every byte has to be counted.
type topology struct {
	name    string
	lans    []lab.LAN
	clients []lab.Client
	subnets bool // tell the exporter the LANs' prefixes: those of a router behind the router are not on its interfaces
	prepare func(t *testing.T, l *lab.Lab)
	flows   []lab.Flow // beside each client's own with the internet
}

func lan(name string, kind lab.LANType, n int) lab.LAN {
	return lab.LAN{
		Name: name, Type: kind,
		IPv4: netip.MustParsePrefix(fmt.Sprintf("192.168.%d.1/24", n)),
		IPv6: netip.MustParsePrefix(fmt.Sprintf("fd00:%d::1/64", n)),
	}
}

// crossing is traffic between two clients' LANs, which is local for both.
var crossing = []lab.Flow{
	{Client: "alice", Peer: "guest", Direction: lab.Up, Family: lab.IPv4},
	{Client: "alice", Peer: "guest", Direction: lab.Down, Family: lab.IPv6},
	{Client: "guest", Peer: "alice", Direction: lab.Up, Family: lab.IPv6},
	{Client: "guest", Peer: "alice", Direction: lab.Down, Family: lab.IPv4, Proto: lab.TCP},
}

var (
	bridgeLAN = topology{
		name:    "bridge with several ports",
		lans:    []lab.LAN{lab.BrLAN},
		clients: []lab.Client{{Name: "alice"}, {Name: "bob"}},
		flows:   []lab.Flow{{Client: "alice", Peer: "bob"}}, // stays on the bridge
	}
	vlans = topology{
		name:    "VLANs",
		lans:    []lab.LAN{lan("trunk.10", lab.VLAN, 10), lan("trunk.20", lab.VLAN, 20)},
		clients: []lab.Client{{Name: "alice", LAN: "trunk.10"}, {Name: "guest", LAN: "trunk.20"}},
		flows:   crossing,
	}
	bridgeVLANs = topology{
		name:    "VLANs of a bridge",
		lans:    []lab.LAN{lan("br0.10", lab.BridgeVLAN, 10), lan("br0.20", lab.BridgeVLAN, 20)},
		clients: []lab.Client{{Name: "alice", LAN: "br0.10"}, {Name: "guest", LAN: "br0.20"}},
		flows:   crossing,
	}
	plainLAN = topology{
		name:    "plain interface",
		lans:    []lab.LAN{lan("lan0", lab.Port, 1)},
		clients: []lab.Client{{Name: "alice"}, {Name: "bob"}},
	}
	guests = topology{
		name:    "guest network",
		lans:    []lab.LAN{lab.BrLAN, lab.BrGuest},
		clients: []lab.Client{{Name: "alice"}, {Name: "guest", LAN: lab.BrGuest.Name}},
		flows:   crossing,
	}
	tunnel = topology{
		name:    "WireGuard peers",
		lans:    []lab.LAN{lab.BrLAN, lan("wg0", lab.WireGuard, 8)},
		clients: []lab.Client{{Name: "alice"}, {Name: "guest", LAN: "wg0"}},
		flows:   crossing,
	}
	behindRouter = topology{
		name:    "router behind the router",
		lans:    []lab.LAN{lab.BrLAN, lan("shed", lab.Routed, 50)},
		clients: []lab.Client{{Name: "alice"}, {Name: "robot", LAN: "shed"}, {Name: "mower", LAN: "shed"}},
		subnets: true,
	}
	portForwards = topology{
		name:    "port forwards",
		lans:    []lab.LAN{lab.BrLAN},
		clients: []lab.Client{{Name: "nas"}},
		prepare: func(t *testing.T, l *lab.Lab) {
			for _, proto := range []lab.Proto{lab.UDP, lab.TCP} {
				if err := l.PortForward(proto, 7000, "nas"); err != nil {
					t.Fatal(err)
				}
			}
		},
		flows: []lab.Flow{
			{Client: "nas", Inbound: 7000, Direction: lab.Up, Family: lab.IPv4},
			{Client: "nas", Inbound: 7000, Direction: lab.Down, Family: lab.IPv4},
			{Client: "nas", Inbound: 7000, Direction: lab.Up, Family: lab.IPv6},
			{Client: "nas", Inbound: 7000, Direction: lab.Down, Family: lab.IPv6},
			{Client: "nas", Inbound: 7000, Direction: lab.Up, Family: lab.IPv4, Proto: lab.TCP},
			{Client: "nas", Inbound: 7000, Direction: lab.Down, Family: lab.IPv6, Proto: lab.TCP},
		},
	}
	hairpin = topology{
		name:    "hairpin NAT",
		lans:    []lab.LAN{lab.BrLAN},
		clients: []lab.Client{{Name: "alice"}, {Name: "nas"}},
		prepare: func(t *testing.T, l *lab.Lab) {
			if err := l.LoadRuleset(fmt.Sprintf(`
				add rule ip nat prerouting ip daddr %s udp dport 7000 dnat to %s:7000
				add rule ip nat postrouting ip saddr 192.168.1.0/24 ip daddr 192.168.1.0/24 masquerade
			`, l.Router.IPv4, l.Client("nas").IPv4)); err != nil {
				t.Fatal(err)
			}
		},
		flows: []lab.Flow{ // within one LAN
			{Client: "nas", Peer: "alice", Inbound: 7000, Direction: lab.Down, Target: routerWAN},
			{Client: "nas", Peer: "alice", Inbound: 7000, Direction: lab.Up, Target: routerWAN},
		},
	}
)

var topologies = []topology{bridgeLAN, plainLAN, guests, vlans, bridgeVLANs, tunnel, behindRouter, portForwards, hairpin}

var routerWAN = netip.MustParseAddr("203.0.113.2")

// TestTopologies counts in every topology and at every hook, going from one hook
// to the next while the exporter runs: no total may be lost on the way.
func TestTopologies(t *testing.T) {
	for _, top := range topologies {
		t.Run(top.name, func(t *testing.T) {
			n := top.build(t)
			n.start(t)
			for _, hook := range []string{"forward", "device", "auto"} {
				t.Run(hook, func(t *testing.T) {
					n.switchTo(t, hook)
					n.checkCounting(t)
				})
			}
			n.checkTotals(t)
		})
	}
}

// network is a topology in operation, with an exporter on its router.
type network struct {
	topology
	*lab.Lab
	*service
	sent uint64 // numbers the flows, so that no two are alike
}

func (top topology) build(t *testing.T) *network {
	t.Helper()
	l, err := lab.New(lab.Profile{LANs: top.lans, Clients: top.clients})
	if errors.Is(err, errors.ErrUnsupported) {
		lacks(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	if top.prepare != nil {
		top.prepare(t, l)
	}
	n := &network{topology: top, Lab: l}
	n.watchWAN(t)
	n.service = newService(t, n.config("forward"))
	return n
}

func (n *network) config(hook string) string {
	var interfaces, subnets []string
	for _, l := range n.lans {
		if l.Type != lab.Routed {
			interfaces = append(interfaces, l.Name)
		}
		subnets = append(subnets, l.IPv4.Masked().String(), fmt.Sprintf("%q", l.IPv6.Masked()))
	}
	text := fmt.Sprintf("update_interval: 1s\nwan: {interfaces: [wan0]}\naccounting: {hook: %s}\nlan:\n  interfaces: [%s]\n",
		hook, strings.Join(interfaces, ", "))
	if n.subnets {
		text += fmt.Sprintf("  subnets: [%s]\n", strings.Join(subnets, ", "))
	}
	return text
}

// switchTo changes the configuration of a running exporter and waits until it
// counts there.
func (n *network) switchTo(t *testing.T, hook string) {
	t.Helper()
	n.reload(t, n.config(hook))
	if hook == "auto" {
		hook = "forward"
	}
	n.waitForHook(t, hook)
}

func (s *service) reload(t *testing.T, config string) {
	t.Helper()
	s.configure(t, config)
	const reloaded = "network_exporter_config_last_reload_success_timestamp_seconds"
	before := s.scrape(t).value(reloaded)
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the configuration is in force", func() bool { return s.scrape(t).value(reloaded) != before })
}

func (s *service) waitForHook(t *testing.T, hook string) {
	t.Helper()
	eventually(t, "packets are counted at the hook "+hook, func() bool {
		m := s.scrape(t)
		return m.value("network_exporter_accounting_info", "hook", hook) == 1 && m.value("network_exporter_source_up", "source", "accounting") == 1
	})
}

// checkCounting sends every kind of flow and compares what is counted.
func (n *network) checkCounting(t *testing.T) {
	t.Helper()
	var flows []lab.Flow
	for _, c := range n.Clients {
		for _, family := range []lab.Family{lab.IPv4, lab.IPv6} {
			for _, proto := range []lab.Proto{lab.UDP, lab.TCP} {
				flows = append(flows,
					lab.Flow{Client: c.Name, Proto: proto, Family: family, Direction: lab.Up, Answered: proto == lab.UDP},
					lab.Flow{Client: c.Name, Proto: proto, Family: family, Direction: lab.Down})
			}
		}
	}
	flows = append(flows, lab.Flow{Client: lab.RouterName, Direction: lab.Up}, lab.Flow{Client: lab.RouterName, Direction: lab.Down})
	flows = append(flows, n.flows...) // last, when every client has answered something
	n.introduce(t)
	wanBefore := n.wanNow(t)
	for _, proto := range []lab.Proto{lab.UDP, lab.TCP} {
		before, truthBefore := n.scrape(t), n.Truth()
		for _, f := range flows {
			if f.Proto == proto || f.Proto == "" && proto == lab.UDP {
				n.send(t, f)
			}
		}
		n.compare(t, proto, before, truthBefore)
	}
	n.checkWAN(t, wanBefore)
	checkAudit(t, n.scrape(t))
}

// introduce lets local peers answer each other once. Until a machine has answered,
// what it receives is not counted, as for scans.
func (n *network) introduce(t *testing.T) {
	t.Helper()
	for _, f := range n.flows {
		for _, direction := range []lab.Direction{lab.Up, lab.Down} {
			if f.Peer != "" && f.Inbound == 0 {
				n.send(t, lab.Flow{Client: f.Client, Peer: f.Peer, Family: f.Family, Direction: direction, Answered: true})
			}
		}
	}
}

// send carries out a flow of a size that no other one has.
func (n *network) send(t *testing.T, f lab.Flow) {
	t.Helper()
	n.sent++
	send := n.UDP
	if f.Proto == lab.TCP {
		send = n.TCP
		f.Bytes = 100_000 + int64(n.sent)
	} else {
		f.Packets, f.Payload = 100, 500+int(n.sent%500)
	}
	if _, err := send(t.Context(), f); err != nil {
		t.Errorf("%+v: %v", f, err)
	}
}

// ledger is what a client's series hold of it, or should.
type ledger struct{ Rx, Tx, LocalRx, LocalTx, Rx6, Tx6 float64 }

// bytesOf adds up a client's series: it has one, named by its IPv4 address, or
// one for each address where there is no MAC that both belong to.
func bytesOf(m metrics, h *lab.Host) ledger {
	v := func(name string) float64 {
		name = "network_client_" + name + "_bytes_total"
		return m.sum(name, "ip", h.IPv4.String()) + m.sum(name, "ip", h.IPv6.String())
	}
	return ledger{v("rx"), v("tx"), v("local_rx"), v("local_tx"), v("ipv6_rx"), v("ipv6_tx")}
}

func bytesSent(truth lab.Truth) ledger {
	far, near := truth.Sum(lab.Kind{Class: lab.Internet}), truth.Sum(lab.Kind{Class: lab.Local})
	far6 := truth.Sum(lab.Kind{Class: lab.Internet, Family: lab.IPv6})
	return ledger{
		float64(far.Down.Bytes), float64(far.Up.Bytes), float64(near.Down.Bytes), float64(near.Up.Bytes),
		float64(far6.Down.Bytes), float64(far6.Up.Bytes),
	}
}

func (a ledger) minus(b ledger) ledger {
	return ledger{a.Rx - b.Rx, a.Tx - b.Tx, a.LocalRx - b.LocalRx, a.LocalTx - b.LocalTx, a.Rx6 - b.Rx6, a.Tx6 - b.Tx6}
}

// compare checks what each client's series grew by.
func (n *network) compare(t *testing.T, proto lab.Proto, before metrics, truthBefore map[string]lab.Truth) {
	t.Helper()
	after, truth := n.scrape(t), n.Truth()
	for _, h := range n.Clients {
		want := bytesSent(truth[h.Name]).minus(bytesSent(truthBefore[h.Name]))
		got := bytesOf(after, h).minus(bytesOf(before, h))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s, %s (-sent +counted):\n%s", h.Name, proto, diff)
		}
	}
}

// checkTotals compares Internet traffic that was counted in all with what was sent
// in all. See introduce for why local traffic is not.
func (n *network) checkTotals(t *testing.T) {
	t.Helper()
	m, truth := n.scrape(t), n.Truth()
	for _, h := range n.Clients {
		want, got := bytesSent(truth[h.Name]), bytesOf(m, h)
		got.LocalRx, got.LocalTx = want.LocalRx, want.LocalTx
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s, in all (-sent +counted):\n%s", h.Name, diff)
		}
	}
}

// watchWAN makes counters of our own for what is on the WAN's cable and for
// nobody on the router: ARP and the like, and reports of multicast listeners.
func (n *network) watchWAN(t *testing.T) {
	t.Helper()
	if err := n.LoadRuleset(`
		table netdev witness {
			counter in { }
			counter out { }
			chain ingress { type filter hook ingress device "wan0" priority -450; meta protocol != { ip, ip6 } counter name "in"; ip6 daddr ff02::16 counter name "in"; ip daddr 224.0.0.22 counter name "in"; }
			chain egress { type filter hook egress device "wan0" priority -450; meta protocol != { ip, ip6 } counter name "out"; }
		}`); err != nil {
		t.Fatal(err)
	}
}

// wan is what the WAN interface itself counted in one direction.
type wan struct {
	bytes, frames, other int64 // other: bytes of frames that hold no IP packet for anybody
	uncounted            int64 // bytes of IP packets that are neither forwarded nor the router's own
}

// wanNow compares the WAN interface's own counters, receiving and sending, with
// ours. It looks again until two looks agree: the kernel sends packets at any time.
func (n *network) wanNow(t *testing.T) (now [2]wan) {
	t.Helper()
	const header = 14 // of every frame
	var before [2]wan
	eventually(t, "the WAN is quiet", func() bool {
		before = now
		m, link := n.scrape(t), readLink(t, lab.WAN)
		for i, direction := range []string{"rx", "tx"} {
			w := &now[i]
			w.bytes, w.frames = link[i].bytes, link[i].packets
			other := readCounter(t, "netdev", "witness", []string{"in", "out"}[i])
			if w.other = other.bytes + header*other.packets; direction == "tx" {
				w.other = other.bytes // egress sees the header
			}
			ours := m.value("network_forwarded_bytes_total", "direction", direction) + m.value("network_router_"+direction+"_bytes_total")
			w.uncounted = w.bytes - w.other - header*(w.frames-other.packets) - int64(ours)
		}
		return now == before
	})
	return now
}

// checkWAN checks that all that passed the WAN since is counted.
func (n *network) checkWAN(t *testing.T, before [2]wan) {
	t.Helper()
	now := n.wanNow(t)
	for i, direction := range []string{"rx", "tx"} {
		w, was := now[i], before[i]
		t.Logf("WAN %s: %d bytes in %d frames, %d of them no IP for us; %d bytes of IP uncounted", direction,
			w.bytes-was.bytes, w.frames-was.frames, w.other-was.other, w.uncounted-was.uncounted)
		if w.uncounted != was.uncounted {
			t.Errorf("WAN %s: the interface counted %d bytes of IP more than are forwarded or the router's own", direction, w.uncounted-was.uncounted)
		}
	}
}

// amount is a counter of the kernel.
type amount struct{ bytes, packets int64 }

// readCounter reads a named counter of a table of ours.
func readCounter(t *testing.T, family, table, name string) (a amount) {
	t.Helper()
	out, err := exec.Command("nft", "list", "counter", family, table, name).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	_, numbers, _ := strings.Cut(string(out), "packets")
	if _, err := fmt.Sscanf(numbers, "%d bytes %d", &a.packets, &a.bytes); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return a
}

// readLink reads what an interface received and sent.
func readLink(t *testing.T, name string) (a [2]amount) {
	t.Helper()
	text, err := os.ReadFile("/proc/thread-self/net/dev") // the first thread may be in the namespace of a client
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if iface, numbers, _ := strings.Cut(line, ":"); strings.TrimSpace(iface) == name {
			var skip int64
			if _, err := fmt.Sscan(numbers, &a[0].bytes, &a[0].packets, &skip, &skip, &skip, &skip, &skip, &skip, &a[1].bytes, &a[1].packets); err != nil {
				t.Fatal(err)
			}
			return a
		}
	}
	t.Fatalf("no interface %s", name)
	return a
}

// TestSwitchingUnderLoad goes from hook to hook while every client sends and
// receives, and tells what was lost or counted twice.
func TestSwitchingUnderLoad(t *testing.T) {
	n := busyTopology(t)
	n.start(t)
	n.waitForHook(t, "forward")
	for _, hook := range []string{"device", "forward", "device", "forward"} {
		n.underLoad(t, hook, 8*548, func() { n.switchTo(t, hook) }) // packets between the hooks at that very moment
	}
}

// busyTopology is two LANs whose clients have a steady load.
func busyTopology(t *testing.T) *network {
	t.Helper()
	var flows []lab.Flow
	for _, family := range []lab.Family{lab.IPv4, lab.IPv6} {
		for _, direction := range []lab.Direction{lab.Up, lab.Down} {
			flows = append(flows, lab.Flow{Family: family, Direction: direction, Answered: true, Rate: 400 * lab.Kbit, Payload: 500})
		}
	}
	return topology{
		lans:    []lab.LAN{lab.BrLAN, lab.BrGuest},
		clients: []lab.Client{{Name: "alice", Flows: flows}, {Name: "guest", LAN: lab.BrGuest.Name, Flows: flows}},
	}.build(t)
}

// awaitTraffic waits until every client's counters have risen.
func (n *network) awaitTraffic(t *testing.T) {
	t.Helper()
	before := n.scrape(t)
	eventually(t, "every client receives and sends", func() bool {
		m := n.scrape(t)
		return !slices.ContainsFunc(n.Clients, func(h *lab.Host) bool {
			grown := bytesOf(m, h).minus(bytesOf(before, h))
			return grown.Rx == grown.Rx6 || grown.Rx6 == 0 || grown.Tx == grown.Tx6 || grown.Tx6 == 0
		})
	})
}

// inAll are bytes of all clients together.
type inAll struct{ sent, forwarded, clients float64 }

func (n *network) inAll(t *testing.T) (s inAll) {
	t.Helper()
	m := n.scrape(t)
	s.forwarded = m.sum("network_forwarded_bytes_total")
	for _, h := range n.Clients {
		want, got := bytesSent(n.Truth()[h.Name]), bytesOf(m, h)
		s.sent, s.clients = s.sent+want.Rx+want.Tx, s.clients+got.Rx+got.Tx
	}
	return s
}

// underLoad changes the hook while every client sends and receives. At most so many
// bytes may be counted too little or too much; 0 stands for what passes meanwhile.
func (n *network) underLoad(t *testing.T, hook string, atMost float64, change func()) {
	t.Helper()
	before := n.inAll(t)
	stop := play(t, n.Lab)
	n.awaitTraffic(t)
	start := readLink(t, lab.WAN)
	change()
	end := readLink(t, lab.WAN)
	n.awaitTraffic(t)
	stop()
	after := n.inAll(t)
	sent := after.sent - before.sent
	passed := float64(end[0].bytes - start[0].bytes + end[1].bytes - start[1].bytes)
	forwarded, clients := after.forwarded-before.forwarded-sent, after.clients-before.clients-sent
	t.Logf("to %s: sent %.0f bytes, %.0f of them while the hook changed; forwarded %+.0f, clients %+.0f", hook, sent, passed, forwarded, clients)
	if atMost == 0 {
		atMost = passed
	}
	if max(forwarded, -forwarded, clients, -clients) > atMost {
		t.Errorf("to %s: forwarded %+.0f bytes, clients %+.0f; at most %.0f may be", hook, forwarded, clients, atMost)
	}
	checkAudit(t, n.scrape(t))
}

// TestWANThatComesAndGoes dials in as PPPoE does: the WAN is not there at first,
// vanishes, and comes back under the same name or another.
func TestWANThatComesAndGoes(t *testing.T) {
	n := topology{lans: []lab.LAN{lab.BrLAN}, clients: []lab.Client{{Name: "alice"}}}.build(t)
	if err := n.LoadRuleset(`
		insert rule inet filter forward iifname "br-lan" oifname "ppp*" accept
		add rule ip nat postrouting oifname "ppp*" masquerade`); err != nil {
		t.Fatal(err)
	}
	n.hangUp(t, lab.WAN)
	for _, hook := range []string{"forward", "device"} {
		t.Run(hook, func(t *testing.T) {
			s := newService(t, fmt.Sprintf("update_interval: 1s\naccounting: {hook: %s}\nlan: {interfaces: [br-lan]}\n", hook))
			s.start(t)
			n := &network{topology: n.topology, Lab: n.Lab, service: s}
			for _, name := range []string{"ppp0", "ppp0", "ppp1"} {
				n.dialIn(t, name)
				eventually(t, "packets to "+name+" are counted", func() bool {
					out, _ := exec.Command("nft", "list", "table", "inet", "network_metrics").Output()
					return strings.Contains(string(out), name) && s.scrape(t).value("network_exporter_accounting_info", "hook", hook) == 1
				})
				before, truthBefore := n.scrape(t), n.Truth()
				for _, family := range []lab.Family{lab.IPv4, lab.IPv6} {
					n.send(t, lab.Flow{Client: "alice", Direction: lab.Up, Family: family, Answered: true})
					n.send(t, lab.Flow{Client: "alice", Direction: lab.Down, Family: family})
				}
				n.compare(t, lab.UDP, before, truthBefore)
				if faults := n.scrape(t).decreased(before); faults != nil {
					t.Errorf("counters decreased: %v", faults)
				}
				n.hangUp(t, name)
			}
			checkAudit(t, n.scrape(t))
			s.terminate(t)
			_, _ = nft("delete table inet network_metrics"), nft("delete table netdev network_metrics")
		})
	}
}

// ip runs ip on the router.
func (n *network) ip(t *testing.T, args string) {
	t.Helper()
	if out, err := n.Router.Exec(t.Context(), "ip", strings.Fields(args)...); err != nil {
		t.Fatalf("ip %s: %v\n%s", args, err, out)
	}
}

// hangUp makes the WAN vanish: no interface of that name, no default route.
func (n *network) hangUp(t *testing.T, name string) {
	t.Helper()
	n.ip(t, "link set dev "+name+" down")
	n.ip(t, "link set dev "+name+" name hung-up")
}

// dialIn makes the WAN appear under a name, with addresses and default routes.
func (n *network) dialIn(t *testing.T, name string) {
	t.Helper()
	n.ip(t, "link set dev hung-up name "+name)
	n.ip(t, "link set dev "+name+" up")
	n.ip(t, "-6 addr add 2001:db8:ffff::2/64 dev "+name+" nodad") // IPv6 addresses went with the link
	n.ip(t, "-4 route add default via 203.0.113.1 dev "+name)
	n.ip(t, "-6 route add default via 2001:db8:ffff::1 dev "+name)
}
