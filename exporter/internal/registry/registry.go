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
	Excluded         []netip.Prefix // addresses that are nobody's client
	Declared         []Declared     // clients the owner named
}

// Declared is a client the owner knows by MACs, addresses or both.
type Declared struct {
	Name  string
	Type  string // free text
	MACs  []sample.MAC
	Addrs []netip.Addr
}

// Registry holds all clients. It is not safe for concurrent use.
type Registry struct {
	cfg Config
	lan []sample.Link

	clients map[*client]struct{}
	byMAC   map[sample.MAC]*client
	byAddr  map[netip.Addr]*holding

	ledger       ledger
	forwarded    sample.ByDirection
	router       sample.ByDirection
	unattributed Unattributed
	conflicts    uint64

	connections *sample.Connections
}

// New returns a registry that holds the declared clients.
func New(cfg Config, now time.Time) *Registry {
	r := &Registry{
		clients: map[*client]struct{}{},
		byMAC:   map[sample.MAC]*client{},
		byAddr:  map[netip.Addr]*holding{},
		ledger:  ledger{elements: map[elementKey]reading{}},
	}
	r.Configure(cfg, now)
	return r
}

// Configure puts a new configuration in force. Totals stay with their clients;
// clients that are no longer declared become ordinary ones.
func (r *Registry) Configure(cfg Config, now time.Time) {
	r.cfg = cfg
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
		if c.declared == nil && c.unused() {
			r.remove(c)
		}
	}
	for addr := range r.byAddr {
		if r.excluded(addr) {
			r.release(addr)
		}
	}
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
