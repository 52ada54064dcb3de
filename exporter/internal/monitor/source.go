package monitor

import (
	"fmt"
	"iter"
	"time"
)

// sourceID names one source of samples.
type sourceID int

const (
	accounting sourceID = iota
	conntrack
	neighbours
	links
	portMappings
	probes
	qdiscs
	dhcp
	numSources
)

func (s sourceID) String() string {
	return [numSources]string{
		accounting:   "accounting",
		conntrack:    "conntrack",
		neighbours:   "neighbours",
		links:        "links",
		dhcp:         "dhcp",
		portMappings: "port_mappings",
		qdiscs:       "qdiscs",
		probes:       "probes",
	}[s]
}

type source struct {
	asked bool // at least once
	up    bool
	took  time.Duration
	fault string // what was logged; empty while up
}

// note records how a reading went, and logs it where that is news.
func (m *Monitor) note(id sourceID, start time.Time, err error) time.Duration {
	took := time.Since(start)
	m.mu.Lock()
	defer m.mu.Unlock()
	s := &m.sources[id]
	fault := ""
	if err != nil {
		fault = err.Error()
	}
	switch {
	case fault == s.fault:
	case fault != "":
		m.log.Error(fmt.Sprintf("source %s is down", id), "err", fault)
	default:
		m.log.Info(fmt.Sprintf("source %s is up again", id))
	}
	s.asked, s.up, s.took, s.fault = true, err == nil, took, fault
	return took
}

// asked gives the sources that are on, but those that nobody asked yet. The caller
// holds m.mu.
func (m *Monitor) asked() iter.Seq2[sourceID, source] {
	return func(yield func(sourceID, source) bool) {
		for i, s := range m.sources {
			if id := sourceID(i); s.asked && m.enabled(id) && !yield(id, s) {
				return
			}
		}
	}
}

// enabled reports a source that the configuration turns on.
func (m *Monitor) enabled(id sourceID) bool {
	if id == accounting {
		return m.accounting != nil
	}
	if id == qdiscs {
		return m.cfg.QoS.Enabled
	}
	for _, p := range parts {
		if p.id == id {
			return p.on(m.cfg)
		}
	}
	return true
}
