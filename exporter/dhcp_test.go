package main

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"router-monitoring/tests/lab"
)

// TestAddressesMove has a real DHCP server name clients, swap their addresses
// and rename one, while others keep the line busy.
func TestAddressesMove(t *testing.T) {
	d := newDHCP(t, time.Second, "")
	stop := play(t, d.Lab)
	defer stop()
	a, b := d.alice.IPv4, d.bob.IPv4
	noTime := func() time.Duration { return 0 }

	d.lease(t, reservation{d.alice, a, "alice-laptop"}, reservation{d.bob, b, "bob-tv"})
	d.exchange(t, "leased", time.Second, noTime)

	d.lease(t, reservation{d.alice, b, "alice-laptop"}, reservation{d.bob, a, "bob-tv"})
	d.swapAddresses(t)
	d.exchange(t, "swapped by the server", 3*time.Second, func() time.Duration { return 2 * time.Second })

	d.swapAddresses(t)
	d.exchange(t, "swapped by the clients, unknown to the server", 10*time.Second, func() time.Duration {
		confirmed := d.awaitNeighbours(t)
		t.Logf("the neighbour table confirmed the swap after %v", confirmed)
		return confirmed + 2*time.Second // update_interval, and a slow machine
	})

	d.lease(t, reservation{d.alice, a, "alice-desktop"}, reservation{d.bob, b, "bob-tv"})
	d.exchange(t, "renamed", time.Second, noTime)
	stop()
	checkAudit(t, d.scrape(t))
}

// TestDownloadsBeforeALease has an address move to another client while the
// kernel holds downloads of the old one that the exporter did not read yet.
func TestDownloadsBeforeALease(t *testing.T) {
	d := newDHCP(t, time.Minute, "")
	a, b := d.alice.IPv4, d.bob.IPv4
	for _, name := range []string{"alice", "bob"} { // so that they are known
		d.udp(t, lab.Flow{Client: name, Direction: lab.Up, Packets: 1})
	}
	d.lease(t, reservation{d.alice, a, "alice-laptop"}, reservation{d.bob, b, "bob-tv"})
	c := d.udp(t, lab.Flow{Client: "alice", Direction: lab.Down, Packets: 500})
	d.lease(t, reservation{d.alice, b, "alice-tablet"}, reservation{d.bob, a, "bob-radio"})
	m := d.scrape(t)
	const rx = "network_client_rx_bytes_total"
	got, astray := m.value(rx, "mac", d.alice.MAC.String()), m.value(rx, "mac", d.bob.MAC.String())
	if got != float64(c.Down.Bytes) || astray != 0 {
		t.Errorf("alice received %d bytes before her address became bob's; reported are %v for her and %v for him", c.Down.Bytes, got, astray)
	}
}

// TestSpoofedAddress has a client send with another one's addresses, from its
// own MAC and from a made-up one. It must not get what the victim downloads.
func TestSpoofedAddress(t *testing.T) {
	d := newDHCP(t, time.Second, "")
	noTime := func() time.Duration { return 0 }
	d.exchange(t, "before", time.Second, noTime)
	const conflicts, tx = "network_client_identity_conflicts_total", "network_client_tx_bytes_total"
	before := d.scrape(t)
	var own, made lab.Traffic
	for _, s := range []struct {
		lab.Spoof
		counted *lab.Traffic
	}{
		{lab.Spoof{Sources: []netip.Addr{d.alice.IPv4}, Rounds: 200}, &own},
		{lab.Spoof{Sources: []netip.Addr{d.alice.IPv6}, Rounds: 200}, &own},
		{lab.Spoof{Sources: []netip.Addr{d.alice.IPv4}, Rounds: 100, MAC: []byte{0x02, 0xbb, 0, 0, 0, 1}}, &made},
	} {
		c, err := d.Spoof(t.Context(), "bob", s.Spoof)
		if err != nil {
			t.Fatal(err)
		}
		s.counted.Bytes += c.Bytes
		s.counted.Packets += c.Packets
	}
	m := d.scrape(t)
	if got := m.value(conflicts) - before.value(conflicts); got != float64(own.Packets+made.Packets) {
		t.Errorf("%v conflicts for %d forged packets", got, own.Packets+made.Packets)
	}
	for mac, want := range map[string]float64{
		d.bob.MAC.String():   before.value(tx, "mac", d.bob.MAC.String()) + float64(own.Bytes),
		d.alice.MAC.String(): before.value(tx, "mac", d.alice.MAC.String()),
		"02:bb:00:00:00:01":  float64(made.Bytes),
	} {
		if got := m.value(tx, "mac", mac); got != want {
			t.Errorf("%s sent %v bytes, want %v: forged packets count for the MAC they came from", mac, got, want)
		}
	}
	d.exchange(t, "after 500 forged packets", time.Second, noTime)
	checkAudit(t, d.scrape(t))
}

// dhcpLab is a lab whose alice and bob are at the test's disposal, with a DHCP
// server on its router.
type dhcpLab struct {
	household
	alice, bob *lab.Host
	dir        string
	last       string // address that the server gives out
	stopServer func()
}

const leaseFile = "dnsmasq.leases"

// newDHCP adds more to the exporter's configuration of dhcp. DIR in it stands for
// the folder of the test.
func newDHCP(t *testing.T, interval time.Duration, more string) *dhcpLab {
	t.Helper()
	busy := []lab.Flow{{Direction: lab.Up, Rate: 500 * lab.Kbit}, {Direction: lab.Down, Rate: 500 * lab.Kbit}}
	l, err := lab.New(lab.Profile{Clients: []lab.Client{
		{Name: "alice"}, {Name: "bob"}, {Name: "carol", Flows: busy}, {Name: "dave", Flows: busy},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	d := &dhcpLab{alice: l.Client("alice"), bob: l.Client("bob"), dir: t.TempDir(), last: "192.168.1.150", stopServer: func() {}}
	d.household = household{l, startExporter(t, fmt.Sprintf(
		"update_interval: %s\ndhcp:\n  leases: [{format: dnsmasq, path: %s}]\n%s", interval, filepath.Join(d.dir, leaseFile), strings.ReplaceAll(more, "DIR", d.dir)))}
	t.Cleanup(func() { d.stopServer() })
	return d
}

// reservation is what the server is to give a client.
type reservation struct {
	client *lab.Host
	addr   netip.Addr
	name   string
}

// lease lets the clients give back what they have and lease again, from a server
// with other reservations, until the exporter knows their names.
func (d *dhcpLab) lease(t *testing.T, reservations ...reservation) {
	t.Helper()
	for _, r := range reservations {
		if _, err := os.Stat(filepath.Join(d.dir, r.client.Name+".leases")); err == nil {
			d.dhclient(t, r.client, "-r")
		}
	}
	d.stopServer()
	d.serve(t, reservations)
	var wg sync.WaitGroup
	for _, r := range reservations {
		wg.Go(func() { d.dhclient(t, r.client) })
	}
	wg.Wait()
	time.Sleep(time.Second) // the file tells the exporter before a scrape reads the counters
	for _, r := range reservations {
		eventually(t, r.name+" shows", func() bool {
			return d.scrape(t).value("network_client_online", "hostname", r.name, "mac", r.client.MAC.String()) == 1
		})
	}
}

func (d *dhcpLab) serve(t *testing.T, reservations []reservation) {
	t.Helper()
	config := filepath.Join(d.dir, "dnsmasq.conf")
	text := "port=0\ninterface=br-lan\nbind-interfaces\nno-ping\ndhcp-authoritative\n" +
		"dhcp-range=192.168.1.100," + d.last + ",1h\ndhcp-leasefile=" + filepath.Join(d.dir, leaseFile) + "\n"
	for _, r := range reservations {
		text += fmt.Sprintf("dhcp-host=%s,%s,%s\n", r.client.MAC, r.addr, r.name)
	}
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "dnsmasq", "--no-daemon", "--conf-file="+config, "--pid-file=")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v; run this with 'make test', which brings it along", err)
	}
	d.stopServer = sync.OnceFunc(func() {
		stop()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("dnsmasq said:\n%s", out.String())
		}
	})
}

// dhclient leases an address, or gives it back. It sets none: the test does.
func (d *dhcpLab) dhclient(t *testing.T, h *lab.Host, args ...string) {
	base := filepath.Join(d.dir, h.Name)
	if err := os.WriteFile(base+".conf", []byte("timeout 20; initial-interval 1;\n"), 0o644); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	args = append([]string{"-4", "-1", "-cf", base + ".conf", "-lf", base + ".leases", "-pf", base + ".pid", "-sf", "/bin/true"}, args...)
	if _, err := h.Exec(ctx, "dhclient", append(args, "eth0")...); err != nil {
		t.Error(err)
	}
}

// swapAddresses gives each of the two the IPv4 address of the other. Like a
// device that joins the network anew, they ask for the router's MAC again, which
// tells the router theirs.
func (d *dhcpLab) swapAddresses(t *testing.T) {
	t.Helper()
	d.alice.IPv4, d.bob.IPv4 = d.bob.IPv4, d.alice.IPv4
	for _, commands := range []string{"-4 addr flush dev eth0", "addr add %s/24 dev eth0", "route replace default via 192.168.1.1", "neigh flush dev eth0"} {
		for _, h := range []*lab.Host{d.alice, d.bob} {
			args := strings.Fields(strings.ReplaceAll(commands, "%s", h.IPv4.String()))
			if _, err := h.Exec(t.Context(), "ip", args...); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// awaitNeighbours waits until the router has proof of who has which address.
func (d *dhcpLab) awaitNeighbours(t *testing.T) time.Duration {
	t.Helper()
	return eventually(t, "the neighbour table knows the addresses' new owners", func() bool {
		for _, h := range []*lab.Host{d.alice, d.bob} {
			out, _ := d.Router.Exec(t.Context(), "ip", "neigh", "show", h.IPv4.String(), "dev", lab.BrLAN.Name)
			if entry := string(out); !strings.Contains(entry, h.MAC.String()) || !strings.Contains(entry, "REACHABLE") {
				return false
			}
		}
		return true
	})
}

// exchange lets alice and bob send and receive. Uploads must land on the right
// MAC to the byte, downloads except for what arrived in the time that astray
// tells, which runs meanwhile.
func (d *dhcpLab) exchange(t *testing.T, when string, duration time.Duration, astray func() time.Duration) {
	t.Helper()
	const rate = lab.Mbit                                         // of each of the two families
	two := map[*lab.Host]lab.Rate{d.alice: rate, d.bob: rate / 8} // were they alike, a mix-up would not show
	sent, reported := map[string]lab.Counts{}, d.scrape(t)
	var wg sync.WaitGroup
	for h, rate := range two {
		sent[h.Name] = truth(d.Lab, h.Name)
		for _, f := range []lab.Family{lab.IPv4, lab.IPv6} {
			for _, direction := range []lab.Direction{lab.Up, lab.Down} {
				flow := lab.Flow{Client: h.Name, Family: f, Direction: direction, Rate: rate, Duration: duration}
				wg.Go(func() {
					if _, err := d.UDP(t.Context(), flow); err != nil {
						t.Errorf("%s: %v", when, err)
					}
				})
			}
		}
	}
	bound := astray()
	wg.Wait()
	m := d.scrape(t)
	for h := range two {
		now, before := truth(d.Lab, h.Name), sent[h.Name]
		grown := func(metric string) float64 {
			v := m.value(metric, "mac", h.MAC.String())
			if was := reported.value(metric, "mac", h.MAC.String()); was > 0 { // else NaN or 0
				v -= was
			}
			return v
		}
		up, down := float64(now.Up.Bytes-before.Up.Bytes), float64(now.Down.Bytes-before.Down.Bytes)
		if got := grown("network_client_tx_bytes_total"); got != up {
			t.Errorf("%s: %s sent %.0f bytes, reported %.0f", when, h.Name, up, got)
		}
		wrong, most := grown("network_client_rx_bytes_total")-down, float64(rate)/8*bound.Seconds()
		t.Logf("%s: %s received %.0f bytes, %+.0f of them in the wrong place, at most %.0f allowed", when, h.Name, down, wrong, most)
		if max(wrong, -wrong) > most {
			t.Errorf("%s: %s received %.0f bytes, reported %.0f more; at most %.0f may go astray", when, h.Name, down, wrong, most)
		}
	}
}
