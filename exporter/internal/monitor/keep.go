package monitor

import (
	"context"
	"errors"
	"sync"
	"time"

	"router-monitoring/exporter/internal/collector"
	"router-monitoring/exporter/internal/config"
	"router-monitoring/exporter/internal/registry"
	"router-monitoring/exporter/internal/sample"
	"router-monitoring/exporter/internal/state"
)

const (
	saveInterval = time.Minute
	// A table made anew is saved at once, since after a crash only its epoch
	// tells what the totals include, and so are addresses that changed hands; but
	// not more often than that.
	savePause = 5 * time.Second
)

// keeper writes the registry's state to disk.
type keeper struct {
	store  *state.Store // nil where the folder cannot be used
	saving sync.Mutex   // one save at a time
	saved  collector.State
	fault  string
	epochs [sample.Hooks]string // of the tables in the state saved last
	now    chan struct{}        // asks for a save out of turn
}

// openState opens the state folder and returns the registry that goes on from
// what it holds, or one without a past. A folder that cannot be used is an error
// to log, not to stop for: the kernel keeps the counters for as long as it runs.
func (m *Monitor) openState(cfg *config.Config) *registry.Registry {
	now, rc := time.Now(), m.registryConfig(cfg)
	m.keep.now = make(chan struct{}, 1)
	store, err := state.Open(cfg.StateDir)
	if err != nil {
		m.keep.fault = err.Error()
		m.log.Error("totals and names will not outlive a reboot", "err", err)
		return registry.NewAfterLoss(rc, now)
	}
	m.keep.store = store
	m.keep.saved.Up = true
	s, err := store.Load()
	switch {
	case err != nil:
		m.log.Error("the saved totals and names cannot be used; beginning anew", "err", err)
	case s != nil:
		return registry.Restore(rc, s, now)
	}
	return registry.NewAfterLoss(rc, now)
}

// runSaves saves every minute, and when asked, until ctx ends.
func (m *Monitor) runSaves(ctx context.Context) {
	ticker := time.NewTicker(saveInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-m.keep.now:
			ticker.Reset(saveInterval)
		}
		m.save(false)
		select {
		case <-ctx.Done():
		case <-time.After(savePause):
		}
	}
}

// save writes the state, and logs where that begins to fail or to work again.
func (m *Monitor) save(shutdown bool) {
	if m.keep.store == nil {
		return
	}
	m.keep.saving.Lock()
	defer m.keep.saving.Unlock()
	m.mu.Lock()
	s := m.registry.State(shutdown)
	m.mu.Unlock()
	start := time.Now()
	size, err := m.keep.store.Save(s)
	m.mu.Lock()
	defer m.mu.Unlock()
	k := &m.keep
	if k.saved.Up = err == nil; err == nil {
		k.saved.LastSave, k.saved.Duration, k.saved.Size = start, time.Since(start), size
		k.epochs = epochs(s.Counters, s.Device)
	}
	fault := ""
	if err != nil {
		fault = err.Error()
	}
	switch {
	case fault == k.fault:
	case fault != "":
		m.log.Error("saving totals and names failed; they are kept in memory and tried again", "err", fault)
	default:
		m.log.Info("saving totals and names works again")
	}
	k.fault = fault
}

// saveIfMoved asks for a save where totals or addresses changed hands. The
// caller holds m.mu.
func (m *Monitor) saveIfMoved() {
	if m.registry.Moved() {
		m.saveSoon()
	}
}

// saveSoon asks for a save out of turn. The caller holds m.mu.
func (m *Monitor) saveSoon() {
	select {
	case m.keep.now <- struct{}{}:
	default:
	}
}

// closeState saves for the last time. Nothing may be shown afterwards.
func (m *Monitor) closeState() error {
	if m.keep.store == nil {
		return nil
	}
	m.save(true)
	var err error
	if m.keep.fault != "" {
		err = errors.New(m.keep.fault)
	}
	return errors.Join(err, m.keep.store.Close())
}
