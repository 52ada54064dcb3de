// Package registry turns samples of the kernel into clients: who they are, what
// they are called, what they moved in all, whether they are there. It is pure:
// it opens no file, reads no clock and knows neither netlink nor Prometheus.
package registry

import (
	"net/netip"
	"slices"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// Config is what the owner decides.
type Config struct {
	MaxClients       int            // bound of clients, and so of series
	OfflineThreshold time.Duration  // not seen for longer means offline
	ForgetAfter      time.Duration  // an undeclared client not seen for longer leaves; 0 for never
	Excluded         []netip.Prefix // addresses that are nobody's client
	Declared         []Declared     // clients the owner named
	Quota            Quota          // of the household; its billing day is also that of clients without one
	Location         *time.Location // of the router, for billing days
	Vendor           func(sample.MAC) string
}

// Declared is a client the owner knows by MACs, addresses or both.
type Declared struct {
	Name  string
	Type  string // free text
	MACs  []sample.MAC
	Addrs []netip.Addr
	Quota Quota // billing day 0 for none
}

// Registry holds all clients. It is not safe for concurrent use.
type Registry struct {
	cfg Config
	lan []sample.Link

	clients map[*client]struct{}
	order   []*client // by address as of the last snapshot, newer ones behind; may hold some that left
	byMAC   map[sample.MAC]*client
	byAddr  map[netip.Addr]*holding
	leases  map[party]sample.Lease // by address and by MAC; nil before the first reading

	ledger    ledger
	total     Tally
	base      Tally // the part of total that is no longer shown
	period    Period
	today     Period
	rolled    hour // in which periods were looked at last
	pace      pace
	motion    motion // of all that goes over the line
	conflicts uint64

	began    time.Time // of records
	restored bool      // from a state
	shutdown bool      // that was saved at an orderly end
	lost     bool      // a state was expected and not found
	known    map[uint64]struct{}
	evicted  map[party]struct{}
	tokens   float64 // new clients that may come now
	refilled time.Time
	weight   uint64 // bytes of the element at hand: what a newcomer would bring

	floor     uint64 // in the reading floorRead no client with less than this could make room
	floorRead uint64
	moved     bool // see Moved

	connections *sample.Connections
}

// New returns a registry without a past, which holds the declared clients.
func New(cfg Config, now time.Time) *Registry {
	r := empty()
	r.began = now
	r.Configure(cfg, now)
	return r
}

// NewAfterLoss returns a registry without a past where there may have been one:
// a state was expected and is missing or damaged. What the kernel's table holds
// joins the lifetime totals, but is not shown: scrapes may have seen more.
func NewAfterLoss(cfg Config, now time.Time) *Registry {
	r := New(cfg, now)
	r.lost = true
	return r
}

func empty() *Registry {
	return &Registry{
		clients: map[*client]struct{}{},
		byMAC:   map[sample.MAC]*client{},
		byAddr:  map[netip.Addr]*holding{},
		known:   map[uint64]struct{}{},
		evicted: map[party]struct{}{},
		ledger:  ledger{elements: map[elementKey]*reading{}},
		tokens:  newBurst,
	}
}

// Configure puts a new configuration in force. Totals stay with their clients;
// clients that are no longer declared become ordinary ones.
func (r *Registry) Configure(cfg Config, now time.Time) {
	if cfg.Location == nil {
		cfg.Location = time.UTC
	}
	cfg.Quota.BillingDay = max(cfg.Quota.BillingDay, 1)
	r.cfg, r.rolled = cfg, hour{}
	for c := range r.clients {
		c.declared = nil
	}
	for _, h := range r.byAddr {
		h.trust = min(h.trust, byNeighbour)
	}
	for i := range cfg.Declared {
		r.declare(&cfg.Declared[i], now)
	}
	for c := range r.clients {
		if c.declared == nil && (c.unused() || len(c.macs)+len(c.addrs) == 0) {
			r.leave(c)
		}
	}
	for addr := range r.byAddr {
		if r.excluded(addr) {
			r.release(addr)
		}
	}
}

// Moved reports, once, that totals or addresses changed hands: the state should
// be saved soon, for after a crash it alone tells whose old bytes are whose.
func (r *Registry) Moved() bool {
	moved := r.moved
	r.moved = false
	return moved
}

// SetNetwork tells which links and prefixes are LAN: an address outside the
// links' own prefixes is behind another router, and the MAC it comes from is
// that router's.
func (r *Registry) SetNetwork(n sample.Network) { r.lan = n.LAN }

// link finds the LAN link whose own prefix holds addr, nil if none does.
func (r *Registry) link(addr netip.Addr) *sample.Link {
	for i := range r.lan {
		for _, p := range r.lan[i].Prefixes {
			if p.Contains(addr) {
				return &r.lan[i]
			}
		}
	}
	return nil
}

// excluded reports an address that is nobody's: excluded by the owner, or the
// router's own, which only a forged packet carries here.
func (r *Registry) excluded(addr netip.Addr) bool {
	for i := range r.lan {
		if slices.Contains(r.lan[i].Addrs, addr) {
			return true
		}
	}
	for _, p := range r.cfg.Excluded {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
