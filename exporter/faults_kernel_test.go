package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"router-monitoring/tests/lab"
)

// killed ends the exporter again and again, with no chance to do anything more.
func killed(t *testing.T, v *victim) {
	v.witness.allowSilence(true)
	for round := range often(20, 100) {
		v.kill()
		if round%5 == 4 { // the others may not live to see their first scrape
			v.start(t)
			v.scrape(t)
		} else {
			v.launch(t)
		}
		time.Sleep(rand.N(300 * time.Millisecond))
	}
	v.kill()
	v.start(t)
	v.witness.allowSilence(false)
}

// stopped has the exporter stand still, as on a machine that swaps.
func stopped(t *testing.T, v *victim) {
	v.witness.allowSilence(true)
	v.signal(t, syscall.SIGSTOP)
	time.Sleep(often(5*time.Second, 30*time.Second))
	v.signal(t, syscall.SIGCONT)
	v.scrape(t)
	v.witness.allowSilence(false)
}

// rulesetFlushed does what a reload of the firewall does.
func rulesetFlushed(t *testing.T, v *victim) {
	for range often(5, 20) {
		v.breakTable(t, v.ReloadRuleset)
		time.Sleep(200*time.Millisecond + rand.N(50*time.Millisecond))
	}
	v.checkRepairs(t, often(5, 20))
}

// protectedFlushed does the same to a table that nobody else can change.
func protectedFlushed(t *testing.T, v *victim) {
	if nft("delete table inet network_metrics") == nil {
		t.Skip("this kernel cannot protect tables (that takes Linux 6.9)")
	}
	for range often(5, 20) {
		if err := v.ReloadRuleset(); err != nil {
			t.Error(err)
		}
		time.Sleep(200*time.Millisecond + rand.N(50*time.Millisecond))
	}
	v.checkRepairs(t, 0)
}

func (v *victim) checkRepairs(t *testing.T, want int) {
	t.Helper()
	if got := v.scrape(t).value("network_exporter_accounting_repairs_total"); got != float64(want) {
		t.Errorf("%v repairs of %d", got, want)
	}
}

// tableDeleted deletes the table while readers come without a pause.
func tableDeleted(t *testing.T, v *victim) {
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := v.fetch(); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for range often(10, 50) {
		v.breakTable(t, func() error { return nft("delete table inet network_metrics") })
		time.Sleep(rand.N(200 * time.Millisecond))
	}
	close(stop)
	<-done
	v.checkRepairs(t, often(10, 50))
}

// dumpsInterrupted changes rules, sets and connections of others without a
// pause, which interrupts the kernel's lists while they are read.
func dumpsInterrupted(t *testing.T, v *victim) {
	elements := make([]string, 500)
	for i := range elements {
		elements[i] = fmt.Sprintf("10.1.%d.%d", i/250, i%250)
	}
	churn := "table inet other { set s { type ipv4_addr; elements = { " + strings.Join(elements, ", ") + " }; }\n" +
		"chain c { ip saddr @s counter; ip saddr 10.2.0.1 counter; }\n}\ndelete table inet other\n"
	for end := time.Now().Add(often(2*time.Second, 20*time.Second)); time.Now().Before(end); {
		if err := v.LoadRuleset(churn); err != nil {
			t.Fatal(err)
		}
	}
	v.checkRepairs(t, 0)
}

// eventsLost has the exporter stand still while more happens than its sockets
// can hold, the loss of the table last.
func eventsLost(t *testing.T, v *victim) {
	v.witness.allowSilence(true)
	for range often(2, 10) {
		v.signal(t, syscall.SIGSTOP)
		dropped := droppedEvents(t)
		var addresses, tables strings.Builder
		for i := range 400 {
			fmt.Fprintf(&addresses, "addr add 127.9.9.9/32 dev lo\naddr del 127.9.9.9/32 dev lo\n")
			fmt.Fprintf(&tables, "table inet storm%d { chain c { counter; }\n}\ndelete table inet storm%d\n", i, i)
		}
		batch := t.TempDir() + "/batch"
		if err := replaceFile(batch, addresses.String()); err != nil {
			t.Fatal(err)
		}
		if _, err := v.Router.Exec(t.Context(), "ip", "-batch", batch); err != nil {
			t.Fatal(err)
		}
		if err := v.LoadRuleset(tables.String()); err != nil {
			t.Fatal(err)
		}
		if droppedEvents(t) == dropped {
			t.Error("the sockets held all that happened: no event was lost")
		}
		v.breakTable(t, func() error {
			err := nft("delete table inet network_metrics")
			v.signal(t, syscall.SIGCONT)
			return err
		})
		v.scrape(t)
	}
	v.witness.allowSilence(false)
	v.checkRepairs(t, often(2, 10))
}

// interfaceMadeAnew takes the bridge from under its clients and makes another of
// that name.
func interfaceMadeAnew(t *testing.T, v *victim) {
	for range often(2, 10) {
		v.quiet()
		v.ip(t, "link del br-lan")
		eventually(t, "the exporter misses the interface", func() bool {
			return strings.Contains(v.logText(t), "waiting for interfaces that do not exist")
		})
		v.ip(t, "link add br-lan address 52:54:00:ff:01:00 group 1 type bridge")
		v.ip(t, "addr add 192.168.1.1/24 dev br-lan")
		v.ip(t, "-6 addr add fd00:1::1/64 dev br-lan nodad")
		v.ip(t, "link set br-lan up")
		for i := range v.Clients {
			v.ip(t, fmt.Sprintf("link set port%d master br-lan", i))
		}
		v.awaitPrefix(t, "192.168.1.0/24")
		v.awaitPrefix(t, "fd00:1::/64")
		v.load(t)
		time.Sleep(300 * time.Millisecond)
	}
}

// renumbered gives the LAN and its clients other addresses, and later the old ones.
func renumbered(t *testing.T, v *victim) {
	was, other := []string{"192.168.1.", "fd00:1::"}, []string{"192.168.77.", "fd00:77::"}
	for range often(1, 5) {
		for _, prefixes := range [][2][]string{{was, other}, {other, was}} {
			from, to := prefixes[0], prefixes[1]
			v.quiet()
			for i, length := range []string{"/24", "/64"} {
				v.ip(t, "addr add "+to[i]+"1"+length+" dev br-lan nodad")
				v.ip(t, "addr del "+from[i]+"1"+length+" dev br-lan")
			}
			for _, c := range v.Clients {
				for i, address := range []*netip.Addr{&c.IPv4, &c.IPv6} {
					length := []string{"/24", "/64"}[i]
					moved := netip.MustParseAddr(to[i] + strings.TrimPrefix(address.String(), from[i]))
					commands := []string{
						"addr add " + moved.String() + length + " dev eth0 nodad",
						"addr del " + address.String() + length + " dev eth0",
						"route replace default via " + to[i] + "1",
					}
					for _, command := range commands {
						if _, err := c.Exec(t.Context(), "ip", strings.Fields(command)...); err != nil {
							t.Fatal(err)
						}
					}
					*address = moved
				}
			}
			if _, err := v.Internet.Exec(t.Context(), "ip", "route", "replace", to[1]+"/64", "via", "2001:db8:ffff::2"); err != nil {
				t.Fatal(err)
			}
			v.lease(t)
			v.awaitPrefix(t, to[0]+"0/24")
			v.awaitPrefix(t, to[1]+"/64")
			v.load(t)
			time.Sleep(time.Second)
		}
	}
}

// forgedSources has alice send from 65,000 addresses: sixteen times as many as
// clients are let in. Soon afterwards there is a place for a newcomer again.
func forgedSources(t *testing.T, v *victim) {
	sent, err := v.Spoof(t.Context(), "alice", forged())
	if err != nil {
		t.Fatal(err)
	}
	mac := forgedMAC.String()
	places := func(m metrics) (shown, overflow float64) {
		return m.sum("network_client_tx_bytes_total", "mac", mac), m.value("network_unattributed_bytes_total", "direction", "tx", "reason", "overflow")
	}
	eventually(t, "all that was forged is counted", func() bool { // a scrape may share a reading that began before
		shown, overflow := places(v.scrape(t))
		return shown+overflow == float64(sent.Bytes)
	})
	m := v.scrape(t)
	if _, overflow := places(m); overflow == 0 {
		t.Error("there was a place for each of them")
	}
	if n := m.value("network_clients"); n != float64(len(v.Clients)+1) {
		t.Errorf("%v clients, want those of the lab and the forger", n)
	}
	newcomer := lab.Spoof{Sources: lab.Sources(netip.MustParsePrefix("fd00:1::/64"), 0x5000, 1), MAC: lab.MAC{0x52, 0x54, 0, 0xaa, 0xbb, 0xcd}.HardwareAddr()}
	took := eventually(t, "a newcomer is counted", func() bool {
		if _, err := v.Spoof(t.Context(), "alice", newcomer); err != nil {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond)
		return v.scrape(t).sum("network_client_tx_bytes_total", "mac", newcomer.MAC.String()) > 0
	})
	t.Logf("a newcomer found a place after %v", took)
}

var forgedMAC = lab.MAC{0x52, 0x54, 0, 0xaa, 0xbb, 0xcc}

func forged() lab.Spoof {
	return lab.Spoof{Sources: lab.Sources(netip.MustParsePrefix("fd00:1::/64"), 0x10000, 65_000), MAC: forgedMAC.HardwareAddr()}
}

// connectionTableFull fills the kernel's table with forged connections. For each
// new one the kernel then drops one that was never answered.
func connectionTableFull(t *testing.T, v *victim) {
	const timeout = "/proc/sys/net/netfilter/nf_conntrack_udp_timeout"
	if err := os.WriteFile(timeout, []byte("600"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.WriteFile(timeout, []byte("30"), 0o600) })
	m := v.scrape(t)
	limit := m.value("network_conntrack_entries_limit")
	for sent := 0.0; sent < limit; sent += float64(len(forged().Sources)) {
		if _, err := v.Spoof(t.Context(), "alice", forged()); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the full table shows", func() bool { return v.scrape(t).value("network_conntrack_entries") > limit*99/100 })
	v.hold(t, 20)
	eventually(t, "connections are told from forged ones", func() bool { return v.connections(v.scrape(t)) == v.open })
}

// droppedEvents counts the messages that found no room in the netlink sockets of
// this network.
func droppedEvents(t *testing.T) (dropped uint64) {
	t.Helper()
	sockets, err := os.ReadFile("/proc/thread-self/net/netlink")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(sockets)) {
		if fields := strings.Fields(line); len(fields) > 8 { // sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode
			n, _ := strconv.ParseUint(fields[8], 10, 64) // the first line is a title
			dropped += n
		}
	}
	return dropped
}

// ip runs ip(8) on the router.
func (v *victim) ip(t *testing.T, command string) {
	t.Helper()
	if _, err := v.Router.Exec(t.Context(), "ip", strings.Fields(command)...); err != nil {
		t.Fatal(err)
	}
}

// awaitPrefix waits until the table counts for a prefix.
func (v *victim) awaitPrefix(t *testing.T, prefix string) {
	t.Helper()
	eventually(t, prefix+" is counted for", func() bool {
		out, err := exec.Command("nft", "list", "chain", "inet", "network_metrics", "internet_upload").Output()
		return err == nil && strings.Contains(string(out), prefix)
	})
}
