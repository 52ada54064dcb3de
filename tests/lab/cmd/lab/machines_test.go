package main

import (
	"bytes"
	"encoding/json"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"router-monitoring/tests/lab"
)

// network is three machines, each a host of a lab without clients of its own:
// one serves the internet, one carries clients, and between them is a router
// with a real DHCP server. Nothing of the commands' own runs on the router.
type network struct {
	*lab.Lab
	household *lab.Host
	leaseFile string
}

// witnessRules make the router count what it forwards for each address.
const witnessRules = `
	table inet witness {
		set up4 { type ipv4_addr; flags dynamic; counter; size 256; }
		set up6 { type ipv6_addr; flags dynamic; counter; size 256; }
		set down4 { type ipv4_addr; flags dynamic; counter; size 256; }
		set down6 { type ipv6_addr; flags dynamic; counter; size 256; }
		chain forward {
			type filter hook forward priority 10;
			oifname "wan0" update @up4 { ip saddr }
			oifname "wan0" update @up6 { ip6 saddr }
			iifname "wan0" update @down4 { ip daddr }
			iifname "wan0" update @down6 { ip6 daddr }
		}
	}`

func newNetwork(t *testing.T) *network {
	t.Helper()
	// Names of network namespaces are this test's alone.
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount("/run", unix.MNT_DETACH) })
	t.Setenv("TMPDIR", t.TempDir()) // for the script of the DHCP clients
	// Offload: that segments are apart is the commands' own doing.
	l, err := lab.New(lab.Profile{Offload: true, Clients: []lab.Client{{Name: "household"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	if err := l.LoadRuleset(witnessRules); err != nil {
		t.Fatal(err)
	}
	n := &network{l, l.Client("household"), filepath.Join(t.TempDir(), "leases")}
	n.start(t, l.Router, "dnsmasq", "--no-daemon", "--user=root", "--conf-file=/dev/null", "--pid-file=", "--port=0",
		"--interface=br-lan", "--bind-interfaces", "--no-ping", "--dhcp-authoritative",
		"--dhcp-range=192.168.1.100,192.168.1.200,1h", "--dhcp-leasefile="+n.leaseFile)
	n.startLab(t, l.Internet, "internet", "--interface=eth0")
	t.Cleanup(func() { n.lab(t, "leave") })
	n.waitForInternet(t)
	return n
}

func (n *network) waitForInternet(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", n.Internet.IPv4.String()+":7000")
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// process is a program that runs on a machine until it is told to end.
type process struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
}

// start starts a program, which the end of the test kills.
func (n *network) start(t *testing.T, h *lab.Host, name string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(name, args...)}
	p.Env = append(os.Environ(), asProgram+"=1")
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	if err := h.Do(p.Start); err != nil {
		t.Fatalf("%v; run this with 'make test', which brings along what it needs", err)
	}
	t.Cleanup(func() {
		_ = p.Process.Kill()
		_ = p.Wait()
		if t.Failed() {
			t.Logf("%s on %s said:\n%s", name, h.Name, &p.stderr)
		}
	})
	return p
}

func (n *network) startLab(t *testing.T, h *lab.Host, args ...string) *process {
	t.Helper()
	return n.start(t, h, "/proc/self/exe", args...)
}

// lab runs a command on the machine of the clients and gives its status.
func (n *network) lab(t *testing.T, args ...string) (p *process, status int) {
	t.Helper()
	p = n.startLab(t, n.household, args...)
	timeout := time.AfterFunc(30*time.Second, func() { _ = p.Process.Kill() })
	defer timeout.Stop()
	_ = p.Wait()
	return p, p.ProcessState.ExitCode()
}

// must runs a command that has to work and reads the document that it prints.
func must[T any](t *testing.T, n *network, args ...string) T {
	t.Helper()
	p, status := n.lab(t, args...)
	if status != 0 {
		t.Fatalf("lab %v: status %d: %s", args, status, &p.stderr)
	}
	return document[T](t, p)
}

func document[T any](t *testing.T, p *process) (d T) {
	t.Helper()
	if err := json.Unmarshal(p.stdout.Bytes(), &d); err != nil {
		t.Fatalf("lab printed %q: %v", &p.stdout, err)
	}
	return d
}

// forwarded is what the router has counted until now: by set and address.
type forwarded map[string]map[netip.Addr]lab.Traffic

func (n *network) forwarded(t *testing.T) forwarded {
	t.Helper()
	text, err := n.Router.Exec(t.Context(), "nft", "-j", "list", "table", "inet", "witness")
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Nftables []struct {
			Set struct {
				Name string
				Elem []struct {
					Elem struct {
						Val     netip.Addr
						Counter lab.Traffic
					}
				}
			}
		}
	}
	if err := json.Unmarshal(text, &rules); err != nil {
		t.Fatal(err)
	}
	all := forwarded{}
	for _, object := range rules.Nftables {
		counted := map[netip.Addr]lab.Traffic{}
		for _, e := range object.Set.Elem {
			counted[e.Elem.Val] = e.Elem.Counter
		}
		all[object.Set.Name] = counted
	}
	return all
}

// wantForwarded compares what plays printed with what the router counted in the
// same time. Only segments that were sent more than once may be missing there.
func wantForwarded(t *testing.T, router forwarded, plays ...played) {
	t.Helper()
	sums := forwarded{"up4": {}, "up6": {}, "down4": {}, "down6": {}}
	resent := map[netip.Addr]uint64{}
	for _, p := range plays {
		for _, c := range p.Clients {
			for set, moved := range map[string]lab.Traffic{
				"up4": c.Up.IPv4, "up6": c.Up.IPv6, "down4": c.Down.IPv4, "down6": c.Down.IPv6,
			} {
				addr := c.IPv4
				if strings.HasSuffix(set, "6") {
					addr = c.IPv6
				}
				sum := sums[set][addr]
				sums[set][addr] = lab.Traffic{Bytes: sum.Bytes + moved.Bytes, Packets: sum.Packets + moved.Packets}
				resent[addr] += c.Resent
			}
		}
	}
	for set, clients := range sums {
		for addr, truth := range clients {
			seen := router[set][addr]
			if missing := truth.Packets - seen.Packets; seen != truth && (missing == 0 || missing > resent[addr]) {
				t.Errorf("%s of %s: router forwarded %+v, truth is %+v, %d segments sent more than once",
					set, addr, seen, truth, resent[addr])
			}
		}
	}
}

func TestLoadAcrossThreeMachines(t *testing.T) {
	n := newNetwork(t)
	leases := must[map[string]member](t, n, "join", "--interface=eth0")
	if len(leases) != 25 {
		t.Errorf("%d clients joined, want 25", len(leases))
	}
	wantLeases(t, n, leases)

	profile := must[played](t, n, "--scale=0.1", "play", "--duration=3s")
	if profile.Seconds < 3 || profile.Seconds > 8 || len(profile.Clients) != 25 {
		t.Errorf("%d clients played %g seconds, want 25 and some 3", len(profile.Clients), profile.Seconds)
	}
	for name, c := range profile.Clients {
		if c.member != leases[name] {
			t.Errorf("%s played as %+v, its lease is %+v", name, c.member, leases[name])
		}
		if c.Up == (families{}) || c.Down == (families{}) {
			t.Errorf("%s: up %+v, down %+v, want some of both", name, c.Up, c.Down)
		}
	}
	camera, nas := profile.Clients["camera-door"], profile.Clients["nas"]
	if !camera.UDPOnly || nas.UDPOnly {
		t.Error("camera-door plays UDP only, nas does not")
	}
	if want := (rates{Up: 200e3, Down: 2e3}); camera.Rate != want {
		t.Errorf("camera-door was asked for %+v, want %+v", camera.Rate, want)
	}
	if got := float64(camera.Up.IPv4.Bytes) * 8 / 3; got < 0.8*camera.Rate.Up || got > 1.2*camera.Rate.Up {
		t.Errorf("camera-door sent %.0f bit/s, was asked for %.0f", got, camera.Rate.Up)
	}

	hog := n.startLab(t, n.household, "play", "--client=nas", "--duration=0",
		"--flow={proto: tcp, family: 6, direction: up, rate: 8Mbit}")
	loud := must[played](t, n, "play", "--client=console", "--duration=1s", "--flow={proto: tcp, family: 4, direction: down, rate: 8Mbit}")
	if err := hog.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := hog.Wait(); err != nil {
		t.Fatalf("hog: %v: %s", err, &hog.stderr)
	}
	hogged := document[played](t, hog)
	if bytes := hogged.Clients["nas"].Up.IPv6.Bytes; bytes < 500_000 {
		t.Errorf("the hog sent %d bytes in %g s at 8 Mbit/s", bytes, hogged.Seconds)
	}
	wantForwarded(t, n.forwarded(t), profile, hogged, loud)
}

// wantLeases compares what clients have with what the DHCP server gave.
func wantLeases(t *testing.T, n *network, clients map[string]member) {
	t.Helper()
	text, err := os.ReadFile(n.leaseFile)
	if err != nil {
		t.Fatal(err)
	}
	served := map[string]string{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line) // expiry, MAC, address, name, client ID
		served[fields[3]] = fields[1] + " " + fields[2]
	}
	want := map[string]string{}
	for name, c := range clients {
		want[name] = c.MAC + " " + c.IPv4.String()
	}
	if diff := cmp.Diff(want, served); diff != "" {
		t.Errorf("leases of the clients (-) and of the server (+):\n%s", diff)
	}
}

func TestClientsComeAndGo(t *testing.T) {
	n := newNetwork(t)
	few := must[map[string]member](t, n, "join", "--interface=eth0", "--client=nas", "--client=printer")
	wantLeases(t, n, few)
	if again := must[map[string]member](t, n, "join", "--client=nas", "--interface=eth0"); again["nas"] != few["nas"] {
		t.Errorf("nas joined again: %+v, before %+v", again["nas"], few["nas"])
	}
	if p := must[played](t, n, "--scale=0.1", "play", "--duration=1s"); len(p.Clients) != 2 {
		t.Errorf("%d clients played, want those 2 that have joined", len(p.Clients))
	}
	if p, status := n.lab(t, "leave", "--client=nas"); status != 0 {
		t.Fatalf("leave: %s", &p.stderr)
	}
	wantLeases(t, n, map[string]member{"printer": few["printer"]})
	if p, status := n.lab(t, "play", "--client=nas"); status != 1 || !strings.Contains(p.stderr.String(), "has not joined") {
		t.Errorf("nas has left: play ends with status %d and %q", status, &p.stderr)
	}
	back := must[map[string]member](t, n, "join", "--interface=eth0", "--client=nas", "--client=printer")
	wantLeases(t, n, back)
}

// TestPlayTellsWhatFailed has the router lose a datagram: the truth is printed
// all the same.
func TestPlayTellsWhatFailed(t *testing.T) {
	n := newNetwork(t)
	must[map[string]member](t, n, "join", "--interface=eth0", "--client=nas")
	if err := n.LoadRuleset(`
		table inet lossy {
			chain forward {
				type filter hook forward priority 20;
				oifname "wan0" udp length 1208 limit rate 1/day burst 1 packets drop
			}
		}`); err != nil {
		t.Fatal(err)
	}
	p, status := n.lab(t, "play", "--duration=1s", "--flow={rate: 1Mbit}")
	if status != 1 || !strings.Contains(p.stderr.String(), "udp flow of nas over IPv4: datagrams lost") {
		t.Errorf("status %d and %q", status, &p.stderr)
	}
	wantForwarded(t, n.forwarded(t), document[played](t, p))
}

func TestCommandsOnOtherMachines(t *testing.T) {
	n := newNetwork(t)
	for _, tt := range []struct {
		name   string
		args   []string
		output string
	}{
		{"bad interface", []string{"join", "--interface=lan7"}, "interface lan7 toward the router"},
		{"bad client", []string{"join", "--client=nobody"}, `no client "nobody"`},
		{"bad play before join", []string{"play"}, "see `lab join`"},
		{"bad flow", []string{"play", "--client=nas", "--flow={speed: 1Mbit}"}, "field speed not found"},
		{"bad rate", []string{"play", "--client=nas", "--flow={rate: fast}"}, `"fast" is not a rate`},
		{"bad internet interface", []string{"internet"}, "interface wan0 toward the router"},
		{"bad listen address", []string{"internet", "--interface=eth0", "--listen=7000"}, `listen address "7000"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if p, status := n.lab(t, tt.args...); status != 1 || !strings.Contains(p.stderr.String(), tt.output) {
				t.Errorf("status %d and %q, want 1 and %q", status, &p.stderr, tt.output)
			}
		})
	}
	if p, status := n.lab(t, "leave"); status != 0 {
		t.Errorf("nobody has joined: leave ends with %d and %q", status, &p.stderr)
	}
}
