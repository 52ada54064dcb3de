// Package web shows who uses the line, this second: as a page for people and as
// JSON, CSV and a stream of events for programs. It knows the registry's
// snapshots and neither the kernel nor Prometheus.
package web

import (
	"time"

	"router-monitoring/exporter/internal/registry"
	"router-monitoring/exporter/internal/sample"
)

// Reading is all there is to show at one moment.
type Reading struct {
	*registry.Snapshot
	Sources  map[string]bool // whether each one answered
	Hook     string          // where bytes are counted; empty while nothing is
	Problems []string        // what is amiss, in words for the router's owner
}

// A rate says something about now for as long as it is not older than rateLife,
// and was not told over a longer time than that.
const rateLife = 10 * time.Second

// tellsNow reports a reading with rates of this moment.
func (r *Reading) tellsNow() bool {
	return !r.RateTime.IsZero() && r.Time.Sub(r.RateTime) <= rateLife && r.RateInterval <= rateLife
}

// audit compares what was forwarded with what clients and the unattributed rest
// say; see the metric network_forwarded_bytes_total.
func (r *Reading) audit() Audit {
	var a Audit
	for d, out := range map[sample.Direction]struct {
		unattributed *uint64
		difference   *int64
	}{
		sample.Download: {&a.UnattributedRX, &a.DifferenceRX},
		sample.Upload:   {&a.UnattributedTX, &a.DifferenceTX},
	} {
		u := &r.Unattributed
		for _, part := range []*sample.ByDirection{&u.Overflow, &u.Excluded, &u.Unsolicited, &u.Evicted} {
			*out.unattributed += part[d].Bytes
		}
		parts := *out.unattributed + r.Forgotten[d].Bytes
		for i := range r.Clients {
			parts += r.Clients[i].Internet[d].Bytes
		}
		*out.difference = int64(r.Forwarded[d].Bytes - parts)
	}
	return a
}
