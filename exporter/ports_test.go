package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"router-monitoring/tests/lab"
)

// upnpRules are the chains that miniupnpd fills, as its nft_init.sh makes them but
// for the policy, beside a ruleset as NixOS writes it (networking.nat.forwardPorts)
// and rules as people write them.
const upnpRules = `
table inet filter {
	chain miniupnpd { }
	chain prerouting_miniupnpd { }
	chain postrouting_miniupnpd { }
	chain prerouting { type nat hook prerouting priority -100; policy accept; jump prerouting_miniupnpd; }
	chain postrouting { type nat hook postrouting priority 100; policy accept; jump postrouting_miniupnpd; }
}
table ip nixos-nat {
	chain pre {
		type nat hook prerouting priority dstnat
		iifname "wan0" tcp dport { 2222 } dnat to 192.168.1.3:22 comment "forwardPorts"
		iifname "wan0" udp dport { 5000-5010 } dnat to 192.168.1.3
		iifname "br-lan" udp dport 53 dnat to 192.168.1.2 comment "no port to the outside"
	}
	chain post { type nat hook postrouting priority srcnat; oifname "wan0" masquerade; }
}
`

// TestPortMappings has programs in the LAN ask a real miniupnpd for ports, by UPnP
// and by NAT-PMP, beside ports that the router's owner opened.
func TestPortMappings(t *testing.T) {
	l := newLab(t)
	alice, nas := l.Client("alice"), l.Client("nas")
	rules := strings.NewReplacer("192.168.1.2", alice.IPv4.String(), "192.168.1.3", nas.IPv4.String())
	if err := l.LoadRuleset(rules.Replace(upnpRules)); err != nil {
		t.Fatal(err)
	}
	leases := serveUPnP(t)
	e := startExporter(t, householdConfig(l)+fmt.Sprintf("port_mappings: {enabled: true, lease_files: [%s, %[1]s6]}\n", leases))
	own := []string{
		"nas tcp 2222 22 nftables forwardPorts",
		"nas udp 5000-5010 5000-5010 nftables ",
	}
	showsPorts(t, e, own)

	ask(t, alice, "upnpc", "-e", "Alice's game\x1b[31m", "-a", alice.IPv4.String(), "80", "8080", "TCP", "3600")
	ask(t, nas, "natpmpc", "-g", "192.168.1.1", "-a", "0", "51413", "udp", "1800")
	openPinhole(t, alice, 8081, 20*time.Minute)
	m := showsPorts(t, e, append([]string{
		"Alice's phone tcp 8080 80 miniupnpd Alice's game[31m",
		"Alice's phone tcp 8081 8081 miniupnpd IGD2 pinhole",
		"nas udp 51413 51413 miniupnpd NAT-PMP 51413 udp",
	}, own...))
	const expiry = "network_port_mapping_expiry_timestamp_seconds"
	for port, seconds := range map[string]float64{"8080": 3600, "8081": 1200, "51413": 1800} {
		left := m.value(expiry, "external_port", port) - float64(time.Now().Unix())
		if left > seconds || left < seconds-60 {
			t.Errorf("port %s ends in %v s, want %v", port, left, seconds)
		}
	}
	if v := m.value(expiry, "external_port", "2222"); !math.IsNaN(v) {
		t.Errorf("the owner's port ends at %v", v)
	}
	if v := m.value("network_port_mappings", "hostname", "nas", "protocol", "udp"); v != 2 {
		t.Errorf("%v mappings of UDP to nas, want 2", v)
	}

	if v := m.value(expiry, "ip", alice.IPv4.String(), "external_port", "8081"); math.IsNaN(v) {
		t.Error("the port of Alice's IPv6 address does not show under her own")
	}

	ask(t, alice, "upnpc", "-d", "8080", "TCP")
	ask(t, nas, "natpmpc", "-g", "192.168.1.1", "-a", "0", "51413", "udp", "0")
	eventually(t, "the pinhole is gone", func() bool { // by itself it goes when the lease ends
		if err := os.Remove(leases + "6"); err != nil && !errors.Is(err, fs.ErrNotExist) { // miniupnpd may write it once more
			t.Fatal(err)
		}
		return math.IsNaN(e.scrape(t).value(expiry, "external_port", "8081"))
	})
	showsPorts(t, e, own)
	if err := l.ReloadRuleset(); err != nil {
		t.Fatal(err)
	}
	showsPorts(t, e, nil)
}

// TestPortMappingsFail has the source fail in part, and be turned off.
func TestPortMappingsFail(t *testing.T) {
	l := newLab(t)
	if err := l.PortForward(lab.TCP, 8443, "nas"); err != nil {
		t.Fatal(err)
	}
	e := startExporter(t, householdConfig(l)+fmt.Sprintf("port_mappings: {enabled: true, lease_files: [%s]}\n", t.TempDir()))
	const up = "network_exporter_source_up"
	var m metrics
	eventually(t, "the source is down", func() bool {
		m = e.scrape(t)
		return m.value(up, "source", "port_mappings") == 0 && m.value("network_port_mappings", "hostname", "nas") == 1
	})
	if m.value("network_exporter_up") != 0 || m.value(up, "source", "accounting") != 1 {
		t.Error("a lease file that is a folder takes other sources down, or goes unnoticed")
	}
	e.configure(t, householdConfig(l))
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the source is gone", func() bool {
		m = e.scrape(t)
		return math.IsNaN(m.value(up, "source", "port_mappings")) && math.IsNaN(m.value("network_port_mappings_hidden"))
	})
	if m.value("network_exporter_up") != 1 {
		t.Error("a source that was turned off still counts as down")
	}
}

// showsPorts waits until the exporter shows these mappings and no other.
func showsPorts(t *testing.T, e *exporter, want []string) (m metrics) {
	t.Helper()
	want = slices.Sorted(slices.Values(want))
	var got []string
	deadline := time.Now().Add(20 * time.Second)
	for ok := false; !ok; time.Sleep(50 * time.Millisecond) {
		m = e.scrape(t)
		got = nil
		for _, s := range m["network_port_mapping_info"].GetMetric() {
			labels := map[string]string{}
			for _, l := range s.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			got = append(got, fmt.Sprintf("%s %s %s %s %s %s", labels["hostname"], labels["protocol"],
				labels["external_port"], labels["internal_port"], labels["source"], labels["description"]))
		}
		slices.Sort(got)
		ok = slices.Equal(got, want)
		if !ok && time.Now().After(deadline) {
			t.Fatalf("mappings (-want +got):\n%s", cmp.Diff(want, got))
		}
	}
	if m.value("network_exporter_source_up", "source", "port_mappings") != 1 {
		t.Error("the source is down")
	}
	return m
}

// ask runs a program that asks for a port on a client.
func ask(t *testing.T, h *lab.Host, program string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	out, err := h.Exec(ctx, program, args...)
	if err != nil || bytes.Contains(out, []byte("failed")) {
		t.Fatalf("%v\n%s", err, out)
	}
}

// openPinhole asks miniupnpd to let what comes for a port of the client's own IPv6
// address pass, as upnpc cannot: it finds miniupnpd by IPv4 only.
func openPinhole(t *testing.T, h *lab.Host, port int, lease time.Duration) {
	t.Helper()
	const service = "urn:schemas-upnp-org:service:WANIPv6FirewallControl:1"
	request := fmt.Sprintf(`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><u:AddPinhole xmlns:u=%q>`+
		`<RemoteHost/><RemotePort>0</RemotePort><InternalClient>%s</InternalClient><InternalPort>%d</InternalPort>`+
		`<Protocol>6</Protocol><LeaseTime>%.0f</LeaseTime></u:AddPinhole></s:Body></s:Envelope>`, service, h.IPv6, port, lease.Seconds())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://[fd00:1::1]:5000/ctl/IP6FCtl", strings.NewReader(request))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("SOAPAction", fmt.Sprintf("%q", service+"#AddPinhole"))
	dial := func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		err = h.Do(func() (err error) {
			conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
			return err
		})
		return conn, err
	}
	resp, err := (&http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}, Timeout: 5 * time.Second}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("open a pinhole: %s", resp.Status)
	}
}

// serveUPnP runs miniupnpd on the router and gives its lease file. It takes the
// lab's WAN address, of a documentation prefix, for a private one, and needs to be
// told another.
func serveUPnP(t *testing.T) (leases string) {
	t.Helper()
	dir := t.TempDir()
	leases = filepath.Join(dir, "upnp.leases")
	config := map[string]string{
		"ext_ifname": "wan0", "ext_ip": "9.9.9.9", "listening_ip": "br-lan",
		"port": "5000", "enable_upnp": "yes", "enable_natpmp": "yes", "secure_mode": "yes", "lease_file": leases, "lease_file6": leases + "6",
		"uuid": "00000000-0000-0000-0000-000000000001", "allow": "1024-65535 192.168.1.0/24 1-65535",
	}
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(config)) {
		separator := "="
		if key == "allow" {
			separator = " "
		}
		text.WriteString(key + separator + config[key] + "\n")
	}
	file := filepath.Join(dir, "miniupnpd.conf")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "miniupnpd", "-d", "-f", file, "-P", filepath.Join(dir, "pid"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v; run this with 'make test', which brings it along", err)
	}
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("miniupnpd said:\n%s", out.String())
		}
	})
	return leases
}
