package registry

import (
	"net/netip"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// ledger remembers the raw counters of the last reading, from which the next
// one's growth is told.
type ledger struct {
	reads    uint64                          // number of the current reading, from 1
	counters [sample.Hooks]sample.Accounting // the last ones, without elements
	elements map[elementKey]*reading

	// The kernel shows elements in the same order as long as none come or go, so
	// that most need not be searched for.
	before []*reading // those of the last reading, in their order
	now    []*reading
	next   int // in before
}

type elementKey struct {
	hook      sample.Hook
	class     sample.Class
	direction sample.Direction
	bare      bool
	mac       sample.MAC
	addr      netip.Addr
}

func keyOf(e *sample.Element) elementKey {
	return elementKey{e.Hook, e.Class, e.Direction, e.Bare, e.MAC, e.Addr}
}

func (k elementKey) element() sample.Element {
	return sample.Element{Hook: k.hook, Class: k.class, Direction: k.direction, Bare: k.bare, MAC: k.mac, Addr: k.addr}
}

type reading struct {
	key elementKey
	sample.Traffic
	read    uint64    // number of the reading in which it was last there
	changed time.Time // when it last counted something, or was found
	place   int       // in the last reading
}

// SetAccounting adds what was counted since the last reading to the totals, given
// a reading of each table there is. In a new epoch all raw counters of a table
// began at zero.
func (r *Registry) SetAccounting(now time.Time, readings ...sample.Accounting) {
	l := &r.ledger
	rebase := r.resume(readings)
	r.rollPeriods(now)
	var epochs [sample.Hooks]string
	for i := range readings {
		epochs[readings[i].Hook] = readings[i].Epoch
	}
	for hook, epoch := range epochs {
		l.begin(sample.Hook(hook), epoch)
	}
	l.reads++
	l.before, l.now, l.next = l.now, l.before[:0], 0
	elements := 0
	for i := range readings {
		r.advance(&readings[i])
		elements += len(readings[i].Elements)
	}
	for _, d := range []sample.Direction{sample.Upload, sample.Download} { // uploads tell who holds an address
		for _, a := range readings {
			for i := range a.Elements {
				if a.Elements[i].Direction == d {
					r.setElement(now, &a.Elements[i])
				}
			}
		}
	}
	l.prune(elements)
	r.settle(readings)
	r.record(now)
	if rebase {
		r.Rebase()
	}
}

// begin forgets the counters of a table that is no longer the one they are of.
func (l *ledger) begin(hook sample.Hook, epoch string) {
	if epoch == l.counters[hook].Epoch {
		return
	}
	l.counters[hook] = sample.Accounting{Hook: hook, Epoch: epoch}
	for k := range l.elements {
		if k.hook == hook {
			delete(l.elements, k)
		}
	}
	l.now = nil
}

// find gives what is remembered of an element, nil for a new one.
func (l *ledger) find(k elementKey) *reading {
	if l.next < len(l.before) && l.before[l.next].key == k {
		l.next++
		return l.before[l.next-1]
	}
	found := l.elements[k]
	if found != nil {
		l.next = found.place + 1
	}
	return found
}

// note remembers an element at its place in this reading.
func (l *ledger) note(r *reading) {
	r.place = len(l.now)
	l.now = append(l.now, r)
}

// advance adds the growth of a table's named counters to the totals they feed.
func (r *Registry) advance(a *sample.Accounting) {
	last, unattributed := &r.ledger.counters[a.Hook], &r.total.Unattributed
	for _, c := range []struct {
		total, last *sample.ByDirection
		raw         sample.ByDirection
	}{
		{&r.total.Forwarded, &last.Forwarded, a.Forwarded},
		{&r.total.Router, &last.Router, a.Router},
		{&unattributed.Overflow, &last.Overflow, a.Overflow},
		{&unattributed.Excluded, &last.Outside, a.Outside},
		{&unattributed.Unsolicited, &last.Unsolicited, a.Unsolicited},
	} {
		for d := range sample.Directions {
			add(&c.total[d], grow(&c.last[d], c.raw[d]))
		}
	}
}

// settle takes back from Forwarded what came while the elements were read and is
// in no client's totals yet: the next reading has it for both or, should the
// table be gone by then, for neither. More than that is missing for another
// reason, which the audit is to show.
func (r *Registry) settle(readings []sample.Accounting) {
	var meanwhile sample.ByDirection
	for _, a := range readings {
		meanwhile = plus(meanwhile, a.Meanwhile)
	}
	u := &r.total.Unattributed
	parts := r.total.Forgotten
	for _, n := range []sample.ByDirection{u.Overflow, u.Excluded, u.Unsolicited, u.Evicted} {
		parts = plus(parts, n)
	}
	for c := range r.clients {
		parts = plus(parts, c.totals.Internet)
	}
	for d, ahead := range minus(r.total.Forwarded, parts) {
		if ahead.Bytes > meanwhile[d].Bytes || ahead.Packets > meanwhile[d].Packets {
			continue
		}
		subtract(&r.total.Forwarded[d], ahead)
		for _, a := range readings {
			part := sample.Traffic{Bytes: min(ahead.Bytes, a.Meanwhile[d].Bytes), Packets: min(ahead.Packets, a.Meanwhile[d].Packets)}
			subtract(&r.ledger.counters[a.Hook].Forwarded[d], part)
			subtract(&ahead, part)
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

// growth is what an element counted since it was last read. A dump may hold an
// element twice, the older value second; that is no growth and no reset.
func (l *ledger) growth(e *sample.Element, now time.Time) sample.Traffic {
	k := keyOf(e)
	last := l.find(k)
	if last == nil {
		last = &reading{key: k, Traffic: e.Traffic, read: l.reads, changed: now}
		l.elements[k] = last
		l.note(last)
		return e.Traffic
	}
	l.note(last)
	if last.read == l.reads && e.Bytes <= last.Bytes {
		return sample.Traffic{}
	}
	grown := grow(&last.Traffic, e.Traffic)
	if grown != (sample.Traffic{}) {
		last.changed = now
	}
	last.read = l.reads
	return grown
}

// linkHeader is what the kernel package takes off for each packet where link
// headers were counted.
const linkHeader = 14

// grow moves a raw counter on and returns its growth. One that went backwards
// began again at zero; but bytes alone may fall back by a link header for each
// packet that came, for bytes and packets are not read at one instant.
func grow(last *sample.Traffic, raw sample.Traffic) (grown sample.Traffic) {
	if raw.Packets < last.Packets || raw.Bytes+linkHeader*(raw.Packets-last.Packets) < last.Bytes {
		*last = raw
		return raw
	}
	raw.Bytes = max(raw.Bytes, last.Bytes)
	grown = sample.Traffic{Bytes: raw.Bytes - last.Bytes, Packets: raw.Packets - last.Packets}
	*last = raw
	return grown
}

// prune forgets elements that are gone from the kernel, once they outnumber
// those that are there. An element missing from a single reading says nothing:
// dumps miss live elements when others are deleted meanwhile.
func (l *ledger) prune(present int) {
	if len(l.elements) <= 2*present+1024 {
		return
	}
	for k, v := range l.elements {
		if l.reads-v.read > 3 { // and so not in the last reading either
			delete(l.elements, k)
		}
	}
}
