package registry

import (
	"net/netip"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// Unattributed is what was forwarded between LAN and WAN and is in no client's
// totals. Clients and Unattributed together are all that was forwarded.
type Unattributed struct {
	Overflow    sample.ByDirection // no room: a full set of the kernel, or max_clients reached
	Excluded    sample.ByDirection // an excluded address, or one outside the LAN's subnets
	Unsolicited sample.ByDirection // from outside, to an address that never spoke
	Evicted     sample.ByDirection // of clients that had to make room
}

// ledger remembers the raw counters of the last reading, from which the next
// one's growth is told.
type ledger struct {
	reads    uint64            // number of the current reading, from 1
	counters sample.Accounting // the last one, without elements
	elements map[elementKey]reading
}

type elementKey struct {
	class     sample.Class
	direction sample.Direction
	mac       sample.MAC
	addr      netip.Addr
}

type reading struct {
	sample.Traffic
	read uint64 // when it was last there
}

// SetAccounting adds what was counted since the last reading to the totals. In a
// new epoch all raw counters began at zero.
func (r *Registry) SetAccounting(now time.Time, a sample.Accounting) {
	l := &r.ledger
	if a.Epoch != l.counters.Epoch {
		l.counters = sample.Accounting{Epoch: a.Epoch}
		clear(l.elements)
	}
	l.reads++
	advance(&r.forwarded, &l.counters.Forwarded, a.Forwarded)
	advance(&r.router, &l.counters.Router, a.Router)
	advance(&r.unattributed.Overflow, &l.counters.Overflow, a.Overflow)
	advance(&r.unattributed.Excluded, &l.counters.Outside, a.Outside)
	advance(&r.unattributed.Unsolicited, &l.counters.Unsolicited, a.Unsolicited)
	for _, d := range []sample.Direction{sample.Upload, sample.Download} { // uploads tell who holds an address
		for i := range a.Elements {
			if a.Elements[i].Direction == d {
				r.setElement(now, &a.Elements[i])
			}
		}
	}
	l.prune(len(a.Elements))
}

func (r *Registry) setElement(now time.Time, e *sample.Element) {
	grown := r.ledger.growth(e)
	if grown == (sample.Traffic{}) {
		return
	}
	if r.excluded(e.Addr) {
		unclaimed(&r.unattributed.Excluded, e, grown)
		return
	}
	c := r.party(now, e, grown.Packets)
	if c == nil {
		unclaimed(&r.unattributed.Overflow, e, grown)
		return
	}
	c.totals.add(e.Class, e.Direction, e.Addr.Is6(), grown)
}

// party finds whose an element is; nil where there is no room for one more. Who
// sent something is there, but what the first reading shows may be a day old.
func (r *Registry) party(now time.Time, e *sample.Element, packets uint64) *client {
	if e.Direction == sample.Download {
		return r.clientOfAddr(e.Addr, now)
	}
	if r.ledger.reads == 1 {
		packets = 0
	}
	c := r.uploader(e.MAC, e.Addr, packets, now)
	if c == nil || packets == 0 {
		return c
	}
	c.seen(now)
	if h := r.byAddr[e.Addr]; h.client == c {
		h.seen = now
	}
	return c
}

// unclaimed books Internet traffic that no client holds; local traffic is not audited.
func unclaimed(to *sample.ByDirection, e *sample.Element, grown sample.Traffic) {
	if e.Class == sample.Internet {
		add(&to[e.Direction], grown)
	}
}

// advance adds the growth of a pair of named counters to the total they feed.
func advance(total, last *sample.ByDirection, raw sample.ByDirection) {
	for d := range sample.Directions {
		add(&total[d], since(last[d], raw[d]))
	}
	*last = raw
}

// growth is what an element counted since it was last read. A dump may hold an
// element twice, the older value second; that is no growth and no reset.
func (l *ledger) growth(e *sample.Element) sample.Traffic {
	k := elementKey{e.Class, e.Direction, e.MAC, e.Addr}
	last := l.elements[k]
	if last.read == l.reads && e.Bytes <= last.Bytes {
		return sample.Traffic{}
	}
	l.elements[k] = reading{e.Traffic, l.reads}
	return since(last.Traffic, e.Traffic)
}

// since is the growth of a raw counter; one that went backwards began again at zero.
func since(last, raw sample.Traffic) sample.Traffic {
	if raw.Bytes < last.Bytes || raw.Packets < last.Packets {
		return raw
	}
	return sample.Traffic{Bytes: raw.Bytes - last.Bytes, Packets: raw.Packets - last.Packets}
}

// prune forgets elements that are gone from the kernel, once they outnumber
// those that are there. An element missing from a single reading says nothing:
// dumps miss live elements when others are deleted meanwhile.
func (l *ledger) prune(present int) {
	if len(l.elements) <= 2*present+1024 {
		return
	}
	for k, v := range l.elements {
		if l.reads-v.read > 3 {
			delete(l.elements, k)
		}
	}
}
