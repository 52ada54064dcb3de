package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"router-monitoring/tests/lab"
)

// thorough has the faults last longer and come more often, as make faults does.
var thorough = flag.Bool("thorough", false, "break more, for longer")

// often gives how many times something is done, or for how long.
func often[T any](usually, thoroughly T) T {
	if *thorough {
		return thoroughly
	}
	return usually
}

// fault is something that goes wrong while clients are busy.
type fault struct {
	name string
	says string // what the log has to say, a regular expression; empty if it is to say nothing

	// Packets that pass while the table is gone are nowhere. How many they are is
	// measured by victim.breakTable. IPv4 downloads are left out of the load:
	// without the user's NAT rules they end at the router.
	loses bool

	accounting string // its configuration

	rare bool // only when thorough
	run  func(t *testing.T, v *victim)
}

var faults = []fault{
	{name: "exporter killed", run: killed},
	{name: "exporter stopped", run: stopped},
	{name: "firewall reloaded", says: tableBack, loses: true, run: rulesetFlushed},
	{name: "firewall reloaded, table protected", accounting: "{protect_table: true}", run: protectedFlushed},
	{name: "the same at the device hook", accounting: "{protect_table: true, hook: device}", run: protectedFlushed},
	{name: "table deleted while it is read", says: tableBack, loses: true, run: tableDeleted},
	{name: "rules and sets of others change while read", run: dumpsInterrupted},
	{name: "events lost in a storm", says: tableBack, loses: true, run: eventsLost},
	{name: "connection table full", rare: true, run: connectionTableFull},
	{name: "LAN interface made anew", says: `watching.*lan=br-lan`, run: interfaceMadeAnew},
	{name: "LAN renumbered", says: `watching.*192\.168\.77\.0/24`, run: renumbered},
	{name: "clock years ahead, then behind", run: clockStepped},
	{name: "disk full, then read-only", says: `saving totals and names failed.*make room(?s:.*)make it writable(?s:.*)works again`, loses: true, run: diskInTrouble},
	{name: "state cut short", says: `saved totals and names cannot be used.*it is kept as`, run: stateCutShort},
	{name: "lease file replaced", says: `lease file cannot be used; what was read of it before stays in force`, run: leasesReplaced},
	{name: "hostile host names by the thousand", says: `lease file holds lines that make no sense`, run: hostileNames},
	{name: "65,000 forged sources", run: forgedSources},
	{name: "slow and many readers", run: slowReaders},
	{name: "broken configurations", says: `the new configuration is not valid; the old one stays in force.*config\.yml:\d+`, run: brokenConfigurations},
}

const tableBack = `accounting table was deleted or changed by another program and is put right`

// TestFaults breaks one thing after the other around an exporter and its busy
// clients, and shows what that cost. The truth is the lab's.
func TestFaults(t *testing.T) {
	program := "/proc/self/exe" // with the race detector, if these tests have it
	if *thorough {
		program = build(t)
	}
	rows := []string{fmt.Sprintf("%-44s %11s %10s %5s %11s %9s %s", "fault", "bytes moved", "bytes lost", "names", "connections", "log lines", "memory")}
	if *thorough {
		fmt.Println(rows[0])
	}
	for _, f := range faults {
		if f.rare && !*thorough {
			continue
		}
		t.Run(strings.ReplaceAll(f.name, " ", "_"), func(t *testing.T) {
			row := f.suffer(t, program)
			rows = append(rows, row)
			if *thorough {
				fmt.Println(row)
			}
		})
	}
	t.Log("what was lost:\n" + strings.Join(rows, "\n"))
}

// victim is an exporter that something happens to, and its network.
type victim struct {
	*lab.Lab
	*service
	leases     string // file
	accounting string // its configuration
	witness    *witness

	held []*lab.Held // alice's connections; she does nothing else
	open int         // how many they are

	quiet func() // ends the load, once all of it has arrived
	rest  passed // packets before any load
	bound uint64 // bytes that may have been lost with a table
}

func (f fault) suffer(t *testing.T, program string) (row string) {
	v := newVictim(t, f)
	v.program = program
	v.start(t)
	v.hold(t, 9)
	v.rest = readPassed(t)
	v.load(t)
	eventually(t, "all have their names", func() bool { return v.nameless(v.scrape(t)) == 0 })
	before := v.scrape(t)
	logged := len(v.logText(t))
	v.witness = watch(t, v.exporter)
	f.run(t, v)
	v.quiet()
	v.witness.stop()
	v.isAsBefore(t, before)
	memory := memoryOf(t, v.cmd.Process.Pid)["VmRSS"] / 1024
	m := v.scrape(t)
	checkAudit(t, m)
	v.checkLog(t, f.says, v.logText(t)[logged:])
	lines := strings.Count(v.logText(t)[logged:], "\n")
	names := v.nameless(m)
	if names > 0 {
		t.Errorf("%d clients have lost their names", names)
	}
	v.terminate(t) // the state holds the same, and the connections are counted at once
	v.start(t)
	again := v.scrape(t)
	if faults := again.decreased(m); faults != nil {
		t.Errorf("counters decreased over a restart: %v", faults)
	}
	connections := v.open - v.connections(again)
	if connections != 0 {
		t.Errorf("%d of %d connections are not counted", connections, v.open)
	}
	for _, h := range v.held {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}
	moved, lost := v.checkBytes(t, f, v.scrape(t))
	return fmt.Sprintf("%-44s %11d %10d %5d %11d %9d %3d MiB", f.name, moved, lost, names, connections, lines, memory)
}

func newVictim(t *testing.T, f fault) *victim {
	t.Helper()
	var flows []lab.Flow
	for _, family := range []lab.Family{lab.IPv4, lab.IPv6} {
		for _, direction := range []lab.Direction{lab.Up, lab.Down} {
			if (f.loses || f.accounting != "") && family == lab.IPv4 && direction == lab.Down {
				continue
			}
			header := map[lab.Family]int{lab.IPv4: 20 + 8, lab.IPv6: 40 + 8}[family]
			flows = append(flows, lab.Flow{Family: family, Direction: direction, Rate: 400 * lab.Kbit, Payload: loadPacket - header})
		}
	}
	l, err := lab.New(lab.Profile{Clients: []lab.Client{{Name: "alice"}, {Name: "bob", Flows: flows}, {Name: "carol", Flows: flows}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	v := &victim{Lab: l, accounting: f.accounting, leases: filepath.Join(t.TempDir(), "dnsmasq.leases"), quiet: func() {}}
	v.service = newService(t, v.config())
	v.lease(t)
	return v
}

func (v *victim) config() string {
	text := fmt.Sprintf("update_interval: 1s\nlan: {interfaces: [br-lan]}\nwan: {interfaces: [wan0]}\ndhcp: {leases: [{format: dnsmasq, path: %q}]}\n", v.leases)
	if v.accounting != "" {
		text += "accounting: " + v.accounting + "\n"
	}
	return text
}

// lease writes down who has which address and name.
func (v *victim) lease(t *testing.T, more ...string) {
	t.Helper()
	var text strings.Builder
	for _, c := range v.Clients {
		fmt.Fprintf(&text, "0 %s %s %s-of-the-house *\n", c.MAC, c.IPv4, c.Name)
	}
	text.WriteString(strings.Join(more, ""))
	if err := replaceFile(v.leases, text.String()); err != nil {
		t.Fatal(err)
	}
}

// replaceFile puts a new file in the place of whatever is there.
func replaceFile(path, content string) error {
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(content), 0o600)
}

// nameless counts the clients that are not shown, once, under their name.
func (v *victim) nameless(m metrics) (n int) {
	for _, c := range v.Clients {
		if m.sum("network_client_info", "mac", c.MAC.String(), "hostname", c.Name+"-of-the-house") != 1 {
			n++
		}
	}
	return n
}

// hold has alice open connections and keep them until the end.
func (v *victim) hold(t *testing.T, n int) {
	t.Helper()
	h, err := v.Hold(t.Context(), lab.Flow{Client: "alice", Proto: lab.TCP}, n)
	if err != nil {
		t.Fatal(err)
	}
	v.held, v.open = append(v.held, h), v.open+n
}

// connections is how many of them the exporter counts.
func (v *victim) connections(m metrics) int {
	return int(m.sum("network_client_connections", "mac", v.Client("alice").MAC.String()))
}

// load has bob and carol send and receive until quiet.
func (v *victim) load(t *testing.T) { v.quiet = play(t, v.Lab) }

// breakTable does something to the table that loses what passes until it is back.
func (v *victim) breakTable(t *testing.T, damage func() error) {
	t.Helper()
	scraped := v.witness.lastScrape()
	if err := damage(); err != nil {
		t.Error(err)
	}
	v.awaitTable(t)
	v.bound += loadPacket * ((readPassed(t).in - v.rest.in) - (scraped.out - v.rest.out))
}

func (v *victim) awaitTable(t *testing.T) {
	t.Helper()
	eventually(t, "the table is back", func() bool { return nft("list chain inet network_metrics internet_upload") == nil })
}

func (v *victim) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := v.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func (v *victim) logText(t *testing.T) string {
	t.Helper()
	log, err := os.ReadFile(v.log)
	if err != nil {
		t.Fatal(err)
	}
	return string(log)
}

// checkLog checks that the log told what matters, and no more than a person
// reads.
func (v *victim) checkLog(t *testing.T, says, log string) {
	t.Helper()
	if !regexp.MustCompile(says).MatchString(log) {
		t.Errorf("the log does not say %q:\n%s", says, log)
	}
	if loud := regexp.MustCompile(`level=(WARN|ERROR)|panic|DATA RACE`).FindString(log); says == "" && loud != "" {
		t.Errorf("the log is upset (%s):\n%s", loud, log)
	}
	if !utf8.ValidString(log) || strings.ContainsAny(log, "\x1b\r\x00") {
		t.Error("the log hurts a terminal")
	}
	const most, perStart = 200, 8
	starts := strings.Count(log, "msg=starting")
	if lines := strings.Count(log, "\n"); lines > most+perStart*starts {
		t.Errorf("%d lines of log of %d starts", lines, starts)
	}
}

// isAsBefore waits until the exporter holds as much of its process as before.
func (v *victim) isAsBefore(t *testing.T, before metrics) {
	t.Helper()
	for _, name := range []string{"process_open_fds", "go_goroutines"} {
		eventually(t, fmt.Sprintf("%s is back at %v", name, before.value(name)), func() bool {
			return v.scrape(t).value(name) <= before.value(name)+2 // a scrape's own
		})
	}
	if memory := memoryOf(t, v.cmd.Process.Pid); *thorough && memory["VmRSS"] > 64<<10 {
		t.Errorf("%d KiB of memory", memory["VmRSS"])
	}
}

// checkBytes compares all that the exporter tells of the clients' bytes with what
// they moved.
func (v *victim) checkBytes(t *testing.T, f fault, m metrics) (moved, lost uint64) {
	t.Helper()
	sent, reported := map[string]totals{}, map[string]totals{}
	for _, h := range v.Clients {
		sent[h.Name], reported[h.Name] = sentTotals(v.Lab, h), reportedTotals(m, h)
		s, r := sent[h.Name], reported[h.Name]
		moved += s.Tx + s.Rx
		lost += distance(s.Tx, r.Tx) + distance(s.Rx, r.Rx)
		if r.Tx > s.Tx || r.Rx > s.Rx || r.Tx != r.LifetimeTx || r.Rx != r.LifetimeRx {
			t.Errorf("%s: more than was moved, or another lifetime: %+v, sent %+v", h.Name, r, s)
		}
	}
	if diff := cmp.Diff(sent, reported); diff != "" && !f.loses {
		t.Errorf("(-sent +reported):\n%s", diff)
	}
	if lost > v.bound {
		t.Errorf("%d bytes lost; %d passed between the last scrapes and the table's returns", lost, v.bound)
	}
	return moved, lost
}

// sentTotals is what a client moved, as the exporter has to tell it.
func sentTotals(l *lab.Lab, h *lab.Host) totals {
	all, v6 := truth(l, h.Name), l.Truth()[h.Name].Sum(lab.Kind{Family: lab.IPv6})
	return totals{
		all.Up.Bytes, all.Down.Bytes, all.Up.Packets, all.Down.Packets,
		v6.Up.Bytes, v6.Down.Bytes, all.Up.Bytes, all.Down.Bytes,
	}
}

// totals is all that the exporter tells of one client's bytes.
type totals struct{ Tx, Rx, TxPackets, RxPackets, Tx6, Rx6, LifetimeTx, LifetimeRx uint64 }

func reportedTotals(m metrics, h *lab.Host) totals {
	v := func(metric string, labels ...string) uint64 {
		return uint64(m.sum(metric, append(labels, "mac", h.MAC.String())...))
	}
	return totals{
		v("network_client_tx_bytes_total"), v("network_client_rx_bytes_total"),
		v("network_client_tx_packets_total"), v("network_client_rx_packets_total"),
		v("network_client_ipv6_tx_bytes_total"), v("network_client_ipv6_rx_bytes_total"),
		v("network_client_lifetime_bytes", "direction", "tx"), v("network_client_lifetime_bytes", "direction", "rx"),
	}
}

func distance(a, b uint64) uint64 { return max(a, b) - min(a, b) }
