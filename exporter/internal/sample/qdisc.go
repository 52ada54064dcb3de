package sample

import "time"

// Qdisc is what the queueing disciplines of one kind on one interface say, taken
// together. The counters are those of the kernel: they begin at 0 when somebody
// replaces a discipline.
type Qdisc struct {
	Interface string
	Kind      string // cake, fq_codel, htb …

	Traffic             // sent; with their link header
	Drops        uint64 // packets
	Overlimits   uint64 // times a packet had to wait for its turn
	Requeues     uint64 // packets that the device did not take at once
	QueueBytes   uint64 // waiting now
	QueuePackets uint64

	Flows *Flows // nil where the kind tells of none
	CAKE  *CAKE  // nil for other kinds
}

// Flows is what a discipline that keeps a queue for each flow says of them all.
type Flows struct {
	ECNMarks uint64 // packets that were marked rather than dropped
	Active   uint64 // that have a queue now
}

// CAKE is what CAKE alone says. Rates are in bytes per second.
type CAKE struct {
	Bandwidth   uint64 // configured; 0 for no limit
	Capacity    uint64 // the bandwidth at the start, and with autorate-ingress an estimate
	MemoryUsed  uint64 // the most so far, in bytes
	MemoryLimit uint64
	Tins        []Tin
}

// Tin is a class of CAKE.
type Tin struct {
	Name       string
	Threshold  uint64 // rate above which the tin yields to others, in bytes per second
	Traffic           // that came in, what was dropped later included
	Drops      uint64 // packets
	ECNMarks   uint64 // packets that were marked rather than dropped
	ACKDrops   uint64 // TCP acknowledgements that a later one made needless
	QueueBytes uint64 // waiting now

	// Delays are moving values of the time that packets waited, each flow's latest
	// ones: they keep standing while nothing passes.
	PeakDelay, AverageDelay, BaseDelay time.Duration
	Target                             time.Duration // the wait that is allowed for

	Sparse, Bulk, Unresponsive uint64 // flows; the unresponsive are among the others
}
