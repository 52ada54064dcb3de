package kernel

import (
	"os"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// isolate moves the test into a fresh network namespace. The goroutine stays on
// its thread, and the runtime ends that thread with the test, so nothing needs
// to be put back. Subtests run on other threads: isolate each or use none.
func isolate(t testing.TB) {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatalf("create network namespace: %v (these tests need root, or a user namespace: unshare -Urn)", err)
	}
}

// namespace is a second network namespace beside the test's own.
type namespace struct {
	file *os.File
	work chan func()
}

// currentNamespace is a handle on the test's own namespace.
func currentNamespace(t testing.TB) *os.File {
	t.Helper()
	f, err := os.Open("/proc/thread-self/ns/net")
	must(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// newNamespace makes a namespace that lives as long as the test.
func newNamespace(t testing.TB) *namespace {
	t.Helper()
	ns := &namespace{work: make(chan func())}
	opened := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			ns.file, err = os.Open("/proc/thread-self/ns/net")
		}
		opened <- err
		for fn := range ns.work {
			fn()
		}
	}()
	if err := <-opened; err != nil {
		t.Fatalf("create network namespace: %v", err)
	}
	t.Cleanup(func() {
		close(ns.work)
		_ = ns.file.Close()
	})
	return ns
}

// do runs fn on a thread inside the namespace; fn must not call t.Fatal.
func (ns *namespace) do(fn func()) {
	done := make(chan struct{})
	ns.work <- func() { defer close(done); fn() }
	<-done
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// addAddrs gives addresses to a link, IPv6 without duplicate address detection.
func addAddrs(t testing.TB, link netlink.Link, prefixes ...string) {
	t.Helper()
	for _, p := range prefixes {
		must(t, addAddr(link.Attrs().Name, p))
	}
}

func addAddr(device, prefix string) error {
	link, err := netlink.LinkByName(device)
	if err != nil {
		return err
	}
	addr, err := netlink.ParseAddr(prefix)
	if err != nil {
		return err
	}
	addr.Flags = unix.IFA_F_NODAD
	return netlink.AddrAdd(link, addr)
}

func setLink(device string, up bool) error {
	link, err := netlink.LinkByName(device)
	if err != nil {
		return err
	}
	if up {
		return netlink.LinkSetUp(link)
	}
	return netlink.LinkSetDown(link)
}
