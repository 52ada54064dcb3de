package monitor

import (
	"context"

	"router-monitoring/exporter/internal/collector"
	"router-monitoring/exporter/internal/config"
)

// probePart shows how the probed addresses answer. The probes themselves run on a
// schedule of their own.
var probePart = part{
	id: probes,
	on: func(cfg *config.Config) bool { return len(cfg.WAN.Probes.Targets) > 0 },
	read: func(_ context.Context, m *Monitor, _ *config.Config) (func(*collector.Beside), error) {
		results, err := m.prober.Results()
		return func(b *collector.Beside) { b.Probes = results }, err
	},
}
