package monitor

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"router-monitoring/exporter/internal/collector"
	"router-monitoring/exporter/internal/config"
	"router-monitoring/exporter/internal/kernel"
	"router-monitoring/exporter/internal/sample"
	"router-monitoring/exporter/internal/upnp"
)

// portsPart shows which ports of the router lead to clients.
var portsPart = part{portMappings, func(c *config.Config) bool { return c.Ports.Enabled }, readPorts}

// Bounds of the series, for a program may open one port after another. Those of one
// device leave room for the others'.
const (
	maxShownMappings = 256
	maxShownOfDevice = 64
)

// readPorts shows what could be read even where not all could.
func readPorts(_ context.Context, m *Monitor, cfg *config.Config) (func(*collector.Beside), error) {
	rules, err := m.readRules()
	errs := []error{err}
	var leases []sample.PortMapping
	for _, path := range cfg.Ports.LeaseFiles {
		some, err := upnp.ReadFile(path, time.Now())
		leases, errs = append(leases, some...), append(errs, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	ports := showPorts(joinPorts(rules, leases, names(m.network.LAN)), m.registry.Holder)
	return func(b *collector.Beside) { b.Ports = ports }, errors.Join(errs...)
}

func (m *Monitor) readRules() (rules []sample.PortMapping, err error) {
	if m.ports == nil {
		if m.ports, err = kernel.OpenPortMappings(); err != nil {
			return nil, err
		}
	}
	return m.ports.Read()
}

func (m *Monitor) closePorts() error {
	if m.ports == nil {
		return nil
	}
	return m.ports.Close()
}

// joinPorts makes one mapping of a lease and the rule that miniupnpd made for it.
// A lease without a rule stays where no lease has one, as rules of iptables cannot be
// read. Else it is none: a device may put lines into the file by its description.
// Rules for what comes from the LAN are left out: they open no port to the outside.
func joinPorts(rules, leases []sample.PortMapping, lan []string) []sample.PortMapping {
	type identity struct {
		addr     netip.Addr
		protocol string
		external sample.Ports
	}
	identify := func(m sample.PortMapping) identity { return identity{m.Addr, m.Protocol, m.External} }
	ruled, leased := map[identity]bool{}, map[identity]bool{}
	for _, m := range rules {
		ruled[identify(m)] = true
	}
	for _, m := range leases {
		leased[identify(m)] = true
	}
	anyRuled := slices.ContainsFunc(leases, func(m sample.PortMapping) bool { return ruled[identify(m)] })
	joined := slices.DeleteFunc(slices.Clone(leases), func(m sample.PortMapping) bool {
		return anyRuled && m.Addr.Is4() && !ruled[identify(m)]
	})
	for _, m := range rules {
		if !leased[identify(m)] && !slices.Contains(lan, m.Inside) {
			m.Description = upnp.CleanDescription(m.Description)
			joined = append(joined, m)
		}
	}
	return joined
}

// showPorts gives the mappings their labels, in an order that stays, each once.
func showPorts(mappings []sample.PortMapping, holder func(netip.Addr) (netip.Addr, string, bool)) *collector.Ports {
	slices.SortStableFunc(mappings, comparePorts)
	ports, place, counts := &collector.Ports{}, map[collector.PortMapping]int{}, map[collector.PortCount]int{}
	for _, m := range mappings {
		shown := showPort(m, holder)
		if i, twice := place[shown]; twice {
			old := &ports.Mappings[i]
			old.Expires = later(old.Expires, m.Expires)
			continue
		}
		place[shown] = len(ports.Mappings)
		counts[collector.PortCount{IP: shown.IP, Hostname: shown.Hostname, Protocol: shown.Protocol}]++
		shown.Expires = m.Expires
		ports.Mappings = append(ports.Mappings, shown)
	}
	for c, n := range counts {
		c.Mappings = n
		ports.Clients = append(ports.Clients, c)
	}
	slices.SortFunc(ports.Clients, func(a, b collector.PortCount) int {
		return cmp.Or(cmp.Compare(a.IP, b.IP), cmp.Compare(a.Protocol, b.Protocol))
	})
	all, ofDevice := len(ports.Mappings), map[string]int{}
	ports.Mappings = slices.DeleteFunc(ports.Mappings, func(m collector.PortMapping) bool {
		ofDevice[m.IP]++
		return ofDevice[m.IP] > maxShownOfDevice
	})
	ports.Mappings = ports.Mappings[:min(len(ports.Mappings), maxShownMappings)]
	ports.Hidden = all - len(ports.Mappings)
	return ports
}

// showPort gives a mapping its labels.
func showPort(m sample.PortMapping, holder func(netip.Addr) (netip.Addr, string, bool)) collector.PortMapping {
	ip, name, ok := holder(m.Addr)
	if !ok || !ip.IsValid() {
		ip = m.Addr
	}
	by := "nftables"
	if m.Daemon {
		by = "miniupnpd"
	}
	return collector.PortMapping{
		IP: ip.String(), Hostname: name, Protocol: m.Protocol,
		ExternalPort: m.External.String(), InternalPort: m.Internal.String(), Source: by, Description: m.Description,
	}
}

// later gives the time after the other; zero is never, after all others.
func later(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && a.After(b) {
		return a
	}
	return b
}

func comparePorts(a, b sample.PortMapping) int {
	return cmp.Or(a.Addr.Compare(b.Addr), cmp.Compare(a.Protocol, b.Protocol),
		cmp.Compare(a.External.First, b.External.First), cmp.Compare(a.External.Last, b.External.Last))
}
