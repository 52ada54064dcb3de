package monitor

import (
	"fmt"
	"strings"
	"time"
)

// Status says in one line, to the router's owner, what the exporter does and
// what is amiss. It waits for its turn at what all loops and scrapes share, and
// so does not return where one of them never lets go of it.
func (m *Monitor) Status() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	clients, online := m.registry.Count(time.Now())
	doing, noun := "counting", "clients"
	if m.hook == "" {
		doing = "watching"
	}
	if clients == 1 {
		noun = "client"
	}
	status := fmt.Sprintf("%s %d %s", doing, clients, noun)
	if lan := names(m.network.LAN); len(lan) > 0 {
		status += " on " + strings.Join(lan, ", ")
	}
	return strings.Join(append([]string{fmt.Sprintf("%s, %d online", status, online)}, m.troubles()...), "; ")
}

// Clients is how many clients there are.
func (m *Monitor) Clients() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	clients, _ := m.registry.Count(time.Now())
	return clients
}

// troubles says what is amiss. The caller holds m.mu.
func (m *Monitor) troubles() (all []string) {
	switch missing := m.network.Missing; {
	case len(missing) > 0:
		all = append(all, "waiting for "+strings.Join(missing, ", "))
	case len(m.network.LAN) == 0:
		all = append(all, "no LAN interface found")
	case len(m.network.WAN) == 0:
		all = append(all, "no Internet connection found")
	}
	for id, s := range m.asked() {
		if s.fault != "" {
			all = append(all, fmt.Sprintf("source %s is down, see the log", id))
		}
	}
	if m.rejected {
		all = append(all, "the new configuration is not valid, the old one stays in force")
	}
	return all
}
