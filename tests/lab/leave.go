package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Joined gives the names of those of the profile's clients that have joined.
func Joined(p Profile) (names []string) {
	for _, c := range p.Clients {
		if ns, err := netns.GetFromName(c.Name); err == nil {
			_ = ns.Close()
			names = append(names, c.Name)
		}
	}
	return names
}

// Leave takes the profile's clients off the network: they give their leases back,
// then their namespaces go. Those that have not joined are no error.
func Leave(p Profile) error {
	var failed error
	for _, c := range p.Clients {
		ns, err := netns.GetFromName(c.Name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			h := &Host{Name: c.Name, ns: ns}
			err = h.leave()
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("leave %s: %w", c.Name, err))
		}
	}
	return failed
}

// leave ends what runs in the host's namespace, its DHCP client above all, and
// removes the interface, which would block its MAC for as long as somebody holds
// the namespace.
func (h *Host) leave() error {
	defer h.ns.Close()
	if err := h.endProcesses(); err != nil {
		return err
	}
	handle, err := netlink.NewHandleAt(h.ns, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	defer handle.Close()
	if eth0, err := handle.LinkByName("eth0"); err == nil {
		waitForNeighbours(handle, eth0)
		if err := handle.LinkDel(eth0); err != nil {
			return fmt.Errorf("remove eth0: %w", err)
		}
	}
	if err := netns.DeleteNamed(h.Name); err != nil {
		return fmt.Errorf("remove namespace: %w", err)
	}
	return nil
}

// waitForNeighbours waits a while for the MAC of the DHCP server, without which
// the release does not leave.
func waitForNeighbours(handle *netlink.Handle, link netlink.Link) {
	for range 50 {
		neighbours, _ := handle.NeighList(link.Attrs().Index, unix.AF_INET)
		if !slices.ContainsFunc(neighbours, func(n netlink.Neigh) bool { return n.State == unix.NUD_INCOMPLETE }) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// endProcesses asks every process in the host's namespace to end and waits.
func (h *Host) endProcesses() error {
	told := map[int]bool{}
	for deadline := time.Now().Add(closeTimeout); ; time.Sleep(20 * time.Millisecond) {
		pids, err := h.processes()
		switch {
		case err != nil || len(pids) == 0:
			return err
		case time.Now().After(deadline):
			return fmt.Errorf("processes %v do not end", pids)
		}
		for _, pid := range pids {
			if !told[pid] {
				_ = syscall.Kill(pid, syscall.SIGTERM)
			}
			told[pid] = true
		}
	}
}

// processes finds those whose main thread is in the host's namespace.
func (h *Host) processes() (pids []int, err error) {
	own, err := os.Stat(fmt.Sprintf("/proc/self/fd/%d", h.ns))
	if err != nil {
		return nil, err
	}
	links, err := filepath.Glob("/proc/[0-9]*/ns/net")
	if err != nil {
		return nil, err
	}
	for _, link := range links {
		other, err := os.Stat(link)
		if err != nil || !os.SameFile(own, other) {
			continue // in another namespace, or gone
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(link))))
		if err != nil {
			return nil, err
		}
		pids = append(pids, pid)
	}
	return pids, nil
}
