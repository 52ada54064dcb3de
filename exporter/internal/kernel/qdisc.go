package kernel

import (
	"encoding/binary"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/sample"
)

// Qdiscs reads the queueing disciplines of one network namespace. It needs no
// capability. It is for one goroutine at a time.
type Qdiscs struct {
	netlink *dumper
	last    map[qdiscID]sample.Qdisc // of each discipline, as the last reading had it
}

// NewQdiscs opens nothing: the first reading does, in the network namespace of its
// thread.
func NewQdiscs() *Qdiscs { return &Qdiscs{netlink: newDumper(unix.NETLINK_ROUTE)} }

// Close closes the socket; another reading opens it again. It may be called at any
// time.
func (q *Qdiscs) Close() error { return q.netlink.Close() }

// maxQdiscs bounds a reading. A card with 64 queues has 65 disciplines.
const maxQdiscs = 4096

const tcmsgLen = 20 // struct tcmsg: family, pad, ifindex, handle, parent, info

// qdiscID tells disciplines apart. Those that the kernel made by itself have the
// handle 0, and differ in their parents only.
type qdiscID struct {
	ifindex        int32
	handle, parent uint32
	kind           string
}

// Read reads the disciplines on these devices and sums them by device and kind,
// sorted so. Those that queue nothing are left out.
func (q *Qdiscs) Read(devices []sample.Device) ([]sample.Qdisc, error) {
	names := make(map[int32]string, len(devices))
	for _, d := range devices {
		names[int32(d.Index)] = d.Name
	}
	now := map[qdiscID]sample.Qdisc{}
	// The kernel does not tell whether a change interrupted this dump (tc_dump_qdisc,
	// net/sched/sch_api.c). It holds a lock for each 32 KiB: 30 CAKEs or 100 others.
	_, err := q.netlink.dump(qdiscRequest(), func(data []byte) error {
		if len(data) < tcmsgLen {
			return errMalformed
		}
		id, d := parseQdisc(data)
		d.Interface = names[id.ifindex]
		if d.Interface == "" || queuesNothing(id.kind) || len(now) == maxQdiscs {
			return nil
		}
		if before, known := q.last[id]; known {
			unwrap(&d, &before)
		}
		now[id] = d
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read queueing disciplines: %w", err)
	}
	q.last = now
	return sumQdiscs(now), nil
}

// queuesNothing tells of what has the place of a discipline and is none.
func queuesNothing(kind string) bool {
	return kind == "noqueue" || kind == "ingress" || kind == "clsact" || kind == ""
}

func qdiscRequest() netlink.Message {
	return netlink.Message{
		Header: netlink.Header{Type: unix.RTM_GETQDISC, Flags: netlink.Dump},
		Data:   make([]byte, tcmsgLen),
	}
}

// Attributes of include/uapi/linux/rtnetlink.h and gen_stats.h.
const (
	tcaKind    = 1
	tcaOptions = 2
	tcaStats2  = 7

	tcaStatsBasic = 1 // inside TCA_STATS2; struct gnet_stats_basic: u64 bytes, u32 packets
	tcaStatsQueue = 3 // struct gnet_stats_queue: u32 qlen, backlog, drops, requeues, overlimits
	tcaStatsApp   = 4 // what the kind tells beyond
	tcaStatsPkt64 = 8 // packets in 64 bits, where they are more than 32 hold; since Linux 5.5
)

// parseQdisc reads a message. No library is of help: vishvananda/netlink knows
// nothing of CAKE and of the other kinds no statistics but TCA_STATS_BASIC and
// _QUEUE, and go-tc would be one more netlink library for the sake of what
// stands in qdisc_cake.go. Attributes that a newer kernel adds are passed over.
func parseQdisc(b []byte) (qdiscID, sample.Qdisc) {
	id := qdiscID{
		ifindex: int32(binary.NativeEndian.Uint32(b[4:])),
		handle:  binary.NativeEndian.Uint32(b[8:]),
		parent:  binary.NativeEndian.Uint32(b[12:]),
	}
	var q sample.Qdisc
	var options, app []byte
	for typ, value := range attrs(b[tcmsgLen:]) {
		switch typ {
		case tcaKind:
			id.kind = unix.ByteSliceToString(value)
		case tcaOptions:
			options = value
		case tcaStats2:
			app = parseQdiscStats(value, &q)
		}
	}
	q.Kind = id.kind
	switch q.Kind {
	case "cake":
		parseCAKE(options, app, &q)
	case "fq_codel":
		parseFQCodel(app, &q)
	}
	return id, q
}

// parseQdiscStats reads what all kinds tell, and gives what only this one does.
func parseQdiscStats(b []byte, q *sample.Qdisc) (app []byte) {
	var packets uint64
	for typ, value := range attrs(b) {
		switch {
		case typ == tcaStatsBasic && len(value) >= 12:
			q.Bytes = binary.NativeEndian.Uint64(value)
			q.Packets = uint64(binary.NativeEndian.Uint32(value[8:]))
		case typ == tcaStatsPkt64:
			packets = number(value)
		case typ == tcaStatsQueue && len(value) >= 20:
			q.QueuePackets = uint64(binary.NativeEndian.Uint32(value))
			q.QueueBytes = uint64(binary.NativeEndian.Uint32(value[4:]))
			q.Drops = uint64(binary.NativeEndian.Uint32(value[8:]))
			q.Requeues = uint64(binary.NativeEndian.Uint32(value[12:]))
			q.Overlimits = uint64(binary.NativeEndian.Uint32(value[16:]))
		case typ == tcaStatsApp:
			app = value
		}
	}
	q.Packets = max(q.Packets, packets)
	return app
}

// number reads an attribute of 4 or 8 bytes; 0 stands for any other length.
func number(value []byte) uint64 {
	switch len(value) {
	case 4:
		return uint64(binary.NativeEndian.Uint32(value))
	case 8:
		return binary.NativeEndian.Uint64(value)
	}
	return 0
}
