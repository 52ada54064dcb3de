// Package collector shows what the exporter knows as Prometheus metrics. It is
// the only package that knows their names and their format.
package collector

import (
	"time"

	"router-monitoring/exporter/internal/registry"
	"router-monitoring/exporter/internal/sample"
)

// Scrape is all that one scrape shows.
type Scrape struct {
	*registry.Snapshot
	Sources            []Source
	Leases             []LeaseFile
	State              *State // nil where nothing is kept
	Hook, Table        string // of the accounting in force; empty while nothing is counted
	Bypassed           bool   // a flowtable may hide packets from the counters
	Repairs            uint64
	ConfigReloadFailed bool
	ConfigLoaded       time.Time
	Started            time.Time // the exporter
	Beside             Beside

	took    time.Duration // to gather the above
	process process       // that gathered it
}

// Source is the state of one source of samples.
type Source struct {
	Name     string
	Up       bool
	Duration time.Duration // of the last reading
}

// LeaseFile is the state of one file of DHCP leases.
type LeaseFile struct {
	Path, Format string
	Up           bool
	Leases       int
	BadLines     int // that could not be read last time
}

// State is how keeping the totals over a restart goes.
type State struct {
	Up       bool          // the last save succeeded
	LastSave time.Time     // that succeeded; zero if none did
	Duration time.Duration // of the last save
	Size     int64         // of the file, in bytes
}

// Beside is what is shown of the router beside its clients. Whatever is not
// configured is absent.
type Beside struct {
	Ports   *Ports // nil where port mappings are not read
	Uplinks []Uplink
	Probes  []sample.Probe
	Qdiscs  []sample.Qdisc
	Pools   []sample.Pool // of DHCP servers, each server and name once
}
