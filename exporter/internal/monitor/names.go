package monitor

import (
	"context"
	"sync"
	"time"

	"router-monitoring/exporter/internal/collector"
	"router-monitoring/exporter/internal/config"
	"router-monitoring/exporter/internal/lease"
	"router-monitoring/exporter/internal/oui"
	"router-monitoring/exporter/internal/sample"
)

// leaseFallback is how often lease files are looked at where the kernel tells of
// no change to them.
const leaseFallback = 30 * time.Second

// followLeases follows the lease files of a configuration until ctx ends or the
// returned function is called.
func (m *Monitor) followLeases(ctx context.Context, cfg *config.Config) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var files []lease.File
	for _, f := range cfg.DHCP.Leases {
		files = append(files, lease.File{Format: lease.Format(f.Format), Path: f.Path})
	}
	follower := lease.NewFollower(files, leaseFallback, m.log)
	m.mu.Lock()
	m.leases = follower
	m.mu.Unlock()
	var wg sync.WaitGroup
	wg.Go(func() { follower.Run(ctx) })
	wg.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-follower.Changed():
				m.readAccounting() // what came so far is those clients' that had the addresses so far
				m.mu.Lock()
				m.registry.SetLeases(time.Now(), follower.Reading().Leases)
				m.saveIfMoved()
				m.mu.Unlock()
			}
		}
	})
	return func() {
		cancel()
		wg.Wait()
		m.mu.Lock()
		m.registry.ForgetLeases()
		m.mu.Unlock()
	}
}

// leaseFiles shows how the lease files are.
func leaseFiles(f *lease.Follower) []collector.LeaseFile {
	if f == nil {
		return nil
	}
	var out []collector.LeaseFile
	for _, s := range f.Reading().Files {
		out = append(out, collector.LeaseFile{Path: s.Path, Format: string(s.Format), Up: s.Up, Leases: s.Leases, BadLines: s.BadLines})
	}
	return out
}

// loadVendors reads the list of MAC vendors; without it clients have none.
func (m *Monitor) loadVendors(path string) func(sample.MAC) string {
	if path == "" {
		return nil
	}
	table, err := oui.Load(path)
	if err != nil {
		m.log.Error("clients will have no vendor", "err", err)
		return nil
	}
	return table.Name
}
