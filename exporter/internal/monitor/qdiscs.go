package monitor

import (
	"time"

	"router-monitoring/exporter/internal/sample"
)

// readQdiscs reads the queueing disciplines, where that is asked for. It is no part
// of what runBeside reads in its own time but belongs to each scrape: their bytes
// and drops are set beside the clients' bytes, which are fresh too, and a rate over
// a minute would be off by a twelfth where a reading may be 5 s old. It takes a
// tenth of a millisecond. Scrapes at the same time share a reading.
func (m *Monitor) readQdiscs() []sample.Qdisc {
	all, _, _ := m.reads.Do("qdiscs", func() (any, error) {
		m.mu.Lock()
		on, devices := m.cfg.QoS.Enabled, m.network.Shaped
		m.mu.Unlock()
		if !on {
			return []sample.Qdisc(nil), nil
		}
		start := time.Now()
		all, err := m.qdiscs.Read(devices)
		m.note(qdiscs, start, err)
		return all, nil
	})
	return all.([]sample.Qdisc)
}
