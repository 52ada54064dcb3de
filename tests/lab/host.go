package lab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Host is a machine of the lab: the router, the internet host or a client. Each
// has a network namespace, which lives until Close or until its last socket and
// process are gone.
type Host struct {
	Name string
	LAN  string // bridge a client is attached to; empty for the router and the internet
	MAC  net.HardwareAddr
	IPv4 netip.Addr
	IPv6 netip.Addr

	ns      netns.NsHandle
	gateway net.HardwareAddr // of the router's bridge, for Spoof
}

// Do runs fn on an operating system thread that is inside the host's network
// namespace. Sockets that fn opens stay in that namespace wherever they are used
// later. fn runs on a goroutine of its own: it must not call t.Fatal, and
// goroutines it starts are in the router's namespace again.
func (h *Host) Do(fn func() error) error {
	done := make(chan error, 1)
	go func() {
		// Never unlocked: the thread ends with the goroutine, so that no other
		// code ever runs in the wrong namespace.
		runtime.LockOSThread()
		if err := netns.Set(h.ns); err != nil {
			done <- fmt.Errorf("enter namespace of %s: %w", h.Name, err)
			return
		}
		done <- fn()
	}()
	return <-done
}

// Exec runs a command inside the host's namespace and gives what it printed, on
// standard output and standard error together.
func (h *Host) Exec(ctx context.Context, name string, args ...string) ([]byte, error) {
	path, err := lookTool(name)
	if err != nil {
		return nil, err
	}
	var out []byte
	err = h.Do(func() (err error) {
		out, err = exec.CommandContext(ctx, path, args...).CombinedOutput()
		return err
	})
	if err != nil {
		return out, fmt.Errorf("%s on %s: %w: %s", name, h.Name, err, out)
	}
	return out, nil
}

// Addr gives the host's address of one family.
func (h *Host) Addr(f Family) netip.Addr {
	if f == IPv6 {
		return h.IPv6
	}
	return h.IPv4
}

// newHost makes an empty namespace with loopback up.
func newHost(name string) (*Host, error) {
	h := &Host{Name: name}
	made := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // as in Do
		made <- h.unshare()
	}()
	if err := <-made; err != nil {
		return nil, fmt.Errorf("make host %s: %w", name, err)
	}
	return h, nil
}

func (h *Host) unshare() (err error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("unshare network: %w", err)
	}
	if h.ns, err = netns.Get(); err != nil {
		return fmt.Errorf("open namespace: %w", err)
	}
	if err := loopbackUp(); err != nil {
		return err
	}
	return setSysctls(endHostSysctls)
}

// endHostSysctls make addresses usable at once (no duplicate address detection)
// and keep the host from asking for router advertisements nobody sends. Without
// selective acknowledgements all headers of a connection have the same length,
// so that TCP_INFO gives the bytes to the last one.
var endHostSysctls = map[string]string{
	"ipv6/conf/default/accept_dad": "0",
	"ipv6/conf/default/accept_ra":  "0",
	"ipv4/conf/all/rp_filter":      "0",
	"ipv4/conf/default/rp_filter":  "0",
	"ipv4/tcp_sack":                "0",
}

// routerSysctls make a namespace forward. Reverse path filtering is off so that
// a test decides itself what becomes of forged sources.
var routerSysctls = map[string]string{
	"ipv4/ip_forward":              "1",
	"ipv6/conf/all/forwarding":     "1",
	"ipv6/conf/default/forwarding": "1",
	"ipv6/conf/default/accept_dad": "0",
	"ipv4/conf/all/rp_filter":      "0",
	"ipv4/conf/default/rp_filter":  "0",
}

// setSysctls writes net.* settings of the calling thread's namespace.
func setSysctls(values map[string]string) error {
	for key, value := range values {
		if err := os.WriteFile("/proc/sys/net/"+key, []byte(value), 0); err != nil {
			return fmt.Errorf("set sysctl: %w", err)
		}
	}
	return nil
}

func loopbackUp() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find loopback: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("bring loopback up: %w", err)
	}
	return nil
}
