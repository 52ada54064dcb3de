package kea

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"router-monitoring/exporter/internal/sample"
	"router-monitoring/tests/lab"
)

// TestMain makes this process a router for the tests with real servers, but not
// the workers of the fuzzer, who talk to their parent over files that would not
// come along: fuzz with -run='^$'.
func TestMain(m *testing.M) {
	fuzzing := slices.ContainsFunc(os.Args, func(arg string) bool { return strings.HasPrefix(arg, "-test.fuzz") })
	if !fuzzing {
		lab.Isolate()
	}
	os.Exit(m.Run())
}

// TestLeasesIPv4 has lab clients take, decline and give back addresses of a real
// server's, one that counts its leases and one that does not.
func TestLeasesIPv4(t *testing.T) {
	for name, libraries := range map[string]string{
		"statistics": "",
		"stat_cmds":  fmt.Sprintf(`{"library": %q}`, statCmds(t)),
	} {
		t.Run(name, func(t *testing.T) {
			alice, bob := newLab(t)
			first := bob.IPv4 // taken already, without the server's knowledge
			last := first.Next().Next().Next().Next()
			socket := start(t, "4", fmt.Sprintf(`{"Dhcp4": {
"interfaces-config": {"interfaces": ["br-lan"]},
"lease-database": {"type": "memfile", "persist": false},
"control-socket": {"socket-type": "unix", "socket-name": "DIR/s"},
"hooks-libraries": [%s],
"valid-lifetime": 3600,
"subnet4": [{"id": 7, "subnet": "192.168.1.0/24", "pools": [{"pool": "%s - %s"}]}]}}`, libraries, first, last))
			await(t, socket, pool("192.168.1.0/24", 5, 0, 0))

			udhcpc(t, alice) // finds the first address taken
			dhclient(t, alice, "4")
			await(t, socket, pool("192.168.1.0/24", 5, 1, 1))
			dhclient(t, bob, "4")
			await(t, socket, pool("192.168.1.0/24", 5, 2, 1))
			dhclient(t, alice, "4", "-r")
			await(t, socket, pool("192.168.1.0/24", 5, 1, 1))
		})
	}
}

// TestEndedLease has a client leave that took an address for some seconds. The row
// of the subnet leaves with the lease, its pool must not.
func TestEndedLease(t *testing.T) {
	for name, libraries := range map[string]string{
		"statistics": "",
		"stat_cmds":  fmt.Sprintf(`{"library": %q}`, statCmds(t)),
	} {
		t.Run(name, func(t *testing.T) {
			alice, _ := newLab(t)
			socket := start(t, "4", fmt.Sprintf(`{"Dhcp4": {
"interfaces-config": {"interfaces": ["br-lan"]},
"lease-database": {"type": "memfile", "persist": false},
"control-socket": {"socket-type": "unix", "socket-name": "DIR/s"},
"hooks-libraries": [%s],
"valid-lifetime": 4, "expired-leases-processing": {"reclaim-timer-wait-time": 1},
"subnet4": [{"id": 7, "subnet": "192.168.1.0/24", "pools": [{"pool": "192.168.1.200 - 192.168.1.204"}]}]}}`, libraries))
			await(t, socket, pool("192.168.1.0/24", 5, 0, 0))
			udhcpc(t, alice)
			await(t, socket, pool("192.168.1.0/24", 5, 1, 0))
			await(t, socket, pool("192.168.1.0/24", 5, 0, 0))
		})
	}
}

// TestLeasesIPv6 has pools that hold more than 64 bits can count.
func TestLeasesIPv6(t *testing.T) {
	for name, libraries := range map[string]string{
		"statistics": "",
		"stat_cmds":  fmt.Sprintf(`{"library": %q}`, statCmds(t)),
	} {
		t.Run(name, func(t *testing.T) {
			alice, _ := newLab(t)
			socket := start(t, "6", fmt.Sprintf(`{"Dhcp6": {
"interfaces-config": {"interfaces": ["br-lan"]},
"lease-database": {"type": "memfile", "persist": false},
"control-socket": {"socket-type": "unix", "socket-name": "DIR/s"},
"hooks-libraries": [%s],
"server-id": {"type": "LL", "persist": false},
"valid-lifetime": 3600, "preferred-lifetime": 1800,
"shared-networks": [{"name": "n", "interface": "br-lan", "subnet6": [
 {"id": 2, "interface": "br-lan", "subnet": "fd00:1::/64", "pools": [{"pool": "fd00:1::/64"}],
  "pd-pools": [{"prefix": "fd00:8::", "prefix-len": 56, "delegated-len": 64}]}]}]}}`, libraries))
			await(t, socket, pool("fd00:1::/64", 1<<64, 0, 0), prefixes("fd00:1::/64 prefixes", 256, 0))
			dhclient(t, alice, "6", "-N", "-P")
			await(t, socket, pool("fd00:1::/64", 1<<64, 1, 0), prefixes("fd00:1::/64 prefixes", 256, 1))
		})
	}
}

func pool(name string, size, leases, declined float64) sample.Pool {
	return sample.Pool{Server: "kea", Name: name, Size: size, Leases: leases, Declined: &declined}
}

func prefixes(name string, size, leases float64) sample.Pool {
	return sample.Pool{Server: "kea", Name: name, Size: size, Leases: leases}
}

// await waits until the server tells of these pools.
func await(t *testing.T, socket string, want ...sample.Pool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		got, err := Read(ctx, socket)
		cancel()
		if err == nil && text(got) == text(want) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("pools %s, %v\nwant  %s", text(got), err, text(want))
		}
	}
}

func text(pools []sample.Pool) string {
	var b strings.Builder
	for _, p := range pools {
		fmt.Fprintf(&b, "%s %s: %g of %g", p.Server, p.Name, p.Leases, p.Size)
		if p.Declined != nil {
			fmt.Fprintf(&b, ", %g declined", *p.Declined)
		}
		b.WriteString("; ")
	}
	return b.String()
}

func newLab(t *testing.T) (alice, bob *lab.Host) {
	t.Helper()
	l, err := lab.New(lab.Profile{Clients: []lab.Client{{Name: "alice"}, {Name: "bob"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l.Client("alice"), l.Client("bob")
}

// start runs a server until the test ends and gives its control socket.
func start(t *testing.T, family, config string) (socket string) {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "config"), strings.ReplaceAll(config, "DIR", dir))
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "kea-dhcp"+family, "-c", filepath.Join(dir, "config"))
	cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+dir, "KEA_LOCKFILE_DIR="+dir, "KEA_DHCP_DATA_DIR="+dir,
		"KEA_CONTROL_SOCKET_DIR="+dir, "KEA_LOG_FILE_DIR="+dir, "KEA_LOGGER_DESTINATION=stdout")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v; run this with 'make test', which brings it along", err)
	}
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
		if t.Failed() || testing.Verbose() {
			t.Logf("Kea said:\n%s", out.String())
		}
	})
	return filepath.Join(dir, "s")
}

// statCmds finds the library that counts leases, beside the program: in Debian's
// package kea-common, unpacked or installed, and in that of Nix.
func statCmds(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("kea-dhcp4")
	if err != nil {
		t.Fatalf("%v; run this with 'make test', which brings it along", err)
	}
	if target, err := filepath.EvalSymlinks(program); err == nil {
		program = target
	}
	for _, lib := range []string{"../root/kea-dhcp4-server/usr/lib/*", "../lib/*", "../lib"} {
		found, _ := filepath.Glob(filepath.Join(filepath.Dir(program), lib, "kea/hooks/libdhcp_stat_cmds.so"))
		if len(found) > 0 {
			path, err := filepath.Abs(found[0])
			if err != nil {
				t.Fatal(err)
			}
			return path
		}
	}
	t.Fatalf("no libdhcp_stat_cmds.so beside %s", program)
	return ""
}

// dhclient leases for a client, which keeps its static addresses too.
func dhclient(t *testing.T, h *lab.Host, family string, args ...string) {
	t.Helper()
	base := filepath.Join(os.TempDir(), fmt.Sprintf("kea-%d-%s-%s", os.Getpid(), h.Name, strings.ReplaceAll(t.Name(), "/", "-")))
	t.Cleanup(func() { _ = os.Remove(base + ".leases"); _ = os.Remove(base + ".pid"); _ = os.Remove(base + ".conf") })
	write(t, base+".conf", "timeout 20; initial-interval 1;\n")
	args = append([]string{"-" + family, "-1", "-cf", base + ".conf", "-lf", base + ".leases", "-pf", base + ".pid", "-sf", "/bin/true"}, args...)
	run(t, h, "dhclient", append(args, "eth0")...)
}

// udhcpc asks for an address, and declines it where somebody answers for it.
func udhcpc(t *testing.T, h *lab.Host) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, _ = h.Exec(ctx, "busybox", "udhcpc", "-a", "-f", "-n", "-q", "-t", "1", "-T", "1", "-A", "1", "-i", "eth0", "-s", "/bin/true")
}

func run(t *testing.T, h *lab.Host, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if out, err := h.Exec(ctx, name, args...); err != nil {
		t.Errorf("%s: %s: %v", name, out, err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
