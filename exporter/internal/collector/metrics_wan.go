package collector

import (
	"net/netip"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// Uplink is a connection to the Internet, known by its interface.
type Uplink struct {
	Name        string
	Up          bool
	Since       time.Time // up; zero while down
	Addrs       []netip.Addr
	LinkChanges uint64
	IPv4Changes uint64 // of its addresses
	IPv6Changes uint64
}

// wanMetrics are those of the Internet connection.
var wanMetrics = []*Metric{
	single("network_wan_info", gauge,
		"Always 1. A global address of the interface toward the Internet, private ones included, privacy addresses left out.", []string{"interface", "ip"},
		ofUplinks(func(u *Uplink, out *samples) {
			for _, a := range u.Addrs {
				out.add(1, u.Name, a.String())
			}
		})),
	single("network_wan_up", gauge,
		"1 if the interface toward the Internet has a link and a default route leads out of it. Absent while none was ever found.", []string{"interface"},
		ofUplinks(func(u *Uplink, out *samples) { out.bool(u.Up, u.Name) })),
	single("network_wan_up_since_timestamp_seconds", gauge,
		"Unix time since when the connection is up; if it was when the exporter started, since its oldest address came. Absent while it is down.", []string{"interface"},
		ofUplinks(func(u *Uplink, out *samples) { out.time(u.Since, u.Name) })),
	single("network_wan_link_changes_total", counter,
		"Times the connection was lost or came back.", []string{"interface"},
		ofUplinks(func(u *Uplink, out *samples) { out.count(u.LinkChanges, u.Name) })),
	single("network_wan_address_changes_total", counter,
		"Times the connection was given a global address that it did not have before. One that comes back with its old address counts nothing.", []string{"interface", "family"},
		ofUplinks(func(u *Uplink, out *samples) {
			out.count(u.IPv4Changes, u.Name, "ipv4")
			out.count(u.IPv6Changes, u.Name, "ipv6")
		})),
	single("network_wan_probe_up", gauge,
		"1 if the last probe (ICMP echo, ping) of the target was answered in time. This and the others of probes are absent without wan.probes.", []string{"target"},
		ofProbes(func(p *sample.Probe, out *samples) {
			if p.Sent > 0 {
				out.bool(p.Up, p.Target.String())
			}
		})),
	single("network_wan_probe_sent_total", counter,
		"Probes sent to the target whose outcome is known: answered or lost. Those that found no way out of the router count as lost.", []string{"target"},
		ofProbes(func(p *sample.Probe, out *samples) { out.count(p.Sent, p.Target.String()) })),
	single("network_wan_probe_received_total", counter,
		"Probes that were answered in time: within wan.probes.interval, and within 2 seconds.", []string{"target"},
		ofProbes(func(p *sample.Probe, out *samples) { out.count(p.Received, p.Target.String()) })),
	single("network_wan_probe_rtt_seconds", gauge,
		"Round-trip time of the last probe. Absent if it was lost.", []string{"target"},
		ofProbes(func(p *sample.Probe, out *samples) {
			if p.Up {
				out.add(p.RTT.Seconds(), p.Target.String())
			}
		})),
	single("network_wan_probe_rtt_seconds_total", counter,
		"Round-trip times of all answered probes added up; divided by network_wan_probe_received_total they give the mean.", []string{"target"},
		ofProbes(func(p *sample.Probe, out *samples) { out.add(p.RTTSum.Seconds(), p.Target.String()) })),
}

func ofProbes(of func(*sample.Probe, *samples)) func(*Scrape, *samples) {
	return each(func(s *Scrape) []sample.Probe { return s.Beside.Probes }, of)
}

func ofUplinks(of func(*Uplink, *samples)) func(*Scrape, *samples) {
	return each(func(s *Scrape) []Uplink { return s.Beside.Uplinks }, of)
}
