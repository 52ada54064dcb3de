package registry

import (
	"net/netip"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// ledger remembers the raw counters of the last reading, from which the next
// one's growth is told.
type ledger struct {
	reads    uint64            // number of the current reading, from 1
	counters sample.Accounting // the last one, without elements
	elements map[elementKey]*reading
}

type elementKey struct {
	class     sample.Class
	direction sample.Direction
	mac       sample.MAC
	addr      netip.Addr
}

type reading struct {
	sample.Traffic
	read    uint64    // number of the reading in which it was last there
	changed time.Time // when it last counted something, or was found
}

// SetAccounting adds what was counted since the last reading to the totals. In a
// new epoch all raw counters began at zero.
func (r *Registry) SetAccounting(now time.Time, a sample.Accounting) {
	l := &r.ledger
	rebase := r.resume(a.Epoch)
	r.rollPeriods(now)
	if a.Epoch != l.counters.Epoch {
		l.counters = sample.Accounting{Epoch: a.Epoch}
		clear(l.elements)
	}
	l.reads++
	unattributed := &r.total.Unattributed
	advance(&r.total.Forwarded, &l.counters.Forwarded, a.Forwarded)
	advance(&r.total.Router, &l.counters.Router, a.Router)
	advance(&unattributed.Overflow, &l.counters.Overflow, a.Overflow)
	advance(&unattributed.Excluded, &l.counters.Outside, a.Outside)
	advance(&unattributed.Unsolicited, &l.counters.Unsolicited, a.Unsolicited)
	for _, d := range []sample.Direction{sample.Upload, sample.Download} { // uploads tell who holds an address
		for i := range a.Elements {
			if a.Elements[i].Direction == d {
				r.setElement(now, &a.Elements[i])
			}
		}
	}
	l.prune(len(a.Elements))
	r.settle(a.Meanwhile)
	if rebase {
		r.Rebase()
	}
}

// settle takes back from Forwarded what came while the elements were read and is
// in no client's totals yet: the next reading has it for both or, should the
// table be gone by then, for neither. More than that is missing for another
// reason, which the audit is to show.
func (r *Registry) settle(meanwhile sample.ByDirection) {
	u := &r.total.Unattributed
	parts := r.total.Forgotten
	for _, n := range []sample.ByDirection{u.Overflow, u.Excluded, u.Unsolicited, u.Evicted} {
		parts = plus(parts, n)
	}
	for c := range r.clients {
		parts = plus(parts, c.totals.Internet)
	}
	for d, ahead := range minus(r.total.Forwarded, parts) {
		if ahead.Bytes <= meanwhile[d].Bytes && ahead.Packets <= meanwhile[d].Packets {
			subtract(&r.total.Forwarded[d], ahead)
			subtract(&r.ledger.counters.Forwarded[d], ahead)
		}
	}
}

func (r *Registry) setElement(now time.Time, e *sample.Element) {
	grown := r.ledger.growth(e, now)
	if grown == (sample.Traffic{}) {
		return
	}
	if r.excluded(e.Addr) {
		r.unclaimed(&r.total.Unattributed.Excluded, e, grown)
		return
	}
	r.weight = grown.Bytes
	c := r.partyOf(now, e, grown.Packets)
	r.weight = 0
	if c == nil {
		r.unclaimed(&r.total.Unattributed.Overflow, e, grown)
		return
	}
	c.totals.add(e.Class, e.Direction, e.Addr.Is6(), grown)
}

// partyOf finds whose an element is; nil where there is no room for one more. Who
// sent something is there, but what the first reading shows may be a day old.
func (r *Registry) partyOf(now time.Time, e *sample.Element, packets uint64) *client {
	if e.Direction == sample.Download {
		return r.clientOfAddr(e.Addr, now)
	}
	if r.ledger.reads == 1 && !r.restored {
		packets = 0
	}
	c := r.uploader(e.MAC, e.Addr, packets, now)
	if c == nil || packets == 0 {
		return c
	}
	r.saw(c, now)
	if h := r.byAddr[e.Addr]; h.client == c {
		h.seen = now
	}
	return c
}

// unclaimed books Internet traffic that no client holds; local traffic is not audited.
func (r *Registry) unclaimed(to *sample.ByDirection, e *sample.Element, grown sample.Traffic) {
	_, byMAC := r.evicted[party{mac: e.MAC}]
	_, byAddr := r.evicted[party{addr: e.Addr}]
	if (byMAC || byAddr) && to == &r.total.Unattributed.Overflow {
		to = &r.total.Unattributed.Evicted
	}
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
func (l *ledger) growth(e *sample.Element, now time.Time) sample.Traffic {
	k := elementKey{e.Class, e.Direction, e.MAC, e.Addr}
	last := l.elements[k]
	if last == nil {
		l.elements[k] = &reading{e.Traffic, l.reads, now}
		return e.Traffic
	}
	if last.read == l.reads && e.Bytes <= last.Bytes {
		return sample.Traffic{}
	}
	grown := since(last.Traffic, e.Traffic)
	if grown != (sample.Traffic{}) {
		last.changed = now
	}
	last.Traffic, last.read = e.Traffic, l.reads
	return grown
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
