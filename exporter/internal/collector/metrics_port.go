package collector

import (
	"time"
)

// Ports are the port mappings to clients.
type Ports struct {
	Mappings []PortMapping
	Clients  []PortCount
	Hidden   int // how many mappings found no place
}

// PortMapping is one mapping, as its labels name it.
type PortMapping struct {
	IP, Hostname, Protocol, ExternalPort, InternalPort, Source, Description string

	Expires time.Time // zero if it does not end by itself
}

// PortCount is how many mappings of a protocol lead to a client.
type PortCount struct {
	IP, Hostname, Protocol string

	Mappings int
}

var mappingLabels = []string{"ip", "hostname", "protocol", "external_port", "internal_port", "source", "description"}

func (m *PortMapping) labels() []string {
	return []string{m.IP, m.Hostname, m.Protocol, m.ExternalPort, m.InternalPort, m.Source, m.Description}
}

// portMetrics are those of port mappings.
var portMetrics = []*Metric{
	single("network_port_mappings", gauge,
		"Port mappings that lead to the client, by protocol: tcp, udp, the number of another one, or any.",
		[]string{"ip", "hostname", "protocol"},
		ofPorts(func(p *Ports, out *samples) {
			for _, c := range p.Clients {
				out.add(float64(c.Mappings), c.IP, c.Hostname, c.Protocol)
			}
		})),
	single("network_port_mapping_info", gauge,
		"Always 1. A port of the router, or a range of them, that leads to the client; of IPv6, the client's own port that the firewall lets through. source is miniupnpd if a program asked for it, else nftables.",
		mappingLabels,
		ofPorts(func(p *Ports, out *samples) {
			for i := range p.Mappings {
				out.add(1, p.Mappings[i].labels()...)
			}
		})),
	single("network_port_mapping_expiry_timestamp_seconds", gauge,
		"Unix time at which the port mapping ends unless the program asks again. Absent if it does not end by itself.",
		mappingLabels,
		ofPorts(func(p *Ports, out *samples) {
			for i := range p.Mappings {
				if m := &p.Mappings[i]; !m.Expires.IsZero() {
					out.add(float64(m.Expires.Unix()), m.labels()...)
				}
			}
		})),
	single("network_port_mappings_hidden", gauge,
		"Port mappings beyond the 256, and 64 of each client, that network_port_mapping_info shows.", nil,
		ofPorts(func(p *Ports, out *samples) { out.add(float64(p.Hidden)) })),
}

func ofPorts(of func(*Ports, *samples)) func(*Scrape, *samples) {
	return func(s *Scrape, out *samples) {
		if s.Beside.Ports != nil {
			of(s.Beside.Ports, out)
		}
	}
}
