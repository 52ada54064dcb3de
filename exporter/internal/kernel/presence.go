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

const (
	// maxPresence bounds each list of a reading. The kernel's own bound of the
	// neighbour table is gc_thresh3, 1,024 by default; a bridge has none.
	maxPresence = 65536

	// userTick is the unit of nda_cacheinfo: USER_HZ is 100 on every
	// architecture Go runs on.
	userTick = time.Second / 100

	ndmsgLen = 12 // struct ndmsg: family, pad, ifindex, state, flags, type
)

// Presence reads the neighbour tables (ARP, NDP) and the bridges' forwarding
// tables of one network namespace. It needs no capability.
type Presence struct{ netlink *dumper }

// OpenPresence opens the tables of the calling thread's network namespace.
func OpenPresence() (*Presence, error) {
	d, err := openDumper(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open neighbour table: %w", err)
	}
	return &Presence{netlink: d}, nil
}

// Close closes the socket.
func (p *Presence) Close() error { return p.netlink.Close() }

// Read reads the neighbours on the LAN links, and the stations that their
// bridges learned. Neither says more than that a MAC was there Age ago; what
// that means is for the registry to decide.
func (p *Presence) Read(lan []sample.Link) (sample.Presence, error) {
	links := make(map[int]*sample.Link, len(lan))
	for i := range lan {
		links[lan[i].Index] = &lan[i]
	}
	reachable, err := p.readReachableTimes()
	if err != nil {
		return sample.Presence{}, fmt.Errorf("read neighbour parameters: %w", err)
	}
	var s sample.Presence
	err = p.eachNeigh(unix.AF_UNSPEC, func(n neigh) {
		link := links[n.ifindex]
		if link == nil || len(s.Neighbours) == maxPresence || !n.isClient() || slices.Contains(link.Addrs, n.addr) {
			return
		}
		age, confirmed := n.confirmation(reachable.of(n))
		s.Neighbours = append(s.Neighbours, sample.Neighbour{
			Interface: link.Name, Addr: n.addr, MAC: n.mac, Confirmed: confirmed, Age: age,
		})
	})
	if err != nil {
		return sample.Presence{}, fmt.Errorf("read neighbour table: %w", err)
	}
	err = p.eachNeigh(unix.AF_BRIDGE, func(n neigh) {
		if links[n.master] != nil && len(s.Stations) < maxPresence && n.isStation() {
			s.Stations = append(s.Stations, sample.Station{MAC: n.mac, Age: n.updated})
		}
	})
	if err != nil {
		return sample.Presence{}, fmt.Errorf("read bridge forwarding table: %w", err)
	}
	return s, nil
}

// neigh is an entry of a neighbour table or of a bridge's forwarding table.
type neigh struct {
	family    uint8
	ifindex   int
	state     uint16 // unix.NUD_…
	addr      netip.Addr
	mac       sample.MAC
	master    int           // the bridge
	confirmed time.Duration // ago
	updated   time.Duration // ago
}

// isClient leaves out what has no MAC (INCOMPLETE and FAILED entries, links
// without a link header) and what is no single host.
func (n neigh) isClient() bool {
	return !n.mac.IsZero() && !n.mac.IsGroup() && n.addr.IsValid() && !n.addr.IsMulticast() && !n.addr.IsUnspecified()
}

// isStation leaves out the ports' own addresses, which the bridge shows as
// PERMANENT, and what somebody configured, shown as NOARP (fdb_to_nud,
// net/bridge/br_fdb.c). What remains was learned from the source address of a
// frame; updated is the time of the last one (br_fdb_update).
func (n neigh) isStation() bool {
	return !n.mac.IsZero() && !n.mac.IsGroup() && n.state&(unix.NUD_PERMANENT|unix.NUD_NOARP) == 0
}

// confirmation tells whether and when the kernel last had proof that the MAC
// answers for the address, by net/core/neighbour.c:
//
//   - REACHABLE was confirmed, by an answer to the router's own request or by a
//     connection of its own that made progress (neigh_confirm).
//   - STALE is either what was REACHABLE until its time ran out, at most 1.5
//     times base_reachable_time after the confirmation; or what somebody's ARP
//     request or neighbour solicitation claimed (neigh_event_ns). A claim needs
//     no proof and replaces the MAC that was known before. Only for a claim
//     __neigh_update sets confirmed back to 2 times base_reachable_time before
//     updated: that distance tells the two apart.
//   - DELAY and PROBE doubt a STALE entry for a few seconds and end REACHABLE or
//     FAILED. They move updated, so most are no proof until they are decided.
//   - PERMANENT and NOARP were configured and are never tested.
//   - INCOMPLETE and FAILED never count, whatever confirmed says: a new entry
//     starts with an invented one (___neigh_create).
func (n neigh) confirmation(baseReachable time.Duration) (age time.Duration, ok bool) {
	switch n.state {
	case unix.NUD_REACHABLE:
		return n.confirmed, true
	case unix.NUD_STALE, unix.NUD_DELAY, unix.NUD_PROBE:
		return n.confirmed, n.confirmed-n.updated < baseReachable*7/4
	}
	return n.confirmed, false
}

func (p *Presence) eachNeigh(family byte, fn func(neigh)) error {
	req := netlink.Message{
		Header: netlink.Header{Type: unix.RTM_GETNEIGH, Flags: netlink.Dump},
		Data:   make([]byte, ndmsgLen),
	}
	req.Data[0] = family
	// An interrupted dump is as good: entries come and go, and the next reading
	// is seconds away.
	_, err := p.netlink.dump(req, func(data []byte) error {
		if len(data) < ndmsgLen {
			return errMalformed
		}
		fn(parseNeigh(data))
		return nil
	})
	return err
}

func parseNeigh(b []byte) neigh {
	n := neigh{
		family:  b[0],
		ifindex: int(int32(binary.NativeEndian.Uint32(b[4:]))),
		state:   binary.NativeEndian.Uint16(b[8:]),
	}
	for typ, value := range attrs(b[ndmsgLen:]) {
		switch {
		case typ == unix.NDA_DST:
			n.addr, _ = netip.AddrFromSlice(value)
		case typ == unix.NDA_LLADDR && len(value) == len(n.mac):
			n.mac = sample.MAC(value)
		case typ == unix.NDA_MASTER && len(value) == 4:
			n.master = int(binary.NativeEndian.Uint32(value))
		case typ == unix.NDA_CACHEINFO && len(value) >= 12: // confirmed, used, updated, refcnt
			n.confirmed = ago(binary.NativeEndian.Uint32(value))
			n.updated = ago(binary.NativeEndian.Uint32(value[8:]))
		}
	}
	return n
}

// ago converts a stamp's age. The kernel looks at its clock before it looks at
// the stamp, which a packet may renew in between: the age is then below zero,
// and arrives as a number that stands for some 247 days.
func ago(ticks uint32) time.Duration {
	if age := time.Duration(ticks) * userTick; age < 240*24*time.Hour {
		return age
	}
	return 0
}
