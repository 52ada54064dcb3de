package registry

import (
	"time"

	"router-monitoring/exporter/internal/sample"
)

// A kernel element that counted nothing for longer is drained: its place may be
// wanted. In a set that is three quarters full that comes sooner, and soonest for
// a MAC that has more addresses there than a client may hold: it made them up.
const (
	idleLife      = 24 * time.Hour
	idleLifeFull  = 10 * time.Minute
	idleLifeCrowd = 10 * time.Second
)

// Idle lists the kernel's elements that counted nothing for so long that they
// can be deleted. Their counters are in the totals.
func (r *Registry) Idle(now time.Time) (idle []sample.Element) {
	var filled [kernelSets]int
	for k := range r.ledger.elements {
		filled[k.set()]++
	}
	full := func(set int) bool { return filled[set] > r.cfg.MaxClients*3/4 }
	places := map[crowd]int{} // in full sets
	for k := range r.ledger.elements {
		if set := k.set(); full(set) && !k.mac.IsZero() {
			places[crowd{set, k.mac}]++
		}
	}
	for k, v := range r.ledger.elements {
		life := idleLife
		if set := k.set(); full(set) {
			life = idleLifeFull
			if places[crowd{set, k.mac}] > maxAddrs {
				life = idleLifeCrowd
			}
		}
		if v.read == r.ledger.reads && now.Sub(v.changed) > life {
			idle = append(idle, k.element())
		}
	}
	return idle
}

// crowd is all addresses of a MAC in one set of the kernel.
type crowd struct {
	set int
	mac sample.MAC
}

const kernelSets = int(sample.Hooks) * int(sample.Classes) * int(sample.Directions) * 2 * 2

// set numbers the kernel's sets.
func (k elementKey) set() int {
	n := (int(k.hook)*int(sample.Classes)+int(k.class))*int(sample.Directions) + int(k.direction)
	for _, bit := range []bool{k.bare, k.addr.Is6()} {
		n *= 2
		if bit {
			n++
		}
	}
	return n
}

// Drained notes that elements were deleted: their counters begin at zero should
// they come back.
func (r *Registry) Drained(elements []sample.Element) {
	for i := range elements {
		delete(r.ledger.elements, keyOf(&elements[i]))
	}
	r.ledger.now = nil
}
