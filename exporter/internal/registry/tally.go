package registry

import "router-monitoring/exporter/internal/sample"

// Totals are a client's counters.
type Totals struct {
	Internet sample.ByDirection // IPv4 and IPv6
	IPv6     sample.ByDirection // the IPv6 part of Internet
	Local    sample.ByDirection // to and from other local networks
}

func (t *Totals) add(class sample.Class, d sample.Direction, ipv6 bool, n sample.Traffic) {
	if class == sample.Local {
		add(&t.Local[d], n)
		return
	}
	add(&t.Internet[d], n)
	if ipv6 {
		add(&t.IPv6[d], n)
	}
}

func (t Totals) plus(o Totals) Totals {
	return Totals{plus(t.Internet, o.Internet), plus(t.IPv6, o.IPv6), plus(t.Local, o.Local)}
}

func (t Totals) minus(o Totals) Totals {
	return Totals{minus(t.Internet, o.Internet), minus(t.IPv6, o.IPv6), minus(t.Local, o.Local)}
}

// Tally is what is counted beside clients. Clients, Unattributed and Forgotten
// together are Forwarded.
type Tally struct {
	Forwarded    sample.ByDirection // all between LAN and WAN
	Router       sample.ByDirection // the router's own Internet traffic
	Unattributed Unattributed
	Forgotten    sample.ByDirection // of clients that left
}

// Unattributed is what was forwarded between LAN and WAN and is in no client's
// totals.
type Unattributed struct {
	Overflow    sample.ByDirection // no room: a full set of the kernel, or max_clients reached
	Excluded    sample.ByDirection // an excluded address, or one outside the LAN's subnets
	Unsolicited sample.ByDirection // from outside, to an address that never spoke
	Evicted     sample.ByDirection // of clients, after they had to make room
}

func (t Tally) minus(o Tally) Tally {
	return Tally{
		Forwarded: minus(t.Forwarded, o.Forwarded), Router: minus(t.Router, o.Router), Forgotten: minus(t.Forgotten, o.Forgotten),
		Unattributed: Unattributed{
			Overflow:    minus(t.Unattributed.Overflow, o.Unattributed.Overflow),
			Excluded:    minus(t.Unattributed.Excluded, o.Unattributed.Excluded),
			Unsolicited: minus(t.Unattributed.Unsolicited, o.Unattributed.Unsolicited),
			Evicted:     minus(t.Unattributed.Evicted, o.Unattributed.Evicted),
		},
	}
}

func add(t *sample.Traffic, n sample.Traffic) {
	t.Bytes += n.Bytes
	t.Packets += n.Packets
}

func plus(a, b sample.ByDirection) sample.ByDirection {
	for d := range sample.Directions {
		add(&a[d], b[d])
	}
	return a
}

func subtract(t *sample.Traffic, n sample.Traffic) {
	t.Bytes -= n.Bytes
	t.Packets -= n.Packets
}

func minus(a, b sample.ByDirection) sample.ByDirection {
	for d := range sample.Directions {
		subtract(&a[d], b[d])
	}
	return a
}
