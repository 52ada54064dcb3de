// Package monitor reads the sources on their schedules, hands what they say to
// the registry and answers scrapes. One failing source never stops another.
package monitor

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"router-monitoring/exporter/internal/collector"
	"router-monitoring/exporter/internal/config"
	"router-monitoring/exporter/internal/kernel"
	"router-monitoring/exporter/internal/lease"
	"router-monitoring/exporter/internal/probe"
	"router-monitoring/exporter/internal/registry"
	"router-monitoring/exporter/internal/sample"
)

// Monitor owns the sources and the registry.
type Monitor struct {
	log       *slog.Logger
	conntrack *kernel.Conntrack
	presence  *kernel.Presence
	prober    *probe.Prober
	qdiscs    *kernel.Qdiscs     // opens nothing unless there is something to read
	reads     singleflight.Group // of the byte counters and of qdiscs: one at a time, shared by all who ask meanwhile
	reloads   chan reload
	besideNow chan struct{} // has runBeside read at once
	started   chan struct{} // closed once every source was asked
	ready     atomic.Bool
	control   pulse  // of runControl
	counting  pulse  // of runConntrack
	keep      keeper // its store and channel; the rest is guarded by mu

	mu         sync.Mutex // guards what follows
	cfg        *config.Config
	since      time.Time // of this monitor
	loaded     time.Time // when cfg was
	rejected   bool      // a newer configuration was
	registry   *registry.Registry
	network    sample.Network
	accounting *kernel.Accounting // nil where it is not enabled
	ensured    bool               // the table was looked after once since the configuration came
	installed  bool               // it was whole since then, so that finding it otherwise is a repair
	hook       string             // in force; empty while nothing is counted
	bypass     string             // why packets may pass uncounted; empty if none do
	repairs    uint64
	lastRead   time.Time // of the byte counters
	leases     *lease.Follower
	sources    [numSources]source
	beside     collector.Beside // what the parts said last

	ports   *kernel.PortMappings // opened when first read; of runBeside
	uplinks uplinks
	kea     map[string]keaReading // by socket; of runBeside alone
}

// New opens the sources in the network namespace of the calling thread. It
// changes nothing in the kernel.
func New(cfg *config.Config, log *slog.Logger) (*Monitor, error) {
	m := &Monitor{log: log, cfg: cfg, since: time.Now(), loaded: time.Now(), uplinks: uplinks{}, prober: probe.New(), qdiscs: kernel.NewQdiscs(), reloads: make(chan reload), started: make(chan struct{}), besideNow: make(chan struct{}, 1)}
	m.registry = m.openState(cfg)
	m.prober.Configure(cfg.WAN.Probes.Targets, cfg.WAN.Probes.Interval)
	var errs [3]error
	m.conntrack, errs[0] = kernel.OpenConntrack()
	m.presence, errs[1] = kernel.OpenPresence()
	errs[2] = m.openAccounting(cfg)
	return m, errors.Join(errs[:]...)
}

// Run reads the sources until ctx ends. The kernel goes on counting afterwards.
func (m *Monitor) Run(ctx context.Context) error {
	network, err := kernel.WatchNetwork(ctx)
	if err != nil {
		return err
	}
	m.removeUnwanted()
	m.start()
	took := m.readConntrack()
	m.mu.Lock()
	m.registry.Settle()
	m.mu.Unlock()
	m.save(false)
	m.readBeside(ctx)
	m.ready.Store(true)
	close(m.started)
	var wg sync.WaitGroup
	wg.Go(func() { m.runConntrack(ctx, took) })
	wg.Go(func() { m.runSaves(ctx) })
	wg.Go(func() { m.runBeside(ctx) })
	wg.Go(func() { m.prober.Run(ctx) })
	m.runControl(ctx, network)
	wg.Wait()
	m.ready.Store(false)
	m.readAccounting()
	return errors.Join(m.closeState(), m.conntrack.Close(), m.presence.Close(), m.qdiscs.Close(), m.closeAccounting(), m.closePorts())
}

// start puts the configuration to work.
func (m *Monitor) start() {
	m.followNetwork(startup)
	m.mu.Lock()
	m.ensured = true
	m.mu.Unlock()
	m.readPresence() // first, so that addresses are known when bytes are
	m.readAccounting()
}

// Ready reports whether scrapes can be answered: every source was asked once,
// and the end has not begun.
func (m *Monitor) Ready() bool { return m.ready.Load() }

// Started is closed when scrapes can be answered.
func (m *Monitor) Started() <-chan struct{} { return m.started }

// verifyInterval bounds how long a change to the table can go unseen should the
// kernel's event about it be lost.
const verifyInterval = time.Minute

// runControl does all that changes the table or the set of interfaces, one
// thing after the other.
func (m *Monitor) runControl(ctx context.Context, network <-chan struct{}) {
	m.control.beat(0)
	defer m.control.end()
	var table <-chan struct{}
	stopTable := func() {}
	refresh := time.NewTimer(m.interval())
	verify := time.NewTicker(verifyInterval)
	defer refresh.Stop()
	defer verify.Stop()
	stopLeases := m.followLeases(ctx, m.cfg)
	defer func() { stopLeases(); stopTable() }()
	changes, rested := network, (<-chan time.Time)(nil)
	for {
		if table == nil {
			table, stopTable = m.watchTable(ctx)
		}
		m.control.beat(min(m.interval(), verifyInterval))
		select {
		case <-ctx.Done():
			return
		case r := <-m.reloads:
			if leasesChanged := !reflect.DeepEqual(r.cfg.DHCP, m.cfg.DHCP); leasesChanged {
				stopLeases()
				stopLeases = m.followLeases(ctx, r.cfg)
			}
			m.apply(r.cfg)
			stopTable()
			table = nil
			refresh.Reset(m.interval())
			close(r.done)
		case <-changes:
			changes, rested = nil, time.After(networkShare*m.followNetwork(changed))
		case <-rested:
			changes, rested = network, nil
		case _, open := <-table:
			if !open {
				stopTable()
				table = nil
			}
			_ = m.ensure(repair)
		case <-verify.C:
			m.followNetwork(repair)
			m.tidy()
		case <-refresh.C:
			m.refresh()
			refresh.Reset(m.interval())
		}
	}
}

// networkShare bounds the time spent on reading the network: a router that knows
// the routes of the whole Internet hears of changes all the time, and takes seconds
// to read.
const networkShare = 20

func (m *Monitor) interval() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cfg.UpdateInterval
}

// refresh reads what scrapes do not: presence, and the byte counters where no
// scrape did, so that little is lost with a table that somebody deletes. It makes
// room in the kernel's sets.
func (m *Monitor) refresh() {
	m.mu.Lock()
	stale := time.Since(m.lastRead) >= m.cfg.UpdateInterval*9/10
	m.mu.Unlock()
	if stale { // before an address changes hands
		m.readAccounting()
	}
	m.drain()
	m.readPresence()
}

func (m *Monitor) readPresence() {
	m.mu.Lock()
	network := m.network
	m.mu.Unlock()
	start := time.Now()
	p, err := m.presence.Read(network.LAN)
	m.note(neighbours, start, err)
	if err != nil {
		return
	}
	m.mu.Lock()
	m.registry.SetPresence(start, p)
	m.saveIfMoved()
	m.mu.Unlock()
	m.seed(network, p)
}

// The kernel locks every bucket of the connection table for a dump, 262,144 of
// them on a machine with 4 GiB: 6 to 13 ms even when it is empty. So dumps are
// spaced to stay below 1/conntrackShare of a processor, but come every
// conntrackSlowest at the least.
const (
	conntrackShare   = 3000
	conntrackSlowest = 45 * time.Second
)

func (m *Monitor) runConntrack(ctx context.Context, took time.Duration) {
	defer m.counting.end()
	for {
		pause := max(m.interval(), min(conntrackShare*took, conntrackSlowest))
		m.counting.beat(pause)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
			took = m.readConntrack()
		}
	}
}

func (m *Monitor) readConntrack() time.Duration {
	m.mu.Lock()
	isClient := clientTest(m.network, m.cfg.ExcludedIPs)
	m.mu.Unlock()
	start := time.Now()
	conns, err := m.conntrack.Read(isClient)
	took := m.note(conntrack, start, err)
	if err == nil {
		m.mu.Lock()
		m.registry.SetConnections(conns)
		m.mu.Unlock()
	}
	return took
}

// clientTest reports whether an address is a LAN client's: inside the subnets
// and neither the router's own nor excluded.
func clientTest(n sample.Network, excluded []netip.Prefix) func(netip.Addr) bool {
	inAny := func(a netip.Addr, ps []netip.Prefix) bool {
		return slices.ContainsFunc(ps, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	own := map[netip.Addr]bool{}
	for _, l := range n.LAN {
		for _, a := range l.Addrs {
			own[a] = true
		}
	}
	return func(a netip.Addr) bool { return inAny(a, n.Subnets) && !own[a] && !inAny(a, excluded) }
}

// Scrape reads the byte counters and shows everything known. Scrapes at the same
// time share one reading.
func (m *Monitor) Scrape() collector.Scrape {
	m.readAccounting()
	qdiscs := m.readQdiscs()
	m.mu.Lock()
	defer m.mu.Unlock()
	now, saved, beside := time.Now(), m.keep.saved, m.beside
	m.since, m.loaded = keepPace(m.since, now, now.Sub(m.since)), keepPace(m.loaded, now, now.Sub(m.loaded))
	beside.Uplinks, beside.Qdiscs = m.uplinks.show(now), qdiscs
	s := collector.Scrape{
		Snapshot: m.registry.Snapshot(now), Started: m.since,
		Repairs: m.repairs, Hook: m.hook, Bypassed: m.bypass != "", Table: m.cfg.Accounting.Table,
		ConfigReloadFailed: m.rejected, ConfigLoaded: m.loaded,
		Leases: leaseFiles(m.leases), State: &saved, Beside: beside,
	}
	for id, src := range m.asked() {
		s.Sources = append(s.Sources, collector.Source{Name: id.String(), Up: src.up, Duration: src.took})
	}
	return s
}

// reload asks for a configuration to be put in force.
type reload struct {
	cfg  *config.Config
	done chan struct{} // closed when it is
}

// Reload puts a new configuration in force, unless ctx ends before. A nil one
// stands for a file that was rejected: the old one stays and the metrics say so.
func (m *Monitor) Reload(ctx context.Context, cfg *config.Config) {
	if cfg == nil {
		m.mu.Lock()
		m.rejected = true
		m.mu.Unlock()
		return
	}
	r := reload{cfg, make(chan struct{})}
	select {
	case m.reloads <- r:
	case <-ctx.Done():
		return
	}
	select {
	case <-r.done:
	case <-ctx.Done():
	}
}

func (m *Monitor) apply(cfg *config.Config) {
	m.readAccounting() // what the old table holds
	old := m.cfg
	m.mu.Lock()
	m.ensured = false
	m.mu.Unlock()
	if cfg.Accounting != old.Accounting {
		m.reopenAccounting(old, cfg)
	}
	if cfg.StateDir != old.StateDir {
		m.log.Warn("state_dir stays as it was until the next start", "in_use", old.StateDir)
	}
	now, rc := time.Now(), m.registryConfig(cfg)
	m.mu.Lock()
	m.cfg, m.loaded, m.rejected = cfg, now, false
	m.registry.Configure(rc, now)
	m.mu.Unlock()
	m.prober.Configure(cfg.WAN.Probes.Targets, cfg.WAN.Probes.Interval)
	if !cfg.QoS.Enabled {
		_ = m.qdiscs.Close()
	}
	m.start()
	select {
	case m.besideNow <- struct{}{}:
	default: // it is about to be read
	}
}

func (m *Monitor) registryConfig(cfg *config.Config) registry.Config {
	rc := registry.Config{
		MaxClients: cfg.Accounting.MaxClients, OfflineThreshold: cfg.OfflineThreshold, ForgetAfter: cfg.ForgetAfter,
		Excluded: cfg.ExcludedIPs, Quota: quota(cfg.Quota), Location: time.Local, Vendor: m.loadVendors(cfg.Vendors),
	}
	for _, c := range cfg.Clients {
		rc.Declared = append(rc.Declared, registry.Declared{Name: c.Name, Type: c.Type, MACs: c.MACs, Addrs: c.IPs, Quota: quota(c.Quota)})
	}
	return rc
}

func quota(q *config.Quota) registry.Quota {
	if q == nil {
		return registry.Quota{}
	}
	return registry.Quota{Bytes: q.Bytes, BillingDay: q.BillingDay}
}
