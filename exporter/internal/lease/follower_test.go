package lease

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/sample"
)

// line is a lease of dnsmasq that never ends.
func line(n int, name string) string {
	return fmt.Sprintf("0 52:54:00:00:00:%02x 192.168.1.%d %s *\n", n, n, name)
}

func named(n int, name string) sample.Lease {
	return sample.Lease{Addr: netip.AddrFrom4([4]byte{192, 168, 1, byte(n)}), MAC: sample.MAC{0x52, 0x54, 0, 0, 0, byte(n)}, Name: name}
}

func replace(t *testing.T, path, content string) {
	t.Helper()
	write(t, path+"~", content)
	if err := os.Rename(path+"~", path); err != nil {
		t.Fatal(err)
	}
}

// follows puts a file through all that servers and owners do to it.
func follows(t *testing.T, follow func(*testing.T, time.Duration, ...File) *Follower, interval time.Duration) {
	dir := t.TempDir()
	file := filepath.Join(dir, "late", "dnsmasq.leases")
	f := follow(t, interval, File{Dnsmasq, file})
	waitForState(t, f, file, true) // not there yet, which is no error

	mkdir(t, filepath.Dir(file))
	write(t, file, line(1, "one"))
	waitFor(t, f, []sample.Lease{named(1, "one")})

	replace(t, file, line(1, "one")+line(2, "two"))
	waitFor(t, f, []sample.Lease{named(1, "one"), named(2, "two")})

	write(t, file, line(2, "renamed")) // truncates and writes
	waitFor(t, f, []sample.Lease{named(2, "renamed")})

	add(t, file, line(3, "three"))
	waitFor(t, f, []sample.Lease{named(2, "renamed"), named(3, "three")})

	if err := os.Truncate(file, 0); err != nil {
		t.Fatal(err)
	}
	waitFor(t, f, nil)

	write(t, file, line(4, "four"))
	waitFor(t, f, []sample.Lease{named(4, "four")})

	if err := os.RemoveAll(filepath.Dir(file)); err != nil {
		t.Fatal(err)
	}
	waitForState(t, f, file, false)
	waitFor(t, f, []sample.Lease{named(4, "four")}) // what was known stays in force

	mkdir(t, filepath.Dir(file))
	write(t, file, line(5, "five"))
	waitFor(t, f, []sample.Lease{named(5, "five")})
	waitForState(t, f, file, true)
	replace(t, file, line(6, "six"))
	waitFor(t, f, []sample.Lease{named(6, "six")})
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

func add(t *testing.T, path, content string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(content); err != nil {
		t.Fatal(err)
	}
}

func waitForState(t *testing.T, f *Follower, file string, up bool) {
	t.Helper()
	eventually(t, fmt.Sprintf("state up=%v", up), func() bool {
		for _, s := range f.Reading().Files {
			if s.Path == file {
				return s.Up == up && (s.Err == nil) == up
			}
		}
		return false
	})
}

func TestFollow(t *testing.T) { follows(t, follow, 500*time.Millisecond) }

// TestFollowWithoutInotify is the same where no watch can be had.
func TestFollowWithoutInotify(t *testing.T) {
	follows(t, func(t *testing.T, interval time.Duration, files ...File) *Follower {
		f := NewFollower(files, interval, slog.New(slog.NewTextHandler(t.Output(), nil)))
		f.watches = &watches{}
		return background(t, f, f.loop)
	}, 100*time.Millisecond)
}

// TestFollowEvents looks only once on its own, so that all else comes of events.
func TestFollowEvents(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "elsewhere", "leases")
	mkdir(t, filepath.Dir(target))
	write(t, target, line(1, "one"))
	link := filepath.Join(dir, "leases")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	f := follow(t, time.Hour, File{Auto, link})
	waitFor(t, f, []sample.Lease{named(1, "one")})
	<-f.Changed()

	start := time.Now()
	for i := range 20 { // a server that writes in many steps
		add(t, target, line(2+i, "next"))
	}
	<-f.Changed()
	t.Logf("known %s after the first of 20 changes", time.Since(start).Round(time.Millisecond))
	eventually(t, "leases", func() bool { return len(f.Reading().Leases) == 21 })
	replace(t, target, line(1, "one"))
	waitFor(t, f, []sample.Lease{named(1, "one")})
}

func TestFollowNetworkd(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dhcp-server-lease")
	f := follow(t, 100*time.Millisecond, File{Networkd, dir})
	lease := func(n int) string {
		return fmt.Sprintf(`{"Leases":[{"Address":[192,168,1,%d],"Hostname":"n%[1]d","HardwareAddress":[82,84,0,0,0,%[1]d]}]}`, n)
	}
	mkdir(t, dir)
	waitForState(t, f, dir, true)
	write(t, filepath.Join(dir, "br-lan"), lease(1))
	write(t, filepath.Join(dir, "br-guest"), lease(2))
	write(t, filepath.Join(dir, ".#br-lanXYZ"), lease(3)) // being written
	waitFor(t, f, []sample.Lease{named(1, "n1"), named(2, "n2")})
	for _, name := range []string{"br-lan", "br-guest"} { // as networkd does when the last lease ends
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, f, nil)
	waitForState(t, f, dir, true)
}

// keaRow is a lease of Kea that ends in 2096.
func keaRow(n int, name string, lifetime int) string {
	return fmt.Sprintf("192.168.1.%d,52:54:00:00:00:%02x,,%d,4000000000,1,0,0,%s,0,,0\n", n, n, lifetime, name)
}

// TestFollowKea follows the files through a cleanup, and one that broke off.
func TestFollowKea(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kea-leases4.csv")
	write(t, file+".2", keaHeader4+keaRow(1, "previous", 3600)+keaRow(2, "previous", 3600)+keaRow(3, "previous", 3600)+keaRow(4, "previous", 3600))
	write(t, file+".1", keaHeader4+keaRow(2, "input", 3600)+keaRow(3, "input", 3600)+keaRow(4, "previous", 0))
	write(t, file, keaHeader4+keaRow(3, "base", 3600))
	write(t, file+".output", keaHeader4+keaRow(9, "output", 3600))
	f := follow(t, time.Hour, File{Kea, file})
	waitFor(t, f, []sample.Lease{named(1, "previous"), named(2, "input"), named(3, "base")})

	write(t, file+".completed", keaHeader4+keaRow(1, "completed", 3600))
	waitFor(t, f, []sample.Lease{named(1, "completed"), named(3, "base")})

	for _, suffix := range []string{".2", ".1"} {
		if err := os.Remove(file + suffix); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(file+".completed", file+".2"); err != nil {
		t.Fatal(err)
	}
	add(t, file, keaRow(5, "new", 3600))
	waitFor(t, f, []sample.Lease{named(1, "completed"), named(3, "base"), named(5, "new")})
	if got := f.Reading().Files[0]; got.BadLines != 0 || !got.Up {
		t.Errorf("state %+v", got)
	}
}

// TestFollowKeaOfAnotherService follows Kea as a service of its own user sees it,
// which systemd lets into Kea's folder: over a read-only bind mount, and a
// symbolic link that comes when Kea first starts.
func TestFollowKeaOfAnotherService(t *testing.T) {
	lib, kea := t.TempDir(), t.TempDir()
	seen, link := filepath.Join(lib, "private", "kea"), filepath.Join(lib, "kea")
	if err := os.MkdirAll(seen, 0o755); err != nil {
		t.Fatal(err)
	}
	bindReadOnly(t, kea, seen)
	late := follow(t, 100*time.Millisecond, File{Kea, filepath.Join(link, "dhcp4.leases")})
	waitForState(t, late, filepath.Join(link, "dhcp4.leases"), true)
	if err := os.Symlink("private/kea", link); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(kea, "dhcp4.leases")
	write(t, file, keaHeader4+keaRow(1, "one", 3600))
	waitFor(t, late, []sample.Lease{named(1, "one")})

	f := follow(t, time.Hour, File{Kea, filepath.Join(link, "dhcp4.leases")}) // from now on only events tell
	waitFor(t, f, []sample.Lease{named(1, "one")})
	add(t, file, keaRow(2, "two", 3600))
	waitFor(t, f, []sample.Lease{named(1, "one"), named(2, "two")})

	if err := os.Rename(file, file+".1"); err != nil { // a cleanup begins
		t.Fatal(err)
	}
	write(t, file, keaHeader4+keaRow(3, "three", 3600))
	waitFor(t, f, []sample.Lease{named(1, "one"), named(2, "two"), named(3, "three")})
	write(t, file+".completed", keaHeader4+keaRow(1, "one", 3600))
	waitFor(t, f, []sample.Lease{named(1, "one"), named(3, "three")})
}

// bindReadOnly shows a folder at another place, as BindReadOnlyPaths= does.
func bindReadOnly(t *testing.T, from, to string) {
	t.Helper()
	if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(to, unix.MNT_DETACH) })
	if err := unix.MountSetattr(unix.AT_FDCWD, to, 0, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, "file"), nil, 0o600); !errors.Is(err, unix.EROFS) {
		t.Fatalf("writing in a read-only folder: %v", err)
	}
}

func TestFollowUsualPlaces(t *testing.T) {
	dir := t.TempDir()
	before := usualPlaces
	t.Cleanup(func() { usualPlaces = before })
	usualPlaces = []string{filepath.Join(dir, "tmp", "dhcp.leases"), filepath.Join(dir, "isc", "dhcpd.leases")}
	f := follow(t, 100*time.Millisecond, File{Format: Auto})
	mkdir(t, filepath.Join(dir, "isc"))
	mkdir(t, filepath.Join(dir, "tmp"))
	write(t, usualPlaces[1], "lease 192.168.1.1 { ends never; hardware ethernet 52:54:00:00:00:01; }\n")
	waitFor(t, f, []sample.Lease{named(1, "")})
	write(t, usualPlaces[0], line(2, "two"))
	waitFor(t, f, []sample.Lease{named(1, ""), named(2, "two")})
	if got := f.Reading().Files; len(got) != 2 || got[0].Format != Dnsmasq || got[1].Format != ISC {
		t.Errorf("files %+v", got)
	}
	if err := os.RemoveAll(filepath.Join(dir, "isc")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, f, []sample.Lease{named(2, "two")}) // it came by itself and may go so
	eventually(t, "one file", func() bool { return len(f.Reading().Files) == 1 })
}

// TestUsualPlaceThatIsNamed follows a file once that is named beside the usual places.
func TestUsualPlaceThatIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dhcp.leases")
	before := usualPlaces
	t.Cleanup(func() { usualPlaces = before })
	usualPlaces = []string{path}
	write(t, path, line(1, "one"))
	f := follow(t, 100*time.Millisecond, File{Format: Auto}, File{Format: Dnsmasq, Path: path})
	waitFor(t, f, []sample.Lease{named(1, "one")})
	if got := f.Reading().Files; len(got) != 1 {
		t.Errorf("files %+v", got)
	}
}

// TestMerge has two files tell of one address, and leases end without an event.
func TestMerge(t *testing.T) {
	dir := t.TempDir()
	soon := time.Now().Add(3 * time.Second).Unix()
	write(t, filepath.Join(dir, "a"), fmt.Sprintf("%d 52:54:00:00:00:01 192.168.1.1 older *\n", soon)+
		fmt.Sprintf("%d 52:54:00:00:00:02 192.168.1.2 brief *\n", soon)+line(3, "forever"))
	write(t, filepath.Join(dir, "b"), fmt.Sprintf("%d 52:54:00:00:00:01 192.168.1.1 newer *\n", soon+1000)+
		fmt.Sprintf("%d 52:54:00:00:00:03 192.168.1.3 shorter *\n", soon))
	f := follow(t, 100*time.Millisecond, File{Dnsmasq, filepath.Join(dir, "a")}, File{Dnsmasq, filepath.Join(dir, "b")})
	waitFor(t, f, []sample.Lease{named(1, "newer"), named(2, "brief"), named(3, "forever")})
	waitFor(t, f, []sample.Lease{named(1, "newer"), named(3, "forever")})
}

func TestFaults(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	passwd := filepath.Join(dir, "passwd")
	write(t, passwd, "root:x:0:0:root:/root:/bin/bash\n")
	secret := filepath.Join(dir, "secret")
	write(t, secret, line(1, "one"))
	if err := os.Chmod(secret, 0); err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(dir, "large")
	write(t, large, line(1, "one"))
	if err := os.Truncate(large, maxFile+1); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ file, want string }{
		{pipe, "pipe is not a file; correct its path"},
		{passwd, "passwd is not a lease file of a kind known here"},
		{secret, "secret: permission denied; add the exporter's user to the group"},
		{large, "large is larger than 16 MiB"},
	} {
		s := &source{path: tt.file, target: tt.file, format: Auto}
		unprivileged(t, func() { s.refresh(time.Now()) })
		if s.err == nil || !strings.Contains(s.err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %s", tt.file, s.err, tt.want)
		}
		unprivileged(t, func() { s.refresh(time.Now()) })
		if s.err == nil {
			t.Errorf("%s: the error is gone after a second look", tt.file)
		}
	}
	s := &source{path: secret, target: secret, format: Auto}
	unprivileged(t, func() { s.refresh(time.Now()) })
	if err := os.Chmod(secret, 0o644); err != nil {
		t.Fatal(err)
	}
	unprivileged(t, func() { s.refresh(time.Now()) })
	if s.err != nil || len(s.leases) != 1 {
		t.Errorf("after the right was given: %v, leases %v", s.err, s.leases)
	}
}

// TestBarredFolder has a DHCP server installed whose folder is its own.
func TestBarredFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kea")
	mkdir(t, dir)
	if err := os.Chmod(dir, 0); err != nil {
		t.Fatal(err)
	}
	before := usualPlaces
	t.Cleanup(func() { usualPlaces = before })
	usualPlaces = []string{filepath.Join(dir, "kea-leases4.csv"), filepath.Join(dir, "kea-leases6.csv")}
	var out bytes.Buffer
	f := NewFollower([]File{{Format: Auto}}, time.Hour, slog.New(slog.NewTextHandler(&out, nil)))
	f.watches = &watches{}
	unprivileged(t, func() { f.refresh(); f.refresh() })
	if got := f.Reading().Files; len(got) != 1 || got[0].Up || !strings.Contains(got[0].Err.Error(), "CAP_DAC_READ_SEARCH") {
		t.Errorf("files %+v", got)
	}
	if got := strings.Count(out.String(), "\n"); got != 1 {
		t.Errorf("%d messages:\n%s", got, out.String())
	}
}

// unprivileged runs fn without root's right to read everything.
func unprivileged(t *testing.T, fn func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // the thread ends with the goroutine
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		err := unix.Capset(&header, &none[0])
		if err == nil {
			fn()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestTrustworthy(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "dhcp.leases")
	write(t, file, "")
	for _, tt := range []struct {
		name string
		mode os.FileMode
		uid  int
		want bool
	}{
		{"folder of root", 0o755, 1000, true},
		{"system account in a shared folder", 0o777 | os.ModeSticky, 0, true},
		{"person in a shared folder", 0o777 | os.ModeSticky, 1000, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.Chmod(dir, tt.mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chown(file, tt.uid, -1); err != nil {
				t.Skipf("needs root: %v", err)
			}
			if got := trustworthy(file); got != tt.want {
				t.Errorf("trustworthy is %v", got)
			}
		})
	}
}

// TestLogIsQuiet has a file stay as it is, badly.
func TestLogIsQuiet(t *testing.T) {
	file := filepath.Join(t.TempDir(), "dnsmasq.leases")
	write(t, file, "nonsense\n")
	var out bytes.Buffer
	f := NewFollower([]File{{Dnsmasq, file}, {Auto, file}}, time.Hour, slog.New(slog.NewTextHandler(&out, nil)))
	f.watches = openWatches(slog.New(slog.NewTextHandler(io.Discard, nil)), time.Hour)
	defer f.watches.close()
	for range 5 {
		f.markStale(func(*source) bool { return true })
		f.refresh()
	}
	if got := strings.Count(out.String(), "\n"); got != 2 {
		t.Errorf("%d messages, want one for each file:\n%s", got, out.String())
	}
	if got := f.Reading().Files; got[0].BadLines != 1 || !got[0].Up || got[1].Up {
		t.Errorf("files %+v", got)
	}
}

// BenchmarkIdle is a look at the usual places of a router without DHCP server.
func BenchmarkIdle(b *testing.B) {
	f := NewFollower([]File{{Format: Auto}}, time.Hour, slog.New(slog.NewTextHandler(io.Discard, nil)))
	f.watches = openWatches(slog.New(slog.NewTextHandler(io.Discard, nil)), time.Hour)
	defer f.watches.close()
	b.ReportAllocs()
	for b.Loop() {
		f.refresh()
	}
}
