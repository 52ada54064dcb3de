package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/promslog"
	"golang.org/x/sys/unix"
)

// systemd is the socket on which the service manager hears how services are.
type systemd struct{ *net.UnixConn }

// listenAsSystemd has all programs started from now on tell the test.
func listenAsSystemd(t *testing.T, watchdog time.Duration) systemd {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	if watchdog > 0 {
		t.Setenv("WATCHDOG_USEC", strconv.FormatInt(watchdog.Microseconds(), 10))
	}
	return systemd{conn}
}

// message is what a service tells at once: assignments by name.
type message map[string]string

// next waits for a message; nil if there is none in time.
func (s systemd) next(t *testing.T, within time.Duration) message {
	t.Helper()
	if err := s.SetReadDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 4096)
	n, err := s.Read(text)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	m := message{}
	for line := range strings.Lines(string(text[:n])) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		m[name] = value
	}
	return m
}

// expect waits for the next message and checks that it is of a kind. A mere
// status, which comes every minute, does not count.
func (s systemd) expect(t *testing.T, kind string) message {
	t.Helper()
	m := s.next(t, time.Minute)
	for m["STATUS"] != "" && len(m) == 1 {
		m = s.next(t, time.Minute)
	}
	if m[kind] != "1" {
		t.Fatalf("systemd was told %v, want %s", m, kind)
	}
	return m
}

// await waits for a message that says this, past others.
func (s systemd) await(t *testing.T, name, value string) time.Duration {
	t.Helper()
	return eventually(t, name+"="+value+" is told", func() bool { return s.next(t, time.Second)[name] == value })
}

// TestSystemd has systemd start, reload and stop the exporter.
func TestSystemd(t *testing.T) {
	l := newLab(t)
	manager := listenAsSystemd(t, 0)
	s := newService(t, householdConfig(l))
	s.launch(t)
	status := manager.expect(t, "READY")["STATUS"]
	s.scrape(t) // at once, not eventually
	if !regexp.MustCompile(`^counting [2-9] clients on br-guest, br-lan, \d online$`).MatchString(status) {
		t.Errorf("status %q", status)
	}
	hangup := func() (ready message) {
		t.Helper()
		before := monotonic(t)
		if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		at, err := strconv.ParseInt(manager.expect(t, "RELOADING")["MONOTONIC_USEC"], 10, 64)
		if err != nil || at < before || at > monotonic(t) {
			t.Errorf("reloading since %d µs, %v; the signal was sent after %d µs", at, err, before)
		}
		return manager.expect(t, "READY")
	}
	for i := range 5 {
		table := fmt.Sprintf("table%d", i) // which takes the kernel a moment
		s.configure(t, fmt.Sprintf("%saccounting: {table: %s}\n", householdConfig(l), table))
		hangup()
		if s.scrape(t).value("network_exporter_accounting_info", "table", table) != 1 {
			t.Fatal("reloaded, but the new configuration is not in force")
		}
	}
	s.configure(t, "nonsense: true\n")
	if status := hangup()["STATUS"]; !strings.HasSuffix(status, "the new configuration is not valid, the old one stays in force") {
		t.Errorf("after a bad configuration the status is %q", status)
	}
	s.terminate(t)
	manager.expect(t, "STOPPING")
}

// monotonic reads the clock of systemd's time stamps, in microseconds.
func monotonic(t *testing.T) int64 {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	return now.Nano() / 1000
}

// TestSocketActivation has systemd listen for the exporter, on two sockets.
func TestSocketActivation(t *testing.T) {
	newLab(t)
	manager := listenAsSystemd(t, 0)
	s := newService(t, "update_interval: 1s\n")
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=2 exec "$@"`, "sh", program, "--config.file="+s.file, "--web.systemd-socket")
	cmd.Env = append(os.Environ(), beExporter+"=1", "STATE_DIRECTORY="+s.state)
	cmd.Stderr = os.Stderr
	var addresses []string
	for range 2 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		file, err := listener.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		listener.Close()
		defer file.Close()
		addresses, cmd.ExtraFiles = append(addresses, listener.Addr().String()), append(cmd.ExtraFiles, file)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.cmd = cmd
	manager.expect(t, "READY")
	for _, address := range addresses {
		s.address = "http://" + address
		s.scrape(t)
	}
	s.terminate(t)
	manager.expect(t, "STOPPING")
}

// TestWatchdog has the exporter hang, and go on, at a log that nobody reads.
func TestWatchdog(t *testing.T) {
	l := newLab(t)
	const watchdog = time.Second
	manager := listenAsSystemd(t, watchdog)
	s := newService(t, householdConfig(l))
	log := newUnreadLog(t)
	s.log = log.path
	s.launch(t)
	manager.expect(t, "READY")
	for range 3 {
		manager.await(t, "WATCHDOG", "1")
	}
	log.clog(t)
	if out, err := l.Router.Exec(t.Context(), "ip", "addr", "add", "192.168.7.1/24", "dev", "br-lan"); err != nil { // which the exporter logs
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("known to hang after %v", manager.await(t, "STATUS", "following the network hangs"))
	if m := manager.next(t, 3*watchdog); m != nil {
		t.Errorf("told %v", m)
	}
	log.drain(t)
	t.Logf("well again after %v", manager.await(t, "WATCHDOG", "1"))
	s.terminate(t)
}

// unreadLog is a pipe whose other end the test holds and seldom reads.
type unreadLog struct {
	path string
	fd   int
}

func newUnreadLog(t *testing.T) unreadLog {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unix.Close(fd)
		os.Remove(path)
	})
	return unreadLog{path, fd}
}

// clog fills the pipe, so that the next to write waits.
func (l unreadLog) clog(t *testing.T) {
	t.Helper()
	for {
		if _, err := unix.Write(l.fd, []byte{'.'}); err != nil {
			if !errors.Is(err, unix.EAGAIN) {
				t.Fatal(err)
			}
			return
		}
	}
}

// drain reads all there is until the test ends.
func (l unreadLog) drain(t *testing.T) {
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for buf := make([]byte, 4096); ; time.Sleep(10 * time.Millisecond) {
			select {
			case <-stop:
				return
			default:
				_, _ = unix.Read(l.fd, buf)
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-done })
}

// TestWatchdogOfAStuckState has the status never come, as where somebody holds
// what everybody needs.
func TestWatchdogOfAStuckState(t *testing.T) {
	manager := listenAsSystemd(t, 20*time.Millisecond)
	held := make(chan struct{})
	n := &notifier{
		status: func() string { <-held; return "well" },
		stuck:  func(time.Duration) string { return "" },
		log:    promslog.NewNopLogger(),
	}
	go n.feed(t.Context())
	if m := manager.next(t, 500*time.Millisecond); m != nil {
		t.Errorf("told %v", m)
	}
	close(held)
	manager.expect(t, "WATCHDOG")
}

// TestNoSystemd has nobody ask how the exporter is, and somebody who is gone.
func TestNoSystemd(t *testing.T) {
	var log strings.Builder
	n := &notifier{status: func() string { return "" }, log: promslog.New(&promslog.Config{Writer: &log})}
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "nonsense")
	n.ready()
	n.feed(t.Context()) // returns at once
	if log.Len() > 0 {
		t.Errorf("logged without systemd:\n%s", log.String())
	}
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "gone"))
	n.ready()
	n.reloading()
	if got := strings.Count(log.String(), "systemd cannot be told"); got != 1 {
		t.Errorf("%d complaints:\n%s", got, log.String())
	}
}
