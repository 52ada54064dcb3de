package monitor

import (
	"context"
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"router-monitoring/exporter/internal/config"
	"router-monitoring/exporter/internal/kernel"
	"router-monitoring/exporter/internal/sample"
)

// occasion tells why the table is looked at, and so what a change to it means.
type occasion int

const (
	startup occasion = iota // nothing is expected of what is there
	changed                 // interfaces or prefixes may have changed
	repair                  // a change is somebody else's doing
)

func (m *Monitor) openAccounting(cfg *config.Config) (err error) {
	if cfg.Accounting.Enabled {
		m.accounting, err = kernel.OpenAccounting(accountingOptions(cfg))
	}
	return err
}

func accountingOptions(cfg *config.Config) kernel.AccountingOptions {
	o := kernel.AccountingOptions{Table: cfg.Accounting.Table, Size: cfg.Accounting.MaxClients, Protect: cfg.Accounting.ProtectTable}
	for hook, name := range [sample.Hooks]string{config.HookForward, config.HookDevice} {
		if name == cfg.Accounting.Hook {
			chosen := sample.Hook(hook)
			o.Hook = &chosen
		}
	}
	return o
}

func (m *Monitor) closeAccounting() error {
	if m.accounting == nil {
		return nil
	}
	return m.accounting.Close()
}

// reopenAccounting follows a configuration that changes the table. A table no
// longer wanted is removed; its counters were read before.
func (m *Monitor) reopenAccounting(old, cfg *config.Config) {
	before := m.accounting
	m.mu.Lock()
	m.accounting, m.hook, m.installed, m.bypass = nil, "", false, ""
	err := m.openAccounting(cfg)
	m.mu.Unlock()
	if before != nil {
		if !cfg.Accounting.Enabled || cfg.Accounting.Table != old.Accounting.Table {
			err = errors.Join(err, before.Remove())
		}
		err = errors.Join(err, before.Close())
	}
	if err != nil {
		m.log.Error("changing the accounting table went wrong", "err", err)
	}
}

// watchTable follows changes to the table; nil where there is nothing to follow
// or it cannot be, which the periodic check makes up for.
func (m *Monitor) watchTable(ctx context.Context) (changes <-chan struct{}, stop func()) {
	if m.accounting == nil {
		return nil, func() {}
	}
	ctx, stop = context.WithCancel(ctx)
	changes, err := m.accounting.Watch(ctx)
	if err != nil {
		m.log.Debug("watching the accounting table went wrong", "err", err)
	}
	return changes, stop
}

// removeUnwanted removes a table of ours that an earlier run left behind, where
// accounting is off: it would go on counting, to come back as a leap.
func (m *Monitor) removeUnwanted() {
	if m.cfg.Accounting.Enabled {
		return
	}
	table, err := kernel.OpenAccounting(kernel.AccountingOptions{Table: m.cfg.Accounting.Table, Size: m.cfg.Accounting.MaxClients})
	if err == nil {
		err = errors.Join(table.RemoveOurs(), table.Close())
	}
	if err != nil {
		m.log.Debug("looking for a table left behind went wrong", "err", err)
	}
}

// followNetwork reads the interfaces, which takes as long as it returns, and makes
// the table fit them.
func (m *Monitor) followNetwork(why occasion) (took time.Duration) {
	m.mu.Lock()
	spec := kernel.NetworkSpec{LAN: m.cfg.LAN.Interfaces, Subnets: m.cfg.LAN.Subnets, WAN: m.cfg.WAN.Interfaces}
	if spec.Shape = m.cfg.QoS.Enabled; spec.Shape {
		spec.Shaped = m.cfg.QoS.Interfaces
	}
	before := m.network
	m.mu.Unlock()
	start := time.Now()
	n, err := kernel.ReadNetwork(spec)
	took = m.note(links, start, err)
	if err == nil {
		m.followUplinks(start, n.Uplinks, len(spec.WAN) > 0)
	}
	if err == nil && !reflect.DeepEqual(n, before) {
		m.logNetwork(before, n)
		m.mu.Lock()
		m.network = n
		m.registry.SetNetwork(n)
		m.mu.Unlock()
		if why == repair {
			why = changed
		}
	}
	_ = m.ensure(why)
	return took
}

// followUplinks takes a reading of the connections to the Internet. That alone
// changes which are remembered.
func (m *Monitor) followUplinks(now time.Time, links []sample.Uplink, named bool) {
	ages := map[string]time.Duration{}
	for _, l := range links {
		m.mu.Lock()
		known := m.uplinks[l.Name] != nil
		m.mu.Unlock()
		if !known && l.Up {
			ages[l.Name] = m.uplinkAge(l)
		}
	}
	m.mu.Lock()
	flipped := m.uplinks.see(now, links, named, ages)
	m.mu.Unlock()
	m.logUplinks(flipped)
}

// logNetwork says what is watched, and what is waited for, when that changes.
func (m *Monitor) logNetwork(before, n sample.Network) {
	if !slices.Equal(n.Missing, before.Missing) && len(n.Missing) > 0 {
		m.log.Warn("waiting for interfaces that do not exist; counting on them begins when they appear", "interfaces", strings.Join(n.Missing, ","))
	}
	if slices.Equal(names(n.LAN), names(before.LAN)) && slices.Equal(n.WAN, before.WAN) && slices.Equal(n.Subnets, before.Subnets) {
		return
	}
	m.log.Info("watching", "lan", strings.Join(names(n.LAN), ","), "subnets", join(n.Subnets), "wan", strings.Join(n.WAN, ","))
	if len(n.LAN) == 0 {
		m.log.Warn("no LAN interface found: name it in lan.interfaces")
	}
	if len(n.WAN) == 0 {
		m.log.Warn("no WAN interface found, for there is no default route: nothing can be counted until there is one or wan.interfaces names it")
	}
}

// logUplinks says which connections to the Internet were lost or came back.
func (m *Monitor) logUplinks(flipped []sample.Uplink) {
	for _, l := range flipped {
		if l.Up {
			m.log.Info("the Internet connection is back", "interface", l.Name)
		} else {
			m.log.Warn("the Internet connection is lost: the interface is down or gone, or no default route leads out of it", "interface", l.Name)
		}
	}
}

// uplinkAge is how long a connection has been up that was before the exporter.
func (m *Monitor) uplinkAge(l sample.Uplink) time.Duration {
	age, err := kernel.UplinkAge(l)
	if err != nil {
		m.log.Debug("the uptime of the Internet connection begins now", "interface", l.Name, "err", err)
	}
	return age
}

// ensure puts the table right and says so where that is news.
func (m *Monitor) ensure(why occasion) error {
	m.mu.Lock()
	acct, network, table := m.accounting, m.network, m.cfg.Accounting.Table
	m.mu.Unlock()
	if acct == nil {
		return nil
	}
	start := time.Now()
	done, err := acct.Ensure(network)
	if done.Outcome == kernel.Outdated && err == nil {
		m.readLast(acct)
		done, err = acct.Replace(network)
	}
	if err != nil {
		m.note(accounting, start, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hook = ""
	if err != nil {
		return err
	}
	if len(network.WAN) > 0 && len(network.LAN) > 0 {
		m.hook = done.Hook.String()
	}
	switch {
	case done.Outcome == kernel.Unchanged && why != startup:
	case done.Switched:
		m.log.Info("counting moved to another hook, for a flowtable came or went", "hook", done.Hook.String())
	case m.installed && (why == repair || why == changed && done.Outcome == kernel.Installed): // new interfaces alone replace rules only
		m.repairs++
		m.log.Warn("the accounting table was deleted or changed by another program and is put right; what was forwarded meanwhile is not counted", "table", table, "outcome", string(done.Outcome))
	default:
		m.log.Info("accounting table ready", "table", table, "hook", done.Hook.String(), "outcome", string(done.Outcome))
	}
	m.noteProtection(done)
	m.noteBypass(done.Bypass)
	m.installed = true
	return nil
}

// noteProtection says, once, that the kernel cannot do what was asked for. The
// caller holds m.mu.
func (m *Monitor) noteProtection(done kernel.Accounted) {
	if m.cfg.Accounting.ProtectTable && !done.Protected && !m.installed {
		m.log.Warn("this kernel cannot protect the accounting table (that takes Linux 6.9): after a flush it is made anew, and what passes in between is not counted")
	}
}

// noteBypass says that packets escape the counters, when that begins. The caller
// holds m.mu.
func (m *Monitor) noteBypass(bypass string) {
	switch {
	case bypass == m.bypass:
	case bypass != "":
		m.log.Warn("packets may pass uncounted: " + bypass)
	default:
		m.log.Info("no flowtable hides packets from the counters any more")
	}
	m.bypass = bypass
}

// readLast reads a table that is about to be replaced, as it is only at the start
// of a configuration, when nothing else reads it.
func (m *Monitor) readLast(acct *kernel.Accounting) {
	a, err := acct.Read()
	if err != nil {
		m.log.Warn("what the table with the old max_clients counted is lost", "err", err)
		return
	}
	m.mu.Lock()
	m.registry.SetAccounting(time.Now(), a...)
	m.mu.Unlock()
}

// readAccounting reads the byte counters into the registry. Readings never
// overlap, for an older one after a newer one would look like a reset.
func (m *Monitor) readAccounting() { m.readAccountingThen(nil) }

// readAccountingThen calls then, if the reading succeeds, before the next
// reading can begin. Where a reading is under way already it only waits for that.
func (m *Monitor) readAccountingThen(then func(*kernel.Accounting)) {
	_, _, _ = m.reads.Do("", func() (any, error) {
		m.mu.Lock()
		acct, ensured := m.accounting, m.ensured
		m.mu.Unlock()
		if acct == nil || !ensured {
			return nil, nil
		}
		start := time.Now()
		a, err := acct.Read()
		if errors.Is(err, kernel.ErrTableGone) {
			if m.ensure(repair) != nil {
				return nil, nil // noted there
			}
			a, err = acct.Read()
		}
		m.note(accounting, start, err)
		m.mu.Lock()
		m.lastRead = start
		if err == nil {
			m.registry.SetAccounting(start, a...)
			if epochs(a...) != m.keep.epochs && m.ready.Load() {
				m.saveSoon()
			}
			m.saveIfMoved()
		}
		m.mu.Unlock()
		if err == nil && then != nil {
			then(acct)
		}
		return nil, nil
	})
}

// tidy forgets what was not seen for long: clients, addresses, and a table that
// counts no more.
func (m *Monitor) tidy() {
	m.mu.Lock()
	m.registry.Tidy(time.Now())
	m.mu.Unlock()
	m.readAccountingThen(func(acct *kernel.Accounting) {
		if acct.Retired() {
			m.save(false) // what it counted last
			if err := acct.Retire(); err != nil {
				m.log.Debug("removing the table of the other hook went wrong", "err", err)
			}
		}
	})
	m.drain()
}

// drain deletes elements that are idle, right after they were read once more.
func (m *Monitor) drain() {
	if len(m.idle()) == 0 {
		return
	}
	m.readAccountingThen(func(acct *kernel.Accounting) {
		gone, err := acct.Drain(m.idle())
		if err != nil {
			m.log.Debug("draining idle elements went wrong", "err", err)
		}
		m.mu.Lock()
		m.registry.Drained(gone)
		m.saveSoon() // the state must not expect them to count on
		m.mu.Unlock()
	})
}

func (m *Monitor) idle() []sample.Element {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.registry.Idle(time.Now())
}

// seed makes places for the downloads of confirmed neighbours.
func (m *Monitor) seed(n sample.Network, p sample.Presence) {
	if m.accounting == nil {
		return
	}
	var addrs []netip.Addr
	for _, nb := range p.Neighbours {
		if nb.Confirmed && slices.ContainsFunc(n.Subnets, func(p netip.Prefix) bool { return p.Contains(nb.Addr) }) {
			addrs = append(addrs, nb.Addr)
		}
	}
	if err := m.accounting.Seed(addrs); err != nil && !errors.Is(err, kernel.ErrTableGone) {
		m.log.Debug("adding neighbours to the accounting table went wrong", "err", err)
	}
}

// epochs tells which tables were read.
func epochs(readings ...sample.Accounting) (all [sample.Hooks]string) {
	for i := range readings {
		all[readings[i].Hook] = readings[i].Epoch
	}
	return all
}

func names(links []sample.Link) []string {
	var out []string
	for _, l := range links {
		out = append(out, l.Name)
	}
	return out
}

func join(ps []netip.Prefix) string {
	var out []string
	for _, p := range ps {
		out = append(out, p.String())
	}
	return strings.Join(out, ",")
}
