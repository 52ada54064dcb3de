package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/vishvananda/netlink"

	"router-monitoring/tests/lab"
)

// The line's speed, in bytes per second, and the bytes that its ends hold back
// while it is full: a quarter of a second, as modems without a fair queue do.
const (
	lineDown, lineUp   = 24e6 / 8, 6e6 / 8
	queueDown, queueUp = lineDown / 4, lineUp / 4
)

// far is an address on the internet that takes a while to answer probes, and
// leaves out a share of them.
type far struct {
	addr  string
	delay time.Duration
	loss  float64
}

var fars = []far{
	{"198.51.100.1", 9 * time.Millisecond, 0},
	{"198.51.100.53", 21 * time.Millisecond, 0.03},
}

// targetNames are the probes' targets. The one with IPv6 is next door.
func targetNames() (names []string) {
	for _, f := range fars {
		names = append(names, f.addr)
	}
	return append(names, "2001:db8:ffff::1")
}

// startLine makes the line as slow as lines are, and the internet as far away.
func (h *house) startLine(context.Context) error {
	// Without it nobody may open the sockets that probes are sent from.
	if err := os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte("0 0"), 0); err != nil {
		return err
	}
	if err := slow(lab.WAN, lineUp, queueUp); err != nil {
		return err
	}
	return h.Internet.Do(func() error {
		if err := os.WriteFile("/proc/sys/net/ipv4/icmp_echo_ignore_all", []byte("1"), 0); err != nil {
			return err
		}
		for _, f := range fars {
			if err := f.open(); err != nil {
				return fmt.Errorf("answer probes of %s: %w", f.addr, err)
			}
		}
		return slow("eth0", lineDown, queueDown)
	})
}

// slow lets an interface send no faster than that.
func slow(name string, rate, queue uint32) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find %s: %w", name, err)
	}
	const burst = 6000 // bytes
	attrs := netlink.QdiscAttrs{LinkIndex: link.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT}
	tbf := &netlink.Tbf{QdiscAttrs: attrs, Rate: uint64(rate), Limit: queue, Buffer: netlink.Xmittime(uint64(rate), burst)}
	if err := netlink.QdiscReplace(tbf); err != nil {
		return fmt.Errorf("slow %s down: %w", name, err)
	}
	return nil
}

// open gives this host the address, and answers probes of it.
func (f far) open() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	addr := netip.MustParseAddr(f.addr)
	if err := netlink.AddrAdd(lo, &netlink.Addr{IPNet: &net.IPNet{IP: addr.AsSlice(), Mask: net.CIDRMask(32, 32)}}); err != nil {
		return err
	}
	conn, err := net.ListenPacket("ip4:icmp", f.addr)
	if err != nil {
		return err
	}
	go f.answer(conn)
	return nil
}

// answer makes echo replies (type 0) of echo requests (type 8, RFC 792), which
// adds 0x800 to the checksum.
func (f far) answer(conn net.PacketConn) {
	for {
		b := make([]byte, 1500)
		n, from, err := conn.ReadFrom(b)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil || n < 8 || b[0] != 8 || rand.Float64() < f.loss:
			continue
		}
		sum := uint32(b[2])<<8 + uint32(b[3]) + 0x800
		sum += sum >> 16
		b[0], b[2], b[3] = 0, byte(sum>>8), byte(sum)
		jitter := time.Duration(rand.Int64N(int64(f.delay) / 4))
		time.AfterFunc(f.delay+jitter, func() { _, _ = conn.WriteTo(b[:n], from) })
	}
}
