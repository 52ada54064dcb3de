package monitor

import (
	"time"

	"router-monitoring/exporter/internal/web"
)

// Live reads the byte counters and shows everything known to those who look at
// this moment, with what was moved lately if they want to know.
func (m *Monitor) Live(history bool) *web.Reading {
	m.readAccounting()
	m.mu.Lock()
	defer m.mu.Unlock()
	look := m.registry.Look
	if history {
		look = m.registry.WithHistory
	}
	r := &web.Reading{Snapshot: look(time.Now()), Sources: map[string]bool{}, Hook: m.hook, Problems: m.troubles()}
	for id, s := range m.asked() {
		r.Sources[id.String()] = s.up
	}
	if m.bypass != "" {
		r.Problems = append(r.Problems, "packets may pass uncounted: "+m.bypass)
	}
	if m.keep.fault != "" {
		r.Problems = append(r.Problems, "totals and names are not saved, see the log")
	}
	return r
}
