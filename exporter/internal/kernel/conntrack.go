package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/sample"
)

// Messages and attributes of include/uapi/linux/netfilter/nfnetlink_conntrack.h.
const (
	ctMsgGet      = unix.NFNL_SUBSYS_CTNETLINK<<8 | 1 // IPCTNL_MSG_CT_GET
	ctMsgGetStats = unix.NFNL_SUBSYS_CTNETLINK<<8 | 5 // IPCTNL_MSG_CT_GET_STATS

	ctaTupleOrig  = 1
	ctaTupleReply = 2
	ctaTupleIP    = 1 // inside CTA_TUPLE_ORIG and CTA_TUPLE_REPLY
	ctaTupleProto = 2
	ctaIPv4Src    = 1 // inside CTA_TUPLE_IP
	ctaIPv6Src    = 3
	ctaProtoNum   = 1 // inside CTA_TUPLE_PROTO

	ctaStatsGlobalEntries    = 1
	ctaStatsGlobalMaxEntries = 2
)

const nfgenmsgLen = 4 // struct nfgenmsg: family, version, resource id

// Conntrack reads the connection tracking table of one network namespace. It
// needs CAP_NET_ADMIN in the user namespace that owns the network namespace. It
// is for one goroutine at a time.
type Conntrack struct {
	netlink *dumper
	clients int // seen by the last dump, to size the next map
}

// OpenConntrack opens the table of the calling thread's network namespace.
func OpenConntrack() (*Conntrack, error) {
	d, err := openDumper(unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("open conntrack: %w", conntrackRemedy(err))
	}
	return &Conntrack{netlink: d}, nil
}

// Close closes the socket.
func (c *Conntrack) Close() error { return c.netlink.Close() }

// Read counts the tracked connections of the addresses that isClient accepts.
//
// A dump that fails half-way is tried once more on a new socket and then
// reported as an error: half a table would look like half the connections gone.
// One that the kernel only flags as interrupted is tried once more and then
// taken: it reached the table's end, and on a busy router the next would be
// flagged as well. (ctnetlink_dump_table never flags one so far; connections
// that come and go during the dump are in it or not, as in any dump.)
func (c *Conntrack) Read(isClient func(netip.Addr) bool) (sample.Connections, error) {
	byAddr, dumped, interrupted, err := c.dump(isClient)
	if interrupted || err != nil && !errors.Is(err, unix.EPERM) {
		byAddr, dumped, _, err = c.dump(isClient)
	}
	if err != nil {
		return sample.Connections{}, fmt.Errorf("read conntrack: %w", conntrackRemedy(err))
	}
	c.clients = len(byAddr)
	s := sample.Connections{ByAddr: byAddr, Entries: dumped}
	if err := c.readStats(&s); err != nil {
		return sample.Connections{}, fmt.Errorf("read conntrack statistics: %w", err)
	}
	return s, nil
}

func (c *Conntrack) dump(isClient func(netip.Addr) bool) (map[netip.Addr]sample.Protocols, uint64, bool, error) {
	byAddr := make(map[netip.Addr]sample.Protocols, c.clients)
	var entries uint64
	interrupted, err := c.netlink.dump(ctRequest(ctMsgGet, netlink.Dump), func(data []byte) error {
		if len(data) < nfgenmsgLen {
			return errMalformed
		}
		entries++
		countConnection(byAddr, data[nfgenmsgLen:], isClient)
		return nil
	})
	return byAddr, entries, interrupted, err
}

// readStats sets the size of the whole table, which unlike the dump has the
// connections not yet confirmed, and its limit, which kernels before 4.18 do
// not tell (CTA_STATS_GLOBAL_MAX_ENTRIES): 0 then.
func (c *Conntrack) readStats(s *sample.Connections) error {
	_, err := c.netlink.dump(ctRequest(ctMsgGetStats, netlink.Acknowledge), func(data []byte) error {
		if len(data) < nfgenmsgLen {
			return errMalformed
		}
		for typ, value := range attrs(data[nfgenmsgLen:]) {
			switch {
			case typ == ctaStatsGlobalEntries && len(value) == 4:
				s.Entries = uint64(binary.BigEndian.Uint32(value))
			case typ == ctaStatsGlobalMaxEntries && len(value) == 4:
				s.Limit = uint64(binary.BigEndian.Uint32(value))
			}
		}
		return nil
	})
	return err
}

func ctRequest(typ netlink.HeaderType, flags netlink.HeaderFlags) netlink.Message {
	return netlink.Message{
		Header: netlink.Header{Type: typ, Flags: flags},
		Data:   []byte{unix.AF_UNSPEC, unix.NFNETLINK_V0, 0, 0},
	}
}

// countConnection adds one table entry to the clients at its ends. The source of
// CTA_TUPLE_ORIG is who opened the connection; the source of CTA_TUPLE_REPLY is
// who really answers it, behind any destination NAT. Neither is touched by the
// router's masquerading, which only changes destinations of the reply: so with
// or without NAT, in either direction, each client is counted once.
func countConnection(byAddr map[netip.Addr]sample.Protocols, b []byte, isClient func(netip.Addr) bool) {
	var opener, responder netip.Addr
	var proto uint8
	for typ, value := range attrs(b) {
		if typ == ctaTupleOrig {
			opener, proto = parseTuple(value)
		}
		if typ == ctaTupleReply {
			responder, _ = parseTuple(value)
		}
		if opener.IsValid() && responder.IsValid() {
			break // the two tuples come first, the rest is of no use here
		}
	}
	countClient(byAddr, opener, proto, isClient)
	if responder != opener {
		countClient(byAddr, responder, proto, isClient)
	}
}

// countClient asks isClient once per client and dump; the answer for the many
// addresses outside is not kept, since they would fill memory as the table fills.
func countClient(byAddr map[netip.Addr]sample.Protocols, addr netip.Addr, proto uint8, isClient func(netip.Addr) bool) {
	counts, known := byAddr[addr]
	if !known && (!addr.IsValid() || !isClient(addr)) {
		return
	}
	switch proto {
	case unix.IPPROTO_TCP:
		counts.TCP++
	case unix.IPPROTO_UDP:
		counts.UDP++
	case unix.IPPROTO_ICMP, unix.IPPROTO_ICMPV6:
		counts.ICMP++
	default:
		counts.Other++
	}
	byAddr[addr] = counts
}

// parseTuple reads the source address and the protocol number of a tuple.
func parseTuple(b []byte) (src netip.Addr, proto uint8) {
	for typ, value := range attrs(b) {
		switch typ {
		case ctaTupleIP:
			src = parseSource(value)
		case ctaTupleProto:
			for typ, value := range attrs(value) {
				if typ == ctaProtoNum && len(value) == 1 {
					return src, value[0]
				}
			}
		}
	}
	return src, proto
}

func parseSource(b []byte) netip.Addr {
	for typ, value := range attrs(b) {
		if typ == ctaIPv4Src || typ == ctaIPv6Src {
			addr, _ := netip.AddrFromSlice(value)
			return addr
		}
	}
	return netip.Addr{}
}

// conntrackRemedy says what the owner can do about the usual errors.
func conntrackRemedy(err error) error {
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w: it takes CAP_NET_ADMIN, and systemd's PrivateUsers=yes takes that away", err)
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EPROTONOSUPPORT):
		// nfnetlink_rcv_msg answers EINVAL for a subsystem that is not loaded.
		return fmt.Errorf("%w: the kernel has no connection tracking over netlink, try `modprobe nf_conntrack_netlink`", err)
	}
	return err
}
