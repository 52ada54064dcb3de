package kernel

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"router-monitoring/exporter/internal/sample"
	"router-monitoring/tests/lab"
)

// TestMain gives the tests a router's network namespace of their own.
func TestMain(m *testing.M) {
	lab.Isolate()
	os.Exit(m.Run())
}

const testTable = "network_metrics"

var comparable = cmpopts.EquateComparable(netip.Addr{})

// newLab builds a lab of alice and bob on br-lan and a guest on br-guest.
func newLab(t *testing.T) *lab.Lab {
	t.Helper()
	l, err := lab.New(lab.Profile{
		LANs:    []lab.LAN{lab.BrLAN, lab.BrGuest},
		Clients: []lab.Client{{Name: "alice"}, {Name: "bob"}, {Name: "guest", LAN: lab.BrGuest.Name}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// labNetwork is what ReadNetwork finds in the lab, written down.
func labNetwork() sample.Network {
	n := sample.Network{WAN: []string{lab.WAN}}
	for i, l := range []lab.LAN{lab.BrLAN, lab.BrGuest} {
		prefixes := []netip.Prefix{l.IPv4.Masked(), l.IPv6.Masked()}
		n.LAN = append(n.LAN, sample.Link{Name: l.Name, Index: i + 1, Ethernet: true, Prefixes: prefixes})
		n.Subnets = append(n.Subnets, prefixes...)
	}
	return n
}

func openAccounting(t *testing.T, size int) *Accounting {
	t.Helper()
	return openWith(t, AccountingOptions{Table: testTable, Size: size})
}

func openWith(t *testing.T, o AccountingOptions) *Accounting {
	t.Helper()
	a, err := OpenAccounting(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = a.Remove()
		_ = a.Close()
	})
	return a
}

func ensure(t *testing.T, a *Accounting, n sample.Network, want Outcome) {
	t.Helper()
	got, err := a.Ensure(n)
	if err != nil || got.Outcome != want {
		t.Fatalf("Ensure: %+v, %v; want %v", got, err, want)
	}
}

func read(t *testing.T, a *Accounting) sample.Accounting {
	t.Helper()
	readings, err := a.Read()
	if err != nil {
		t.Fatal(err)
	}
	return sum(readings)
}

// sum is what all tables counted, with the epoch of the first.
func sum(readings []sample.Accounting) sample.Accounting {
	all := readings[0]
	for _, r := range readings[1:] {
		all.Elements = append(all.Elements, r.Elements...)
		for _, pair := range []struct{ to, from *sample.ByDirection }{
			{&all.Forwarded, &r.Forwarded}, {&all.Router, &r.Router}, {&all.Overflow, &r.Overflow}, {&all.Outside, &r.Outside}, {&all.Unsolicited, &r.Unsolicited},
		} {
			for d := range sample.Directions {
				pair.to[d].Bytes += pair.from[d].Bytes
				pair.to[d].Packets += pair.from[d].Packets
			}
		}
	}
	return all
}

// clientSum adds up what the elements of one client, or of all for the empty
// name, hold in a class.
func clientSum(l *lab.Lab, r sample.Accounting, name string, class sample.Class) (sum sample.ByDirection) {
	for _, e := range r.Elements {
		if e.Class != class {
			continue
		}
		if name != "" {
			h := l.Client(name)
			if e.Addr != h.IPv4 && e.Addr != h.IPv6 {
				continue
			}
			if e.Direction == sample.Upload && e.MAC != sample.MAC(h.MAC) {
				continue
			}
		}
		sum[e.Direction].Bytes += e.Bytes
		sum[e.Direction].Packets += e.Packets
	}
	return sum
}

// checkAudit compares elements and unattributed with all that was forwarded.
func checkAudit(t *testing.T, l *lab.Lab, r sample.Accounting) {
	t.Helper()
	all := clientSum(l, r, "", sample.Internet)
	for d := range sample.Directions {
		for _, u := range []sample.ByDirection{r.Overflow, r.Outside, r.Unsolicited} {
			all[d].Bytes += u[d].Bytes
			all[d].Packets += u[d].Packets
		}
	}
	if diff := cmp.Diff(r.Forwarded, all); diff != "" {
		t.Errorf("forwarded and the sum of its parts differ (-forwarded +parts):\n%s", diff)
	}
}

func udp(t *testing.T, l *lab.Lab, f lab.Flow) lab.Counts {
	t.Helper()
	c, err := l.UDP(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// atEachHook runs a test once for each hook, with its tables made.
func atEachHook(t *testing.T, size int, test func(*testing.T, *lab.Lab, *Accounting)) {
	for hook := range sample.Hooks {
		t.Run(hook.String(), func(t *testing.T) {
			l := newLab(t)
			a := openWith(t, AccountingOptions{Table: testTable, Size: size, Hook: &hook})
			got, err := a.Ensure(readLabNetwork(t))
			if err != nil || got.Outcome != Installed || got.Hook != hook {
				t.Fatalf("Ensure: %+v, %v", got, err)
			}
			test(t, l, a)
		})
	}
}

func readLabNetwork(t *testing.T) sample.Network {
	t.Helper()
	n, err := ReadNetwork(NetworkSpec{LAN: []string{lab.BrLAN.Name, lab.BrGuest.Name}, WAN: []string{lab.WAN}})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func byDirection(c lab.Counts) sample.ByDirection {
	return sample.ByDirection{sample.Upload: sample.Traffic(c.Up), sample.Download: sample.Traffic(c.Down)}
}

func TestInternetTrafficIsExact(t *testing.T) {
	atEachHook(t, 64, func(t *testing.T, l *lab.Lab, a *Accounting) {
		want := map[string]sample.ByDirection{}
		for _, client := range []string{"alice", "bob", "guest"} {
			for _, family := range []lab.Family{lab.IPv4, lab.IPv6} {
				for _, direction := range []lab.Direction{lab.Up, lab.Down} {
					c := udp(t, l, lab.Flow{Client: client, Direction: direction, Family: family, Packets: 200 + len(client), Payload: 700})
					sum := want[client]
					for d, n := range byDirection(c) {
						sum[d].Bytes += n.Bytes
						sum[d].Packets += n.Packets
					}
					want[client] = sum
				}
			}
		}
		r := read(t, a)
		for client, w := range want {
			if diff := cmp.Diff(w, clientSum(l, r, client, sample.Internet)); diff != "" {
				t.Errorf("%s (-sent +counted):\n%s", client, diff)
			}
		}
		if local := clientSum(l, r, "", sample.Local); local != (sample.ByDirection{}) {
			t.Errorf("counted as local: %v", local)
		}
		checkAudit(t, l, r)
	})
}

func TestLocalTrafficCountsForBothEnds(t *testing.T) {
	atEachHook(t, 64, func(t *testing.T, l *lab.Lab, a *Accounting) {
		alice, guest := l.Client("alice"), l.Client("guest")
		if err := a.Seed([]netip.Addr{alice.IPv4, alice.IPv6, guest.IPv4, guest.IPv6}); err != nil {
			t.Fatal(err)
		}
		var want sample.ByDirection // of alice; the guest's is the other way round
		for _, family := range []lab.Family{lab.IPv4, lab.IPv6} {
			for _, direction := range []lab.Direction{lab.Up, lab.Down} {
				for d, n := range byDirection(udp(t, l, lab.Flow{Client: "alice", Peer: "guest", Direction: direction, Family: family, Packets: 100, Payload: 500})) {
					want[d].Bytes += n.Bytes
					want[d].Packets += n.Packets
				}
			}
		}
		r := read(t, a)
		if diff := cmp.Diff(want, clientSum(l, r, "alice", sample.Local)); diff != "" {
			t.Errorf("alice (-sent +counted):\n%s", diff)
		}
		want[0], want[1] = want[1], want[0]
		if diff := cmp.Diff(want, clientSum(l, r, "guest", sample.Local)); diff != "" {
			t.Errorf("guest (-sent +counted):\n%s", diff)
		}
		if r.Forwarded != (sample.ByDirection{}) || clientSum(l, r, "", sample.Internet) != (sample.ByDirection{}) {
			t.Errorf("local traffic counted as Internet: %v", r)
		}
	})
}

func TestBridgedTrafficDoesNotCount(t *testing.T) {
	atEachHook(t, 64, func(t *testing.T, l *lab.Lab, a *Accounting) {
		udp(t, l, lab.Flow{Client: "alice", Peer: "bob", Direction: lab.Up, Packets: 100, Payload: 500})
		r := read(t, a)
		if len(r.Elements) != 0 {
			t.Errorf("bridged traffic made elements: %v", r.Elements)
		}
	})
}

func TestTCPThroughNAT(t *testing.T) {
	atEachHook(t, 64, func(t *testing.T, l *lab.Lab, a *Accounting) {
		c, err := l.TCP(t.Context(), lab.Flow{Client: "alice", Proto: lab.TCP, Direction: lab.Down, Bytes: 5_000_000})
		if err != nil {
			t.Fatal(err)
		}
		r := read(t, a)
		got := clientSum(l, r, "alice", sample.Internet)
		for d, want := range byDirection(c) {
			if diff := float64(want.Bytes) - float64(got[d].Bytes); diff > 0.05*float64(want.Bytes) || diff < -0.05*float64(want.Bytes) {
				t.Errorf("direction %d: counted %d bytes, sent %d", d, got[d].Bytes, want.Bytes)
			}
		}
		checkAudit(t, l, r)
	})
}

func TestRouterTrafficIsApart(t *testing.T) {
	atEachHook(t, 64, func(t *testing.T, l *lab.Lab, a *Accounting) {
		// A new IPv6 interface tells of its multicast groups some moments later, twice
		// (MLD, RFC 3810): another packet of the router's own.
		var r sample.Accounting
		for try := range 3 {
			before := read(t, a).Router
			c := byDirection(udp(t, l, lab.Flow{Client: lab.RouterName, Direction: lab.Down, Packets: 100, Payload: 500}))
			r = read(t, a)
			for d, b := range before {
				r.Router[d].Bytes -= b.Bytes
				r.Router[d].Packets -= b.Packets
			}
			diff := cmp.Diff(c, r.Router)
			if diff == "" {
				break
			}
			if try == 2 {
				t.Errorf("router's own (-sent +counted):\n%s", diff)
			}
		}
		if r.Forwarded != (sample.ByDirection{}) || len(r.Elements) != 0 {
			t.Errorf("the router's own traffic counted as forwarded: %v %v", r.Forwarded, r.Elements)
		}
	})
}

func TestUnsolicitedTrafficMakesNoElement(t *testing.T) {
	atEachHook(t, 64, func(t *testing.T, l *lab.Lab, a *Accounting) {
		if err := l.PortForward(lab.UDP, 4000, "bob"); err != nil {
			t.Fatal(err)
		}
		flow := lab.Flow{Client: "bob", Direction: lab.Down, Packets: 10, Payload: 100, Inbound: 4000}
		c := byDirection(udp(t, l, flow))
		r := read(t, a)
		if r.Unsolicited[sample.Download] != c[sample.Download] {
			t.Errorf("unsolicited %v, sent %v", r.Unsolicited[sample.Download], c[sample.Download])
		}
		checkAudit(t, l, r)

		// Bob's address is known from the neighbour table: the next packets are his.
		if err := a.Seed([]netip.Addr{l.Client("bob").IPv4}); err != nil {
			t.Fatal(err)
		}
		c = byDirection(udp(t, l, flow))
		r = read(t, a)
		if got := clientSum(l, r, "bob", sample.Internet); got != c {
			t.Errorf("bob received %v, counted %v", c, got)
		}
		checkAudit(t, l, r)
	})
}

func TestForgedSourcesStayBounded(t *testing.T) {
	const size = 32
	l, a := newLab(t), openAccounting(t, size)
	ensure(t, a, labNetwork(), Installed)
	for _, s := range []struct {
		prefix string
		n      int
	}{{"192.168.1.0/24", 200}, {"fd00:1::/64", 500}, {"10.99.0.0/16", 300}, {"fd99::/64", 300}} {
		sources := lab.Sources(netip.MustParsePrefix(s.prefix), 20, s.n)
		if _, err := l.Spoof(t.Context(), "alice", lab.Spoof{Sources: sources, Payload: 100}); err != nil {
			t.Fatal(err)
		}
	}
	r := read(t, a)
	if n := len(r.Elements); n > len(forwardLayout.sets)*size {
		t.Errorf("%d elements in sets of %d", n, size)
	}
	if got := r.Outside[sample.Upload].Packets; got != 600 {
		t.Errorf("%d packets from outside the subnets, want 600", got)
	}
	if got := r.Overflow[sample.Upload].Packets; got != 200-size+500-size {
		t.Errorf("%d packets found no place, want %d", got, 700-2*size)
	}
	checkAudit(t, l, r)
}

func TestEnsureAdoptsAndMends(t *testing.T) {
	l, a := newLab(t), openAccounting(t, 64)
	n := labNetwork()
	ensure(t, a, n, Installed)
	udp(t, l, lab.Flow{Client: "alice", Direction: lab.Up, Packets: 10, Payload: 100})
	before := read(t, a)
	ensure(t, a, n, Unchanged)

	next, err := OpenAccounting(AccountingOptions{Table: testTable, Size: 64})
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	ensure(t, next, n, Unchanged)
	if diff := cmp.Diff(before, read(t, next), comparable); diff != "" {
		t.Errorf("after adoption (-before +after):\n%s", diff)
	}

	fewer := n
	fewer.LAN, fewer.Subnets = n.LAN[:1], n.Subnets[:2]
	ensure(t, a, fewer, Updated)
	if diff := cmp.Diff(before, read(t, a), comparable); diff != "" {
		t.Errorf("after new rules (-before +after):\n%s", diff)
	}

	for _, damage := range []struct {
		command string
		want    Outcome
	}{
		{"flush chain inet network_metrics forward", Updated},
		{"flush table inet network_metrics", Updated},
		{"insert rule inet network_metrics forward counter accept", Updated},
		{"flush chain inet network_metrics forward; delete chain inet network_metrics forward", Updated},
		{"delete counter inet network_metrics " + epochName + before.Epoch, Installed},
		{"delete table inet network_metrics", Installed},
		{"flush ruleset", Installed},
	} {
		nft(t, damage.command)
		ensure(t, a, fewer, damage.want)
		ensure(t, a, fewer, Unchanged)
	}
	if r := read(t, a); r.Epoch == before.Epoch || len(r.Elements) != 0 {
		t.Errorf("a table made anew has epoch %q and elements %v", r.Epoch, r.Elements)
	}
	udp(t, l, lab.Flow{Client: "alice", Direction: lab.Up, Packets: 10, Payload: 100})
	before = read(t, a)
	bigger := openAccounting(t, 128)
	ensure(t, bigger, fewer, Outdated)
	if diff := cmp.Diff(before, read(t, bigger), comparable); diff != "" {
		t.Errorf("the last reading of a table with smaller sets (-before +now):\n%s", diff)
	}
	if got, err := bigger.Replace(fewer); err != nil || got.Outcome != Installed {
		t.Errorf("Replace: %v %v", got, err)
	}
	ensure(t, bigger, fewer, Unchanged)
}

// TestRestoredCopy loads a saved ruleset, as /etc/nftables.conf on Debian may
// hold one: it must load, and its old counters must not pass for the table's.
func TestRestoredCopy(t *testing.T) {
	l, a := newLab(t), openAccounting(t, 64)
	n := labNetwork()
	ensure(t, a, n, Installed)
	udp(t, l, lab.Flow{Client: "alice", Direction: lab.Up, Packets: 10, Payload: 100})
	saved := nft(t, "list ruleset")
	if !strings.Contains(saved, "elements = {") {
		t.Fatalf("the listing holds no elements:\n%s", saved)
	}
	nft(t, "flush ruleset\n"+saved)
	if r, err := a.Read(); err == nil {
		t.Errorf("a restored copy was read: %v", r)
	}
	ensure(t, a, n, Installed)
	if r := read(t, a); len(r.Elements) != 0 {
		t.Errorf("old counters came back: %v", r.Elements)
	}
}

func TestDrain(t *testing.T) {
	atEachHook(t, 64, func(t *testing.T, l *lab.Lab, a *Accounting) {
		alice := l.Client("alice")
		for _, family := range []lab.Family{lab.IPv4, lab.IPv6} {
			udp(t, l, lab.Flow{Client: "alice", Direction: lab.Down, Family: family, Packets: 5, Payload: 100})
			udp(t, l, lab.Flow{Client: "bob", Direction: lab.Down, Family: family, Packets: 5, Payload: 100})
		}
		before := read(t, a)
		var hers []sample.Element
		for _, e := range before.Elements {
			if e.Addr == alice.IPv4 || e.Addr == alice.IPv6 {
				hers = append(hers, e)
			}
		}
		if len(hers) != 4 {
			t.Fatalf("%d elements of alice, want 4", len(hers))
		}
		if gone, err := a.Drain(hers); err != nil || len(gone) != len(hers) {
			t.Fatalf("drained %d of %d: %v", len(gone), len(hers), err)
		}
		if gone, err := a.Drain(hers); err == nil || len(gone) != 0 {
			t.Errorf("drained %d elements twice: %v", len(gone), err)
		}
		after := read(t, a)
		if len(after.Elements) != len(before.Elements)-4 || clientSum(l, after, "alice", sample.Internet) != (sample.ByDirection{}) {
			t.Errorf("left after draining alice: %v", after.Elements)
		}
		udp(t, l, lab.Flow{Client: "alice", Direction: lab.Up, Packets: 3, Payload: 100})
		if got := clientSum(l, read(t, a), "alice", sample.Internet)[sample.Upload]; got != (sample.Traffic{Bytes: 3 * 128, Packets: 3}) {
			t.Errorf("alice counts from zero again: %v", got)
		}
	})
}

func TestWatchNoticesWithinASecond(t *testing.T) {
	newLab(t)
	a := openAccounting(t, 64)
	n := labNetwork()
	ensure(t, a, n, Installed)
	ctx, cancel := context.WithCancel(t.Context())
	changes, err := a.Watch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"flush ruleset", "delete table inet network_metrics", "flush chain inet network_metrics forward"} {
		nft(t, command)
		start := time.Now()
		select {
		case <-changes:
		case <-time.After(time.Second):
			t.Fatalf("%s went unseen", command)
		}
		if out, err := a.Ensure(n); err != nil || out.Outcome == Unchanged {
			t.Errorf("%s: Ensure: %v %v", command, out, err)
		}
		t.Logf("%s: mended %v after it was done", command, time.Since(start))
		for { // our own changes
			select {
			case <-changes:
				continue
			case <-time.After(50 * time.Millisecond):
			}
			break
		}
	}
	nft(t, "add table ip other; delete table ip other")
	select {
	case <-changes:
		t.Error("another table's change was signalled")
	case <-time.After(100 * time.Millisecond):
	}
	cancel()
	select {
	case _, open := <-changes:
		if open {
			t.Error("signal after the end")
		}
	case <-time.After(time.Second):
		t.Error("the channel stays open")
	}
}

func TestManyPrefixes(t *testing.T) {
	newLab(t)
	a := openAccounting(t, 64)
	n := labNetwork()
	for i := range 60 {
		n.Subnets = append(n.Subnets, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), 0, 0}), 24))
		if i%10 == 9 {
			if _, err := a.Ensure(n); err != nil {
				t.Fatalf("%d prefixes: %v", len(n.Subnets), err)
			}
			ensure(t, a, n, Unchanged)
		}
	}
	var many []netip.Addr
	for i := range 3000 {
		many = append(many, netip.AddrFrom16([16]byte{0xfd, 0, 0, 1, 14: byte(i >> 8), 15: byte(i)}))
	}
	full := openAccounting(t, 4096)
	if _, err := full.Replace(n); err != nil {
		t.Fatal(err)
	}
	if err := full.Seed(many); err != nil {
		t.Fatal(err)
	}
	if got := len(read(t, full).Elements); got != 2*len(many) {
		t.Errorf("%d elements seeded, want %d", got, 2*len(many))
	}
}

func TestRemoveOurs(t *testing.T) {
	newLab(t)
	a := openAccounting(t, 64)
	nft(t, "add table inet network_metrics")
	if err := a.RemoveOurs(); err != nil {
		t.Fatal(err)
	}
	nft(t, "delete table inet network_metrics") // another's, and still there
	if err := a.RemoveOurs(); err != nil {
		t.Errorf("no table: %v", err)
	}
	ensure(t, a, labNetwork(), Installed)
	other := openAccounting(t, 128)
	if err := other.RemoveOurs(); err != nil {
		t.Fatal(err)
	}
	if exec.Command("nft", "list", "table", "inet", "network_metrics").Run() == nil {
		t.Error("our table is still there")
	}
}

func TestWithoutWANNothingIsCounted(t *testing.T) {
	l, a := newLab(t), openAccounting(t, 64)
	n := labNetwork()
	n.WAN = nil
	ensure(t, a, n, Installed)
	udp(t, l, lab.Flow{Client: "alice", Direction: lab.Up, Packets: 10, Payload: 100})
	if r := read(t, a); len(r.Elements) != 0 || r.Forwarded != (sample.ByDirection{}) {
		t.Errorf("counted %v", r)
	}
	ensure(t, a, labNetwork(), Updated)
}

// nft runs commands of the nft language.
func nft(t *testing.T, commands string) string {
	t.Helper()
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(commands + "\n")
	var out, fault bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &fault
	if err := cmd.Run(); err != nil {
		t.Fatalf("nft: %v\n%s\n%s", err, fault.String(), commands)
	}
	return out.String()
}

func BenchmarkAccountingRead(b *testing.B) {
	for _, clients := range []int{25, 250, 1000, 4000} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			a, err := OpenAccounting(AccountingOptions{Table: testTable, Size: 4096})
			if err != nil {
				b.Fatal(err)
			}
			defer a.Close()
			defer a.Remove()
			if _, err := a.Ensure(labNetwork()); err != nil {
				b.Fatal(err)
			}
			var up, down strings.Builder
			for i := range clients {
				fmt.Fprintf(&down, "192.168.%d.%d,", 1+i/250, i%250)
				fmt.Fprintf(&up, "02:00:00:00:%02x:%02x . 192.168.%d.%d,", i/250, i%250, 1+i/250, i%250)
			}
			script := fmt.Sprintf("add element inet network_metrics upload_ipv4 { %s }\nadd element inet network_metrics download_ipv4 { %s }\n",
				up.String(), down.String())
			cmd := exec.Command("nft", "-f", "-")
			cmd.Stdin = strings.NewReader(script)
			if out, err := cmd.CombinedOutput(); err != nil {
				b.Fatalf("%v: %s", err, out)
			}
			b.ReportAllocs()
			for b.Loop() {
				r, err := a.Read()
				if err != nil || len(r[0].Elements) != 2*clients {
					b.Fatal(err, len(r[0].Elements))
				}
			}
		})
	}
}
