package collector

import "router-monitoring/exporter/internal/sample"

// qdiscMetrics are those of the queueing disciplines.
var qdiscMetrics = []*Metric{
	ofQdiscs("bytes_total", counter, "Bytes that the queues sent, link headers included.",
		func(q *sample.Qdisc) uint64 { return q.Bytes }),
	ofQdiscs("packets_total", counter, "Packets that the queues sent.",
		func(q *sample.Qdisc) uint64 { return q.Packets }),
	ofQdiscs("drops_total", counter, "Packets that the queues dropped, to make senders slow down or for want of room.",
		func(q *sample.Qdisc) uint64 { return q.Drops }),
	ofQdiscs("overlimits_total", counter, "Times the queues held a packet back because of a limit on the bandwidth.",
		func(q *sample.Qdisc) uint64 { return q.Overlimits }),
	ofQdiscs("requeues_total", counter, "Packets that went back into the queues because the device was busy.",
		func(q *sample.Qdisc) uint64 { return q.Requeues }),
	ofQdiscs("backlog_bytes", gauge, "Bytes that wait in the queues now.",
		func(q *sample.Qdisc) uint64 { return q.QueueBytes }),
	ofQdiscs("backlog_packets", gauge, "Packets that wait in the queues now.",
		func(q *sample.Qdisc) uint64 { return q.QueuePackets }),
	ofFlows("ecn_marks_total", counter, "Packets that the queues marked (ECN) instead of dropping them. Only of CAKE and fq_codel.",
		func(f *sample.Flows) uint64 { return f.ECNMarks }),
	ofFlows("flows", gauge, "Connections, or groups of them, that have a queue of their own now. Only of CAKE and fq_codel.",
		func(f *sample.Flows) uint64 { return f.Active }),
	ofCAKE("bandwidth_bytes_per_second", "Bandwidth that CAKE is set to. Absent where it has no limit.",
		func(c *sample.CAKE, add func(uint64)) {
			if c.Bandwidth > 0 {
				add(c.Bandwidth)
			}
		}),
	ofCAKE("capacity_estimate_bytes_per_second",
		"With CAKE's autorate-ingress, the bandwidth of the line as CAKE sees it; without, the one it was made with.",
		func(c *sample.CAKE, add func(uint64)) { add(c.Capacity) }),
	ofCAKE("memory_used_bytes", "The most memory that CAKE's queues ever took.",
		func(c *sample.CAKE, add func(uint64)) { add(c.MemoryUsed) }),
	ofCAKE("memory_limit_bytes", "Memory that CAKE's queues may take; beyond, packets of the longest queue are dropped.",
		func(c *sample.CAKE, add func(uint64)) { add(c.MemoryLimit) }),
	ofTins("threshold_bytes_per_second", gauge, "Rate up to which the tin goes before lower ones; beyond it, it comes last.",
		func(t *sample.Tin) float64 { return float64(t.Threshold) }),
	ofTins("bytes_total", counter, "Bytes that came into the tin, those dropped later included.",
		func(t *sample.Tin) float64 { return float64(t.Bytes) }),
	ofTins("packets_total", counter, "Packets that came into the tin, those dropped later included.",
		func(t *sample.Tin) float64 { return float64(t.Packets) }),
	ofTins("drops_total", counter, "Packets that the tin dropped, to make senders slow down or for want of room.",
		func(t *sample.Tin) float64 { return float64(t.Drops) }),
	ofTins("ecn_marks_total", counter, "Packets that the tin marked (ECN) instead of dropping them.",
		func(t *sample.Tin) float64 { return float64(t.ECNMarks) }),
	ofTins("ack_drops_total", counter, "TCP acknowledgements dropped because a later one said the same. Only with CAKE's ack-filter.",
		func(t *sample.Tin) float64 { return float64(t.ACKDrops) }),
	ofTins("backlog_bytes", gauge, "Bytes that wait in the tin now.",
		func(t *sample.Tin) float64 { return float64(t.QueueBytes) }),
	ofTins("delay_peak_seconds", gauge, "Time that packets of the slowest connections waited in the tin. It stays as it was while nothing passes.",
		func(t *sample.Tin) float64 { return t.PeakDelay.Seconds() }),
	ofTins("delay_average_seconds", gauge, "Time that packets waited in the tin, on average. It stays as it was while nothing passes.",
		func(t *sample.Tin) float64 { return t.AverageDelay.Seconds() }),
	ofTins("delay_base_seconds", gauge, "Time that packets of the quickest connections waited in the tin. It stays as it was while nothing passes.",
		func(t *sample.Tin) float64 { return t.BaseDelay.Seconds() }),
	ofTins("target_seconds", gauge, "Time that packets may wait in the tin; where they wait longer, some are marked or dropped.",
		func(t *sample.Tin) float64 { return t.Target.Seconds() }),
	single("network_qdisc_cake_tin_flows", gauge,
		"Connections in the tin now: sparse ones send little and go first, bulk ones fill their queues. Unresponsive ones, counted among these too, do not slow down when packets are dropped.",
		[]string{"interface", "tin", "state"},
		eachTin(func(q *sample.Qdisc, t *sample.Tin, out *samples) {
			out.count(t.Sparse, q.Interface, t.Name, "sparse")
			out.count(t.Bulk, q.Interface, t.Name, "bulk")
			out.count(t.Unresponsive, q.Interface, t.Name, "unresponsive")
		})),
}

func ofQdiscs(name string, t Type, help string, of func(*sample.Qdisc) uint64) *Metric {
	return single("network_qdisc_"+name, t, help, []string{"interface", "kind"},
		eachQdisc(func(q *sample.Qdisc, out *samples) { out.count(of(q), q.Interface, q.Kind) }))
}

func ofFlows(name string, t Type, help string, of func(*sample.Flows) uint64) *Metric {
	return single("network_qdisc_"+name, t, help, []string{"interface", "kind"}, eachQdisc(func(q *sample.Qdisc, out *samples) {
		if q.Flows != nil {
			out.count(of(q.Flows), q.Interface, q.Kind)
		}
	}))
}

func ofCAKE(name, help string, of func(c *sample.CAKE, add func(uint64))) *Metric {
	return single("network_qdisc_cake_"+name, gauge, help, []string{"interface"}, eachQdisc(func(q *sample.Qdisc, out *samples) {
		if q.CAKE != nil {
			of(q.CAKE, func(v uint64) { out.count(v, q.Interface) })
		}
	}))
}

func ofTins(name string, t Type, help string, of func(*sample.Tin) float64) *Metric {
	return single("network_qdisc_cake_tin_"+name, t, help, []string{"interface", "tin"},
		eachTin(func(q *sample.Qdisc, t *sample.Tin, out *samples) { out.add(of(t), q.Interface, t.Name) }))
}

func eachTin(of func(*sample.Qdisc, *sample.Tin, *samples)) func(*Scrape, *samples) {
	return eachQdisc(func(q *sample.Qdisc, out *samples) {
		if q.CAKE != nil {
			for i := range q.CAKE.Tins {
				of(q, &q.CAKE.Tins[i], out)
			}
		}
	})
}

func eachQdisc(of func(*sample.Qdisc, *samples)) func(*Scrape, *samples) {
	return each(func(s *Scrape) []sample.Qdisc { return s.Beside.Qdiscs }, of)
}
