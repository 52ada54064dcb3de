package monitor

import (
	"context"
	"sync"
	"time"

	"router-monitoring/exporter/internal/collector"
	"router-monitoring/exporter/internal/config"
)

// part is a source that tells something of the router beside its clients. It is
// off, and costs nothing, unless the configuration turns it on.
type part struct {
	id sourceID
	on func(*config.Config) bool

	// read takes a reading, for besidePatience at most, and returns what shows it.
	read func(context.Context, *Monitor, *config.Config) (show func(*collector.Beside), err error)
}

// parts are all there are, each at home in a file of its own.
var parts = []part{portsPart, probePart, dhcpPools}

// besidePatience is how long a service may take to answer.
const besidePatience = 2 * time.Second

// runBeside reads the parts that are on again and again, and at once where the
// configuration changes, until ctx ends.
func (m *Monitor) runBeside(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.besideNow:
		case <-time.After(m.interval()):
		}
		m.readBeside(ctx)
	}
}

// readBeside reads them side by side, so that one that hangs delays no other. A
// reading that did not succeed, or is no longer wanted, takes what it showed away.
func (m *Monitor) readBeside(ctx context.Context) {
	m.mu.Lock()
	cfg := m.cfg
	m.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, besidePatience)
	defer cancel()
	shows := make([]func(*collector.Beside), len(parts))
	var wg sync.WaitGroup
	for i, p := range parts {
		if !p.on(cfg) {
			continue
		}
		wg.Go(func() {
			start := time.Now()
			show, err := p.read(ctx, m, cfg)
			if ctx.Err() == context.Canceled {
				return
			}
			m.note(p.id, start, err)
			shows[i] = show
		})
	}
	wg.Wait()
	var beside collector.Beside
	for _, show := range shows {
		if show != nil {
			show(&beside)
		}
	}
	m.mu.Lock()
	m.beside = beside
	m.mu.Unlock()
}
