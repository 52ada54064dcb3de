package lab

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

//go:embed udhcpc.sh
var leaseScript []byte

// writeLeaseScript writes the script that DHCP clients call as long as they run.
// Not below /run, which is mounted noexec on many machines.
func writeLeaseScript() (path string, err error) {
	f, err := os.CreateTemp("", "lab-udhcpc-*.sh")
	if err != nil {
		return "", fmt.Errorf("write script for udhcpc: %w", err)
	}
	_, err = f.Write(leaseScript)
	if err = errors.Join(err, f.Chmod(0o755), f.Close()); err != nil {
		return "", fmt.Errorf("write script for udhcpc: %w", err)
	}
	return f.Name(), nil
}

// leaseTimeout is how long a busy server may take: dnsmasq pings an address for
// three seconds before it offers it, and does nothing else meanwhile.
const leaseTimeout = time.Minute

// lease starts the host's DHCP client, which stays in the background once it has
// a lease: it renews it, at once on SIGUSR1, and gives it back on SIGUSR2 or when
// it is told to end. A host that gets none leaves.
func (h *Host) lease(ctx context.Context, script string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, leaseTimeout, fmt.Errorf("none came in %s", leaseTimeout))
	defer cancel()
	_, err := h.Exec(ctx, "busybox", "udhcpc", "-i", "eth0", "-s", script, "-x", "hostname:"+h.Name,
		"-t", "5", "-T", "2", "-A", "1", "-R")
	if err == nil {
		err = h.findLease()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("get a lease: %w", errors.Join(context.Cause(ctx), err)), h.leave())
	}
	return nil
}

// findLease looks up the address that the DHCP client has set.
func (h *Host) findLease() error {
	handle, err := netlink.NewHandleAt(h.ns, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	defer handle.Close()
	eth0, err := handle.LinkByName("eth0")
	if err != nil {
		return fmt.Errorf("find eth0: %w", err)
	}
	addrs, err := handle.AddrList(eth0, unix.AF_INET)
	if err != nil {
		return fmt.Errorf("list addresses: %w", err)
	}
	if len(addrs) == 0 {
		return errors.New("its DHCP client holds no lease; `lab leave` removes it, so that it can join anew")
	}
	h.IPv4, _ = netip.AddrFromSlice(addrs[0].IP.To4())
	return nil
}
