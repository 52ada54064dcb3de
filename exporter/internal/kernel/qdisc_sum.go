package kernel

import (
	"cmp"
	"slices"

	"router-monitoring/exporter/internal/sample"
)

// narrow lists the counters for which the kernel has 32 bits. (Packets have more
// since Linux 5.5.)
func narrow(q *sample.Qdisc) []*uint64 {
	counters := []*uint64{&q.Packets, &q.Drops, &q.Overlimits, &q.Requeues}
	if q.Flows != nil {
		counters = append(counters, &q.Flows.ECNMarks)
	}
	if q.CAKE != nil {
		for i := range q.CAKE.Tins {
			t := &q.CAKE.Tins[i]
			counters = append(counters, &t.Packets, &t.Drops, &t.ECNMarks, &t.ACKDrops)
		}
	}
	return counters
}

// unwrap lets counters rise beyond 32 bits: of two readings less than 2³¹ apart
// the later one is higher, whatever its 32 bits say. Bytes have 64 bits; where they
// fell somebody replaced the discipline, and all counts from 0. So it does where a
// counter seems to have risen by more.
func unwrap(q, before *sample.Qdisc) {
	now, was := narrow(q), narrow(before)
	if q.Bytes < before.Bytes || len(now) != len(was) {
		return
	}
	for i := range now {
		if risen := uint32(*now[i] - *was[i]); risen < 1<<31 {
			*now[i] = *was[i] + uint64(risen)
		}
	}
}

// sumQdiscs adds up the disciplines of one device and kind: one for each of a
// network card's queues, or of a classful discipline's classes.
func sumQdiscs(all map[qdiscID]sample.Qdisc) []sample.Qdisc {
	var sums []sample.Qdisc
	for _, q := range all {
		i := slices.IndexFunc(sums, func(s sample.Qdisc) bool { return s.Interface == q.Interface && s.Kind == q.Kind })
		if i < 0 {
			i = len(sums)
			sums = append(sums, sample.Qdisc{Interface: q.Interface, Kind: q.Kind})
		}
		addQdisc(&sums[i], &q)
	}
	slices.SortFunc(sums, func(a, b sample.Qdisc) int {
		return cmp.Or(cmp.Compare(a.Interface, b.Interface), cmp.Compare(a.Kind, b.Kind))
	})
	return sums
}

func addQdisc(sum, q *sample.Qdisc) {
	addTraffic(&sum.Traffic, q.Traffic)
	sum.Drops += q.Drops
	sum.Overlimits += q.Overlimits
	sum.Requeues += q.Requeues
	sum.QueueBytes += q.QueueBytes
	sum.QueuePackets += q.QueuePackets
	if q.CAKE != nil {
		sum.CAKE = cmp.Or(sum.CAKE, &sample.CAKE{})
		addCAKE(sum.CAKE, q.CAKE)
	}
	if flows := cmp.Or(q.Flows, flowsOf(q.CAKE)); flows != nil {
		sum.Flows = cmp.Or(sum.Flows, &sample.Flows{})
		sum.Flows.ECNMarks += flows.ECNMarks
		sum.Flows.Active += flows.Active
	}
}

func addTraffic(sum *sample.Traffic, t sample.Traffic) {
	sum.Bytes += t.Bytes
	sum.Packets += t.Packets
}
