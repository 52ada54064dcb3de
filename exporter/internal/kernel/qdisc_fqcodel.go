package kernel

import (
	"encoding/binary"

	"router-monitoring/exporter/internal/sample"
)

// Offsets in struct tc_fq_codel_xstats (include/uapi/linux/pkt_sched.h): its
// type, 0 for a discipline, and for that maxpacket, drop_overlimit, ecn_mark,
// new_flow_count, new_flows_len, old_flows_len and more, each of 32 bits.
const (
	fqCodelECNMark  = 12
	fqCodelNewFlows = 20
	fqCodelOldFlows = 24
	fqCodelLen      = 28
)

func parseFQCodel(app []byte, q *sample.Qdisc) {
	if len(app) < fqCodelLen || binary.NativeEndian.Uint32(app) != 0 {
		return
	}
	at := func(offset int) uint64 { return uint64(binary.NativeEndian.Uint32(app[offset:])) }
	q.Flows = &sample.Flows{ECNMarks: at(fqCodelECNMark), Active: at(fqCodelNewFlows) + at(fqCodelOldFlows)}
}
