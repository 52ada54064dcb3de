package kernel

import (
	"encoding/binary"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Attributes of RTM_NEWNEIGHTBL, include/uapi/linux/neighbour.h.
const (
	ndtaParms              = 6
	ndtpaIfindex           = 1 // inside NDTA_PARMS
	ndtpaBaseReachableTime = 4 // milliseconds

	ndtmsgLen = 4 // struct ndtmsg: family, pad
)

// defaultReachable is the kernel's default of base_reachable_time.
const defaultReachable = 30 * time.Second

// reachableTimes holds base_reachable_time, which every link may have changed
// for IPv4 and IPv6.
type reachableTimes map[reachableKey]time.Duration

type reachableKey struct {
	family  uint8
	ifindex int
}

func (r reachableTimes) of(n neigh) time.Duration {
	if t, ok := r[reachableKey{n.family, n.ifindex}]; ok {
		return t
	}
	return defaultReachable
}

// readReachableTimes asks over netlink and not in /proc/sys, which a hardened
// service may not see.
func (p *Presence) readReachableTimes() (reachableTimes, error) {
	times := reachableTimes{}
	req := netlink.Message{
		Header: netlink.Header{Type: unix.RTM_GETNEIGHTBL, Flags: netlink.Dump},
		Data:   make([]byte, ndtmsgLen),
	}
	_, err := p.netlink.dump(req, func(data []byte) error {
		if len(data) < ndtmsgLen {
			return errMalformed
		}
		for typ, value := range attrs(data[ndtmsgLen:]) {
			if typ == ndtaParms {
				times.add(data[0], value)
			}
		}
		return nil
	})
	return times, err
}

func (r reachableTimes) add(family uint8, parms []byte) {
	key := reachableKey{family: family}
	var base time.Duration
	for typ, value := range attrs(parms) {
		switch {
		case typ == ndtpaIfindex && len(value) == 4:
			key.ifindex = int(binary.NativeEndian.Uint32(value))
		case typ == ndtpaBaseReachableTime && len(value) == 8:
			base = time.Duration(binary.NativeEndian.Uint64(value)) * time.Millisecond
		}
	}
	if key.ifindex != 0 && base > 0 {
		r[key] = base
	}
}
