package lease

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"router-monitoring/exporter/internal/sample"
	"router-monitoring/tests/lab"
)

// TestMain makes this process a router for the tests with real servers. Workers
// of the fuzzer stay where they are, for they talk to their parent over files
// that would not come along: fuzz with -run='^$'.
func TestMain(m *testing.M) {
	fuzzing := slices.ContainsFunc(os.Args, func(arg string) bool { return strings.HasPrefix(arg, "-test.fuzz") })
	if !fuzzing {
		lab.Isolate()
	}
	os.Exit(m.Run())
}

// server is a real DHCP server on the router of a lab. DIR in its texts stands
// for the test's folder.
type server struct {
	format Format
	family string // 4 or 6
	leases string // its file
	config string // content of DIR/config
	run    []string
	alice  string // name of the first client as it arrives here
	bob    string // and of the second, which sends oddName
}

// oddName has what servers and clients let through.
const oddName = `Bob's TV <b>&,;`

var servers = map[string]server{
	"dnsmasq IPv4": {Dnsmasq, "4", "dnsmasq.leases", `
port=0
interface=br-lan
bind-interfaces
no-ping
dhcp-authoritative
dhcp-range=192.168.1.100,192.168.1.150,1h
dhcp-leasefile=DIR/dnsmasq.leases
`, []string{"dnsmasq", "--no-daemon", "--conf-file=DIR/config", "--pid-file="}, "alice-laptop", ""}, // it takes host names only

	"dnsmasq IPv6": {Dnsmasq, "6", "dnsmasq.leases", `
port=0
interface=br-lan
bind-interfaces
dhcp-authoritative
dhcp-range=fd00:1::100,fd00:1::1ff,64,1h
dhcp-leasefile=DIR/dnsmasq.leases
`, []string{"dnsmasq", "--no-daemon", "--conf-file=DIR/config", "--pid-file="}, "alice-laptop", ""}, // it takes host names only

	"Kea DHCPv4": {Kea, "4", "kea-leases4.csv", `{"Dhcp4": {
"interfaces-config": {"interfaces": ["br-lan"]},
"lease-database": {"type": "memfile", "name": "DIR/kea-leases4.csv", "lfc-interval": 2},
"hostname-char-set": "", "valid-lifetime": 3600,
"subnet4": [{"id": 1, "subnet": "192.168.1.0/24", "pools": [{"pool": "192.168.1.100 - 192.168.1.150"}]}]}}`,
		[]string{"kea-dhcp4", "-c", "DIR/config"}, "alice-laptop", "bobs-tv-b"},

	"Kea DHCPv6": {Kea, "6", "kea-leases6.csv", `{"Dhcp6": {
"interfaces-config": {"interfaces": ["br-lan"]},
"lease-database": {"type": "memfile", "name": "DIR/kea-leases6.csv", "lfc-interval": 0},
"server-id": {"type": "LL", "persist": false},
"valid-lifetime": 3600, "preferred-lifetime": 1800,
"subnet6": [{"id": 1, "interface": "br-lan", "subnet": "fd00:1::/64", "pools": [{"pool": "fd00:1::100 - fd00:1::1ff"}]}]}}`,
		[]string{"kea-dhcp6", "-c", "DIR/config"}, "alice-laptop", "bobstvb"}, // its default is to drop other characters

	"ISC DHCPv4": {ISC, "4", "dhcpd.leases", `
authoritative;
default-lease-time 3600;
subnet 192.168.1.0 netmask 255.255.255.0 { range 192.168.1.100 192.168.1.150; }
`, []string{"dhcpd", "-4", "-d", "--no-pid", "-cf", "DIR/config", "-lf", "DIR/dhcpd.leases", "br-lan"}, "alice-laptop", "bobs-tv-b"},

	"ISC DHCPv6": {ISC, "6", "dhcpd6.leases", `
authoritative;
default-lease-time 3600;
ddns-update-style none;
subnet6 fd00:1::/64 { range6 fd00:1::100 fd00:1::1ff; }
`, []string{"dhcpd", "-6", "-d", "--no-pid", "-cf", "DIR/config", "-lf", "DIR/dhcpd6.leases", "br-lan"}, "", ""}, // no names without DDNS
}

// TestServers has lab clients lease addresses from real servers, and follows
// what these write.
func TestServers(t *testing.T) {
	for name, s := range servers {
		t.Run(name, func(t *testing.T) { s.test(t) })
	}
}

func (s server) test(t *testing.T) {
	l, err := lab.New(lab.Profile{Clients: []lab.Client{{Name: "alice"}, {Name: "bob"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	dir := t.TempDir()
	s.start(t, dir)
	file := filepath.Join(dir, s.leases)
	t.Cleanup(func() {
		content, _ := os.ReadFile(file)
		t.Logf("%s:\n%s", s.leases, content)
	})
	f := follow(t, time.Hour, File{Auto, file}) // so that only events tell of changes

	alice, bob := l.Client("alice"), l.Client("bob")
	var wg sync.WaitGroup
	wg.Go(func() { s.dhclient(t, alice, dir, "Alice-Laptop.example.org") })
	wg.Go(func() { s.dhclient(t, bob, dir, oddName) })
	wg.Wait()
	want := []sample.Lease{
		{Addr: s.leased(t, alice, dir), MAC: sample.MAC(alice.MAC), Name: s.alice},
		{Addr: s.leased(t, bob, dir), MAC: sample.MAC(bob.MAC), Name: s.bob},
	}
	slices.SortFunc(want, func(a, b sample.Lease) int { return a.Addr.Compare(b.Addr) })
	waitFor(t, f, want)
	for _, l := range f.Reading().Leases {
		if left := time.Until(l.Expires); left < 55*time.Minute || left > time.Hour {
			t.Errorf("the lease of %s ends in %s", l.Addr, left)
		}
	}
	if got, want := f.Reading().Files, []Status{{File: File{s.format, file}, Up: true, Leases: 2}}; !cmp.Equal(got, want) {
		t.Errorf("files %+v, want %+v", got, want)
	}
	if strings.Contains(s.config, `"lfc-interval": 2`) {
		s.awaitCleanup(t, f, file, want)
	}
	s.dhclient(t, alice, dir, "Alice-Laptop.example.org", "-r")
	waitFor(t, f, slices.DeleteFunc(want, func(l sample.Lease) bool { return l.MAC == sample.MAC(alice.MAC) }))
}

// awaitCleanup waits until Kea moved all leases into the file beside, which
// must not show.
func (s server) awaitCleanup(t *testing.T, f *Follower, file string, want []sample.Lease) {
	t.Helper()
	eventually(t, "cleanup", func() bool {
		_, err := os.Stat(file + ".2")
		content, _ := os.ReadFile(file)
		if got := f.Reading().Leases; len(got) != len(want) {
			t.Fatalf("during cleanup: %+v", got)
		}
		return err == nil && bytes.Count(content, []byte("\n")) == 1
	})
	time.Sleep(2 * settle)
	waitFor(t, f, want)
}

// waitFor waits until the follower knows these leases, whenever they end.
func waitFor(t *testing.T, f *Follower, want []sample.Lease) {
	t.Helper()
	var diff string
	defer func() {
		if diff != "" {
			t.Logf("leases (-want +got):\n%s", diff)
		}
	}()
	eventually(t, "leases", func() bool {
		diff = cmp.Diff(want, f.Reading().Leases, cmpopts.EquateComparable(netip.Addr{}), cmpopts.IgnoreFields(sample.Lease{}, "Expires"), cmpopts.EquateEmpty())
		return diff == ""
	})
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %s within 10s", what)
		}
	}
}

// start runs the server until the test ends.
func (s server) start(t *testing.T, dir string) {
	t.Helper()
	write(t, filepath.Join(dir, "config"), strings.ReplaceAll(s.config, "DIR", dir))
	if s.format == ISC {
		write(t, filepath.Join(dir, s.leases), "")
	}
	var args []string
	for _, a := range s.run {
		args = append(args, strings.ReplaceAll(a, "DIR", dir))
	}
	lfc, _ := exec.LookPath("kea-lfc")
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+dir, "KEA_LOCKFILE_DIR="+dir, "KEA_DHCP_DATA_DIR="+dir,
		"KEA_LOG_FILE_DIR="+dir, "KEA_LOGGER_DESTINATION=stdout", "KEA_LFC_EXECUTABLE="+lfc)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v; run this with 'make test', which brings it along", err)
	}
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
		if t.Failed() || testing.Verbose() {
			t.Logf("%s said:\n%s", args[0], out.String())
		}
	})
}

// dhclient leases an address for a client, which keeps its static ones too.
func (s server) dhclient(t *testing.T, h *lab.Host, dir, name string, args ...string) {
	base := filepath.Join(dir, h.Name)
	write(t, base+".conf", fmt.Sprintf(`send host-name "%s"; send fqdn.fqdn "%[1]s"; send fqdn.server-update on; timeout 20; initial-interval 1;`, name))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	args = append([]string{"-" + s.family, "-1", "-cf", base + ".conf", "-lf", base + ".leases", "-pf", base + ".pid", "-sf", "/bin/true"}, args...)
	if out, err := h.Exec(ctx, "dhclient", append(args, "eth0")...); err != nil {
		t.Errorf("%s: %v", out, err)
	}
}

var leasedAddr = regexp.MustCompile(`(?:fixed-address|iaaddr) ([0-9a-f.:]+)`)

// leased gives the address that the client says it has.
func (s server) leased(t *testing.T, h *lab.Host, dir string) netip.Addr {
	t.Helper()
	content, _ := os.ReadFile(filepath.Join(dir, h.Name+".leases"))
	m := leasedAddr.FindSubmatch(content)
	if m == nil {
		t.Fatalf("%s got no lease: %s", h.Name, content)
	}
	return netip.MustParseAddr(string(m[1]))
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// follow runs a Follower until the test ends.
func follow(t *testing.T, interval time.Duration, files ...File) *Follower {
	t.Helper()
	f := NewFollower(files, interval, slog.New(slog.NewTextHandler(t.Output(), nil)))
	return background(t, f, f.Run)
}

func background(t *testing.T, f *Follower, run func(context.Context)) *Follower {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { run(ctx); close(done) }()
	t.Cleanup(func() { stop(); <-done })
	return f
}
