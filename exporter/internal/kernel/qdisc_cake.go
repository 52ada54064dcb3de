package kernel

import (
	"slices"
	"strconv"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// Attributes of CAKE in include/uapi/linux/pkt_sched.h; what they hold tells
// cake_dump_stats in net/sched/sch_cake.c.
const (
	cakeBaseRate = 2 // inside TCA_OPTIONS; bytes per second
	cakeDiffserv = 3 // enum CAKE_DIFFSERV_…

	cakeCapacity    = 2 // inside TCA_STATS_APP; bytes per second
	cakeMemoryLimit = 3
	cakeMemoryUsed  = 4
	cakeTins        = 10

	cakeTinPackets      = 2 // inside each of CAKE_STATS_TIN_STATS
	cakeTinBytes        = 3
	cakeTinDrops        = 4
	cakeTinACKDrops     = 6
	cakeTinECNMarks     = 8
	cakeTinQueueBytes   = 11
	cakeTinThreshold    = 12 // bytes per second
	cakeTinTarget       = 13 // microseconds, as the delays
	cakeTinPeakDelay    = 18
	cakeTinAverageDelay = 19
	cakeTinBaseDelay    = 20
	cakeTinSparse       = 21
	cakeTinBulk         = 22
	cakeTinUnresponsive = 23
)

// maxTins is TC_CAKE_MAX_TINS.
const maxTins = 8

// tinNames are those that tc prints, by CAKE_DIFFSERV_…; the kernel shows the tins
// in their order. Those of the modes diffserv8 and precedence have numbers.
var tinNames = [][]string{
	0: {"bulk", "besteffort", "voice"},
	1: {"bulk", "besteffort", "video", "voice"},
	3: {"besteffort"},
}

func tinName(mode uint64, tins, i int) string {
	if mode < uint64(len(tinNames)) && len(tinNames[mode]) == tins {
		return tinNames[mode][i]
	}
	return "tin" + strconv.Itoa(i)
}

func parseCAKE(options, app []byte, q *sample.Qdisc) {
	c := &sample.CAKE{}
	var mode uint64
	for typ, value := range attrs(options) {
		switch typ {
		case cakeBaseRate:
			c.Bandwidth = number(value)
		case cakeDiffserv:
			mode = number(value)
		}
	}
	for typ, value := range attrs(app) {
		switch typ {
		case cakeCapacity:
			c.Capacity = number(value)
		case cakeMemoryLimit:
			c.MemoryLimit = number(value)
		case cakeMemoryUsed:
			c.MemoryUsed = number(value)
		case cakeTins:
			c.Tins = parseTins(value)
		}
	}
	for i := range c.Tins {
		c.Tins[i].Name = tinName(mode, len(c.Tins), i)
	}
	q.CAKE = c
}

func parseTins(b []byte) []sample.Tin {
	var tins []sample.Tin
	for _, value := range attrs(b) {
		if len(tins) == maxTins {
			break
		}
		tins = append(tins, parseTin(value))
	}
	return tins
}

func parseTin(b []byte) sample.Tin {
	var t [cakeTinUnresponsive + 1]uint64
	for typ, value := range attrs(b) {
		if int(typ) < len(t) {
			t[typ] = number(value)
		}
	}
	duration := func(typ int) time.Duration { return time.Duration(uint32(t[typ])) * time.Microsecond }
	return sample.Tin{
		Threshold: t[cakeTinThreshold], Traffic: sample.Traffic{Bytes: t[cakeTinBytes], Packets: t[cakeTinPackets]},
		Drops: t[cakeTinDrops], ECNMarks: t[cakeTinECNMarks], ACKDrops: t[cakeTinACKDrops], QueueBytes: t[cakeTinQueueBytes],
		PeakDelay: duration(cakeTinPeakDelay), AverageDelay: duration(cakeTinAverageDelay),
		BaseDelay: duration(cakeTinBaseDelay), Target: duration(cakeTinTarget),
		Sparse: t[cakeTinSparse], Bulk: t[cakeTinBulk], Unresponsive: t[cakeTinUnresponsive],
	}
}

// flowsOf gives what CAKE tells for each tin in the way that other kinds do.
func flowsOf(c *sample.CAKE) *sample.Flows {
	if c == nil {
		return nil
	}
	f := &sample.Flows{}
	for _, t := range c.Tins {
		f.ECNMarks += t.ECNMarks
		f.Active += t.Sparse + t.Bulk
	}
	return f
}

// addCAKE adds another CAKE of the same device. Since Linux 7.0 cake_mq gives a
// card one for each of its queues: they share one limit, which each of them tells,
// so that of rates, as of delays, the highest counts.
func addCAKE(sum, c *sample.CAKE) {
	sum.Bandwidth = max(sum.Bandwidth, c.Bandwidth)
	sum.Capacity = max(sum.Capacity, c.Capacity)
	sum.MemoryUsed += c.MemoryUsed
	sum.MemoryLimit += c.MemoryLimit
	for _, t := range c.Tins {
		i := slices.IndexFunc(sum.Tins, func(s sample.Tin) bool { return s.Name == t.Name })
		if i < 0 {
			i = len(sum.Tins)
			sum.Tins = append(sum.Tins, sample.Tin{Name: t.Name})
		}
		addTin(&sum.Tins[i], &t)
	}
}

func addTin(sum, t *sample.Tin) {
	addTraffic(&sum.Traffic, t.Traffic)
	sum.Drops += t.Drops
	sum.ECNMarks += t.ECNMarks
	sum.ACKDrops += t.ACKDrops
	sum.QueueBytes += t.QueueBytes
	sum.Sparse += t.Sparse
	sum.Bulk += t.Bulk
	sum.Unresponsive += t.Unresponsive
	sum.Threshold = max(sum.Threshold, t.Threshold)
	sum.Target = max(sum.Target, t.Target)
	sum.PeakDelay = max(sum.PeakDelay, t.PeakDelay)
	sum.AverageDelay = max(sum.AverageDelay, t.AverageDelay)
	sum.BaseDelay = max(sum.BaseDelay, t.BaseDelay)
}
