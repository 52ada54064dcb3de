package registry

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"net/netip"
	"slices"
	"time"

	"router-monitoring/exporter/internal/sample"
)

const (
	// baselineTime is how long after records began clients are found rather than new.
	baselineTime = 10 * time.Minute

	// After that new clients come at most newBurst at once and one every newPause:
	// a device that makes up MACs cannot make up series at the speed of the line.
	newBurst = 64
	newPause = 10 * time.Second

	// A client is established, and makes room for nobody, once it is that old or
	// has moved that much. Another one makes room for a newcomer that brings more
	// than it ever moved.
	establishedAge   = 24 * time.Hour
	establishedBytes = 1 << 20

	maxAddrs = 64                 // of one client; the ones seen last are kept
	addrLife = 7 * 24 * time.Hour // an address not seen for longer is forgotten
	maxKnown = 1 << 16            // hashes of MACs that left
)

// newClient returns nil where there is no room. Declared clients always find one.
func (r *Registry) newClient(declared *Declared, now time.Time) *client {
	if declared == nil && !r.admit(now) {
		return nil
	}
	c := &client{declared: declared}
	r.rollClient(c, now)
	r.enter(c)
	return c
}

func (r *Registry) enter(c *client) {
	r.clients[c] = struct{}{}
	r.order = append(r.order, c)
}

// admit decides whether one more client may come.
func (r *Registry) admit(now time.Time) bool {
	if now.Sub(r.began) > baselineTime {
		r.tokens += float64(now.Sub(r.refilled)) / float64(newPause)
		r.tokens = max(0, min(r.tokens, newBurst))
		r.refilled = now
		if r.tokens < 1 {
			return false
		}
	}
	if len(r.clients) >= r.cfg.MaxClients && !r.makeRoom(now) {
		return false
	}
	r.tokens--
	return true
}

// makeRoom lets the smallest and newest of the clients leave that are neither
// declared nor established.
func (r *Registry) makeRoom(now time.Time) bool {
	if r.floorRead == r.ledger.reads && r.weight <= r.floor {
		return false
	}
	var victim *client
	for c := range r.clients {
		established := c.declared != nil || !c.firstSeen.IsZero() && now.Sub(c.firstSeen) > establishedAge || c.bytes() >= establishedBytes
		if established || victim != nil && !c.smallerThan(victim) {
			continue
		}
		victim = c
	}
	if victim == nil || victim.bytes() >= r.weight {
		r.floorRead, r.floor = r.ledger.reads, math.MaxUint64
		if victim != nil {
			r.floor = victim.bytes()
		}
		return false
	}
	if len(r.evicted) > 4*r.cfg.MaxClients {
		clear(r.evicted)
	}
	for _, m := range victim.macs {
		r.evicted[party{mac: m}] = struct{}{}
	}
	for _, a := range victim.addrs {
		r.evicted[party{addr: a}] = struct{}{}
	}
	r.leave(victim)
	return true
}

// party is one end of a counter: a MAC or an address.
type party struct {
	mac  sample.MAC
	addr netip.Addr
}

func (c *client) bytes() uint64 {
	return c.totals.Internet[sample.Upload].Bytes + c.totals.Internet[sample.Download].Bytes
}

func (c *client) smallerThan(o *client) bool {
	if c.bytes() != o.bytes() {
		return c.bytes() < o.bytes()
	}
	return c.firstSeen.After(o.firstSeen)
}

// leave removes a client. What it counted stays in the sum of what was forgotten.
func (r *Registry) leave(c *client) {
	r.total.Forgotten = plus(r.total.Forgotten, c.totals.Internet)
	r.base.Forgotten = plus(r.base.Forgotten, c.base.Internet)
	for _, m := range c.macs {
		delete(r.byMAC, m)
		if !c.firstSeen.IsZero() && len(r.known) < maxKnown {
			r.known[macHash(m)] = struct{}{}
		}
	}
	for _, a := range c.addrs {
		delete(r.byAddr, a)
	}
	delete(r.clients, c)
	r.moved = true
}

// macHash is 64 bits of FNV-1a: enough to tell whether a MAC was known once.
func macHash(m sample.MAC) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(m[:])
	return binary.BigEndian.Uint64(h.Sum(nil))
}

// Tidy forgets addresses that were not seen for a week and clients that were not
// seen for forget_after.
func (r *Registry) Tidy(now time.Time) {
	defer r.forgetLeavers()
	for c := range r.clients {
		seen := c.lastSeen
		if seen.IsZero() {
			seen = r.began // known from old counters alone
		}
		if c.declared == nil && r.cfg.ForgetAfter > 0 && now.Sub(seen) > r.cfg.ForgetAfter {
			r.leave(c)
			continue
		}
		for _, a := range slices.Clone(c.addrs) {
			if h := r.byAddr[a]; a != c.primary && h.trust < byOwner && now.Sub(h.seen) > addrLife {
				r.release(a)
			}
		}
	}
}

// trimAddrs drops the address of a client that was not seen for the longest time,
// once it has too many.
func (r *Registry) trimAddrs(c *client) {
	if len(c.addrs) <= maxAddrs {
		return
	}
	oldest := netip.Addr{}
	for _, a := range c.addrs[:len(c.addrs)-1] { // the last one has only come
		if a != c.primary && r.byAddr[a].trust < byOwner && (!oldest.IsValid() || r.byAddr[a].seen.Before(r.byAddr[oldest].seen)) {
			oldest = a
		}
	}
	if oldest.IsValid() {
		r.release(oldest)
	}
}
