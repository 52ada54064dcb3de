package main

import (
	"bufio"
	"context"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"router-monitoring/tests/lab"
)

// TestPoolOfDnsmasq has three clients lease from a real server that has five
// addresses.
func TestPoolOfDnsmasq(t *testing.T) {
	d := newDHCP(t, time.Second, "  pools: [{name: lan, first: 192.168.1.100, last: 192.168.1.104}, {name: six, first: 'fd00:1::100', last: 'fd00:1::1ff'}]\n")
	for _, name := range []string{"alice", "bob", "carol", "dave"} { // so that they are known
		d.udp(t, lab.Flow{Client: name, Direction: lab.Up, Packets: 1})
	}
	d.last = "192.168.1.104"
	d.serve(t, nil)
	const size, leases, end = "network_dhcp_pool_addresses", "network_dhcp_pool_leases", "network_client_dhcp_lease_expiry_timestamp_seconds"
	eventually(t, "the pool shows", func() bool { return d.scrape(t).value(size, "pool", "lan") == 5 })
	clients := []*lab.Host{d.alice, d.bob, d.Client("carol")}
	for i, h := range clients {
		d.dhclient(t, h)
		eventually(t, "the lease shows", func() bool {
			return d.scrape(t).value(leases, "server", "dnsmasq", "pool", "lan") == float64(i+1)
		})
	}
	for _, h := range clients {
		want := d.leaseEnd(t, h)
		eventually(t, "the end of the lease of "+h.Name+" shows", func() bool { return d.scrape(t).value(end, "mac", h.MAC.String()) == want })
	}
	m := d.scrape(t)
	if v := m.value(size, "pool", "six"); v != 256 {
		t.Errorf("the pool six has %v addresses", v)
	}
	if v := m.value(leases, "pool", "six"); v != 0 {
		t.Errorf("the pool six has %v leases", v)
	}
	if !math.IsNaN(m.value(end, "mac", d.Client("dave").MAC.String())) {
		t.Error("dave shows the end of a lease he does not have")
	}
	d.dhclient(t, d.alice, "-r")
	eventually(t, "the lease is gone", func() bool {
		m := d.scrape(t)
		return m.value(leases, "pool", "lan") == 2 && math.IsNaN(m.value(end, "mac", d.alice.MAC.String()))
	})
}

// leaseEnd is when a client's lease ends as dnsmasq has it.
func (d *dhcpLab) leaseEnd(t *testing.T, h *lab.Host) float64 {
	t.Helper()
	file, err := os.Open(filepath.Join(d.dir, leaseFile))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if f := strings.Fields(lines.Text()); f[1] == h.MAC.String() {
			end, err := strconv.ParseFloat(f[0], 64)
			if err != nil {
				t.Fatal(err)
			}
			return end
		}
	}
	t.Fatalf("dnsmasq has no lease of %s", h.Name)
	return 0
}

// TestPoolOfKea has one server that answers and one that does not, beside a pool
// that files tell of.
func TestPoolOfKea(t *testing.T) {
	d := newDHCP(t, time.Second, "  pools: [{name: lan, first: 192.168.1.100, last: 192.168.1.104}]\n  kea: [DIR/kea, DIR/other]\n")
	const size, up = "network_dhcp_pool_addresses", "network_exporter_source_up"
	eventually(t, "the source is down", func() bool { return d.scrape(t).value(up, "source", "dhcp") == 0 })
	eventually(t, "the pool of the files shows", func() bool { return d.scrape(t).value(size, "pool", "lan") == 5 })

	d.serveKea(t)
	d.dhclient(t, d.alice)
	d.link(t, "kea")
	kea := []string{"server", "kea", "pool", "192.168.1.0/24"}
	eventually(t, "Kea's pool shows", func() bool { return d.scrape(t).value(size, kea...) == 3 })
	m := d.scrape(t)
	if leases, declined := m.value("network_dhcp_pool_leases", kea...), m.value("network_dhcp_declined_addresses", kea...); leases != 1 || declined != 0 {
		t.Errorf("Kea tells of %v leases and %v declined addresses", leases, declined)
	}
	if v := m.value(up, "source", "dhcp"); v != 0 {
		t.Errorf("with one server gone the source is %v", v)
	}
	d.link(t, "other") // which tells of the same pool once more
	eventually(t, "the source is up", func() bool { return d.scrape(t).value(up, "source", "dhcp") == 1 })
}

// link gives Kea's socket a name that the exporter knows.
func (d *dhcpLab) link(t *testing.T, name string) {
	t.Helper()
	if err := os.Symlink("kea.sock", filepath.Join(d.dir, name)); err != nil {
		t.Fatal(err)
	}
}

// serveKea runs a server of three addresses until the test ends.
func (d *dhcpLab) serveKea(t *testing.T) {
	t.Helper()
	config := filepath.Join(d.dir, "kea.conf")
	text := strings.ReplaceAll(`{"Dhcp4": {"interfaces-config": {"interfaces": ["br-lan"]},
"lease-database": {"type": "memfile", "persist": false}, "control-socket": {"socket-type": "unix", "socket-name": "DIR/kea.sock"},
"subnet4": [{"id": 1, "subnet": "192.168.1.0/24", "pools": [{"pool": "192.168.1.200 - 192.168.1.202"}]}]}}`, "DIR", d.dir)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "kea-dhcp4", "-c", config)
	cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+d.dir, "KEA_LOCKFILE_DIR="+d.dir, "KEA_CONTROL_SOCKET_DIR="+d.dir, "KEA_LOGGER_DESTINATION=stdout")
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v; run this with 'make test', which brings it along", err)
	}
	t.Cleanup(func() { stop(); _ = cmd.Wait() })
}
