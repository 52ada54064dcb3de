package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/state"
	"router-monitoring/tests/lab"
)

const (
	stateUp = "network_exporter_state_up"
	leaseUp = "network_exporter_lease_up"
)

// clockStepped starts the exporter with states that were saved years ahead of
// the clock, and years behind it: to the program that is a clock that was set
// meanwhile. (The clock of this machine is not the test's, and no namespace has
// one of its own.)
func clockStepped(t *testing.T, v *victim) {
	for _, years := range []int{5, -10, 5} {
		v.witness.allowSilence(true)
		v.terminate(t)
		shiftClock(t, v.state, years)
		v.start(t)
		v.witness.allowSilence(false)
		eventually(t, "bob is seen", func() bool {
			m := v.scrape(t)
			mac := v.Client("bob").MAC.String()
			seen := time.Unix(int64(m.value("network_client_last_seen_timestamp_seconds", "mac", mac)), 0)
			return m.value("network_client_online", "mac", mac) == 1 && time.Since(seen).Abs() < time.Minute
		})
	}
}

// shiftClock moves all times of a saved state.
func shiftClock(t *testing.T, folder string, years int) {
	t.Helper()
	store, err := state.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	s, err := store.Load()
	if err != nil {
		t.Fatal(err)
	}
	if shifted := shiftTimes(reflect.ValueOf(s), years); shifted < 10 {
		t.Errorf("only %d times in the state", shifted)
	}
	if _, err := store.Save(s); err != nil {
		t.Fatal(err)
	}
}

// shiftTimes moves all times within a value and tells how many there were.
func shiftTimes(v reflect.Value, years int) (n int) {
	if at, ok := v.Interface().(time.Time); ok {
		if at.IsZero() {
			return 0
		}
		v.Set(reflect.ValueOf(at.AddDate(years, 0, 0)))
		return 1
	}
	switch v.Kind() {
	case reflect.Pointer:
		return shiftTimes(v.Elem(), years)
	case reflect.Slice:
		for i := range v.Len() {
			n += shiftTimes(v.Index(i), years)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				n += shiftTimes(v.Field(i), years)
			}
		}
	}
	return n
}

// diskInTrouble fills the disk of the state folder, and makes it read-only.
func diskInTrouble(t *testing.T, v *victim) {
	disk := smallDisk(t)
	v.witness.allowSilence(true)
	v.terminate(t)
	copied := copyFolder(t, v.state)
	if err := os.CopyFS(disk, os.DirFS(copied)); err != nil {
		t.Fatal(err)
	}
	v.state = disk
	v.start(t)
	v.witness.allowSilence(false)
	filler := filepath.Join(disk, "filler")
	remount := func(flags uintptr) error { return unix.Mount("", disk, "", unix.MS_REMOUNT|flags, "") }
	for _, trouble := range []struct {
		name         string
		begin, relax func() error
	}{
		{"a full disk", func() error { return fill(filler) }, func() error { return os.Remove(filler) }},
		{"a read-only disk", func() error { return remount(unix.MS_RDONLY) }, func() error { return remount(0) }},
	} {
		if err := trouble.begin(); err != nil {
			t.Fatal(err)
		}
		v.breakTable(t, func() error { return nft("delete table inet network_metrics") }) // a new table is saved at once
		eventually(t, trouble.name+" shows", func() bool { return v.scrape(t).value(stateUp) == 0 })
		if err := trouble.relax(); err != nil {
			t.Fatal(err)
		}
		eventually(t, trouble.name+" is over", func() bool { return v.scrape(t).value(stateUp) == 1 })
	}
}

// smallDisk mounts a file system of 64 KiB. The mount namespace is the test's.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("state", dir, "tmpfs", 0, "size=64k,mode=700"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill writes a file until the disk is full.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for range 64 {
		if _, err := f.Write(make([]byte, 4<<10)); err != nil {
			return nil
		}
	}
	return os.ErrInvalid // the disk has no end
}

// stateCutShort starts the exporter with states that end too soon. Every byte
// where they can end is tried by TestTruncatedAtEveryByte of the state's package;
// these are for what the program makes of it. With the state whole again, which
// the kernel's table still fits, all goes on as if nothing had been.
func stateCutShort(t *testing.T, v *victim) {
	v.witness.stop() // for counters begin at zero
	v.terminate(t)
	whole := copyFolder(t, v.state)
	file := filepath.Join(v.state, "state")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cuts := often(5, 50)
	for i := range cuts {
		cut := content[:i*(len(content)-1)/(cuts-1)]
		restoreFolder(t, whole, v.state)
		if err := os.WriteFile(file, cut, 0o600); err != nil {
			t.Fatal(err)
		}
		v.start(t)
		m := v.scrape(t)
		if up, clients := m.value(stateUp), m.value("network_clients"); up != 1 || clients < 2 {
			t.Errorf("%s is %v with %v clients; want it saved anew with those that the table holds", stateUp, up, clients)
		}
		checkAudit(t, m)
		kept, err := filepath.Glob(filepath.Join(v.state, "state.corrupt-*"))
		if err != nil || len(kept) != 1 {
			t.Fatalf("set aside: %v %v", kept, err)
		}
		if aside, err := os.ReadFile(kept[0]); !bytes.Equal(aside, cut) || err != nil {
			t.Errorf("of %d bytes %d were set aside, %v", len(cut), len(aside), err)
		}
		if !strings.Contains(v.logText(t), kept[0]) {
			t.Errorf("the log does not tell of %s", kept[0])
		}
		v.kill()
	}
	restoreFolder(t, whole, v.state)
	v.start(t)
	v.witness = watch(t, v.exporter)
}

// leasesReplaced puts all that is no lease file in its place.
func leasesReplaced(t *testing.T, v *victim) {
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 64<<10)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	file := func(content string) func() error { return func() error { return replaceFile(v.leases, content) } }
	at := func(make func() error) func() error {
		return func() error { return errors.Join(os.RemoveAll(v.leases), make()) }
	}
	for _, tt := range []struct {
		name    string
		replace func() error
		up      float64
	}{
		{"a text", file("Dear router,\nplease name me Bob.\n"), 1},
		{"noise", file(string(noise)), 1},
		{"nothing", file(""), 1},
		{"zeros", file(strings.Repeat("\x00", 1<<20)), 1},
		{"more than is read of any", file(strings.Repeat("0 52:54:00:10:00:01 192.168.1.200 x *\n", 17<<20/38)), 0},
		{"no file", at(func() error { return nil }), 0},
		{"a named pipe", at(func() error { return syscall.Mkfifo(v.leases, 0o600) }), 0},
		{"a folder", at(func() error { return os.Mkdir(v.leases, 0o700) }), 0},
		{"a link to itself", at(func() error { return os.Symlink(v.leases, v.leases) }), 0},
		{"an endless device", at(func() error { return os.Symlink("/dev/zero", v.leases) }), 0},
	} {
		if strings.HasPrefix(tt.name, "more") && !*thorough { // the race detector makes reading it a matter of minutes
			continue
		}
		read := v.scrape(t).value(leaseLeases)
		if read != float64(len(v.Clients)) {
			t.Fatalf("before %s: %v leases", tt.name, read)
		}
		if err := tt.replace(); err != nil {
			t.Fatal(err)
		}
		eventually(t, tt.name+" shows", func() bool {
			m := v.scrape(t)
			return m.value(leaseUp) == tt.up && (tt.up == 0 || m.value(leaseLeases) == 0)
		})
		if lost := v.nameless(v.scrape(t)); lost > 0 {
			t.Errorf("%s: %d clients have lost their names", tt.name, lost)
		}
		v.lease(t)
		eventually(t, tt.name+" is over", func() bool {
			m := v.scrape(t)
			return m.value(leaseUp) == 1 && m.value(leaseLeases) == float64(len(v.Clients))
		})
	}
}

const leaseLeases = "network_exporter_leases"

// hostileNames has the lease file hold thousands of names that want to do harm,
// those of devices that are there first.
func hostileNames(t *testing.T, v *victim) {
	v.ip(t, "addr add 10.0.0.1/16 dev br-lan")
	v.awaitPrefix(t, "10.0.0.0/16")
	devices := often(40, 1000)
	var lines []string
	for i := range often(1000, 10_000) {
		device := lab.MAC{0x52, 0x54, 0, 0x20, byte(i >> 8), byte(i)}
		address := netip.AddrFrom4([4]byte{10, 0, byte(1 + i>>8), byte(i)})
		if i < devices {
			if _, err := v.Spoof(t.Context(), "alice", lab.Spoof{Sources: []netip.Addr{address}, MAC: device.HardwareAddr()}); err != nil {
				t.Fatal(err)
			}
		}
		lines = append(lines, fmt.Sprintf("0 %s %s %s *\n", device, address, hostile[i%len(hostile)]))
	}
	v.lease(t, lines...)
	eventually(t, "the names are read", func() bool { return v.scrape(t).value("network_exporter_lease_bad_lines") > 0 })
	eventually(t, "the devices are there", func() bool { return v.scrape(t).value("network_clients") >= float64(devices+len(v.Clients)) })
	res, err := v.client.Get(v.address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if i := bytes.IndexFunc(text, func(r rune) bool { return r == utf8.RuneError || r != '\n' && unicode.In(r, unicode.C) }); i >= 0 {
		t.Errorf("in the metrics: %q", text[max(0, i-40):min(len(text), i+40)])
	}
	names, named := map[string]int{}, 0
	for _, s := range v.scrape(t)["network_client_info"].GetMetric() {
		name := label(s, "hostname")
		if names[name]++; len(name) > 63 || name == "" {
			t.Errorf("a client is called %q", name)
		}
		if label(s, "name_source") == "lease" {
			named++
		}
	}
	if names["twin"] < devices/len(hostile) || named < devices/2 {
		t.Errorf("%d clients are called twin, %d have a name of a lease", names["twin"], named)
	}
}

// hostile are names as any device may send them.
var hostile = []string{
	"twin", "\xff\xfe\xfd", "bell\a\b", "\x1b[2J\x1b[31mred", strings.Repeat("long", 500), `"} 1` + "\nnetwork_clients 7", "a\nb",
	`back\slash"quote`, "\u202egnihton", "'; drop table clients; --", "<script>alert(1)</script>", "../../etc/passwd", "$(reboot)",
	"z" + strings.Repeat("\u0301", 200), "\x00nul", "{{ .Name }}", "%s%n%d", "🏠", "x\r\nInjected: header", "alice-of-the-house",
}

func label(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

// brokenConfigurations puts mistakes in force, and corrects them, again and again.
func brokenConfigurations(t *testing.T, v *victim) {
	const success = "network_exporter_config_last_reload_successful"
	broken := []string{
		"nonsense: true\n", "lan: {interfaces: 7}\n", "lan: [br-lan\n", "clients: [{name: x, mac: zz}]\n", "accounting: {max_clients: -1}\n",
	}
	for i := range often(10, 50) {
		v.configure(t, "# a comment\n"+broken[i%len(broken)])
		v.signal(t, syscall.SIGHUP)
		eventually(t, "the mistake shows", func() bool { return v.scrape(t).value(success) == 0 })
		v.configure(t, v.config())
		v.signal(t, syscall.SIGHUP)
		eventually(t, "it is corrected", func() bool { return v.scrape(t).value(success) == 1 })
	}
	v.checkRepairs(t, 0)
}
