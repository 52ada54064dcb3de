package kernel

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/sample"
)

const ifaddrmsgLen = 8 // struct ifaddrmsg: family, prefix length, flags, scope, ifindex

// UplinkAge tells how long ago the oldest of a WAN interface's addresses was given
// to it: as good as when the connection came up, for PPP and DHCP clients take the
// addresses of a lost one away. It is 0 for one without addresses, and off by what
// the kernel's ticks are apart from its clock, a fraction of a second.
func UplinkAge(l sample.Uplink) (age time.Duration, err error) {
	d, err := openDumper(unix.NETLINK_ROUTE)
	if err != nil {
		return 0, fmt.Errorf("read age of addresses: %w", err)
	}
	defer d.Close()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return 0, fmt.Errorf("read age of addresses: %w", err)
	}
	req := netlink.Message{
		Header: netlink.Header{Type: unix.RTM_GETADDR, Flags: netlink.Dump},
		Data:   make([]byte, ifaddrmsgLen),
	}
	_, err = d.dump(req, func(data []byte) error {
		if len(data) < ifaddrmsgLen {
			return errMalformed
		}
		addr, made := parseAddrStamp(data)
		if int(binary.NativeEndian.Uint32(data[4:])) == l.Index && slices.Contains(l.Addrs, addr) {
			age = max(age, ago(uint32(now.Nano()/int64(userTick))-made))
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("read age of addresses: %w", err)
	}
	return age, nil
}

// parseAddrStamp reads an address and when it was given, in hundredths of a second
// since boot (put_cacheinfo, net/ipv4/devinet.c and net/ipv6/addrconf.c). On a
// point-to-point link IFA_ADDRESS is the other end's.
func parseAddrStamp(b []byte) (addr netip.Addr, made uint32) {
	local := false
	for typ, value := range attrs(b[ifaddrmsgLen:]) {
		switch {
		case typ == unix.IFA_LOCAL:
			addr, local = netip.AddrFromSlice(value)
		case typ == unix.IFA_ADDRESS && !local:
			addr, _ = netip.AddrFromSlice(value)
		case typ == unix.IFA_CACHEINFO && len(value) >= unix.SizeofIfaCacheinfo: // preferred, valid, created, updated
			made = binary.NativeEndian.Uint32(value[8:])
		}
	}
	return addr, made
}
