package collector

import (
	"slices"
	"strconv"

	"router-monitoring/exporter/internal/registry"
	"router-monitoring/exporter/internal/sample"
)

// Metric is one exposed metric. Exactly one of its functions is set.
type Metric struct {
	Name   string
	Type   Type
	Help   string
	Labels []string // behind ip, hostname, mac and extra_labels for a client's

	client func(*registry.Client, *samples) // gives one client's samples
	single func(*Scrape, *samples)          // gives all samples of a metric of the router or the exporter
}

// Type is the type of a metric as Prometheus writes it.
type Type string

const (
	counter Type = "counter"
	gauge   Type = "gauge"
)

// OfClient reports a metric that has series for each client.
func (m *Metric) OfClient() bool { return m.client != nil }

// AllLabels are the metric's labels without the owner's extra ones.
func (m *Metric) AllLabels() []string {
	if m.OfClient() {
		return slices.Concat(clientLabels, m.Labels)
	}
	return m.Labels
}

// Labels that tell clients apart, in front of the owner's extra labels.
var clientLabels = []string{"ip", "hostname", "mac"}

const up, down = sample.Upload, sample.Download

// Metrics lists everything the package exposes, in the order of the docs. Each
// metric is written in one of these lists and nowhere else.
var Metrics = slices.Concat(mainMetrics, wanMetrics, qdiscMetrics, portMetrics, dhcpMetrics, processMetrics)

// mainMetrics are those of the clients, the household and the exporter.
var mainMetrics = []*Metric{
	client("network_client_rx_bytes_total", counter,
		"Bytes the client received from the Internet: IP packets with their headers, IPv4 and IPv6 together.", nil,
		func(c *registry.Client, out *samples) { out.count(c.Internet[down].Bytes) }),
	client("network_client_tx_bytes_total", counter,
		"Bytes the client sent to the Internet: IP packets with their headers, IPv4 and IPv6 together.", nil,
		func(c *registry.Client, out *samples) { out.count(c.Internet[up].Bytes) }),
	client("network_client_rx_packets_total", counter,
		"Packets the client received from the Internet. Segments that the kernel merged (GRO) count as one.", nil,
		func(c *registry.Client, out *samples) { out.count(c.Internet[down].Packets) }),
	client("network_client_tx_packets_total", counter,
		"Packets the client sent to the Internet. Segments that the kernel merged (GRO) count as one.", nil,
		func(c *registry.Client, out *samples) { out.count(c.Internet[up].Packets) }),
	client("network_client_local_rx_bytes_total", counter,
		"Bytes the client received from other local networks (VLANs, VPN) through the router. Absent while there were none.", nil,
		func(c *registry.Client, out *samples) {
			if c.Local != (sample.ByDirection{}) {
				out.count(c.Local[down].Bytes)
			}
		}),
	client("network_client_local_tx_bytes_total", counter,
		"Bytes the client sent to other local networks (VLANs, VPN) through the router. Absent while there were none.", nil,
		func(c *registry.Client, out *samples) {
			if c.Local != (sample.ByDirection{}) {
				out.count(c.Local[up].Bytes)
			}
		}),
	client("network_client_ipv6_rx_bytes_total", counter,
		"The IPv6 part of network_client_rx_bytes_total.", nil,
		func(c *registry.Client, out *samples) { out.count(c.IPv6[down].Bytes) }),
	client("network_client_ipv6_tx_bytes_total", counter,
		"The IPv6 part of network_client_tx_bytes_total.", nil,
		func(c *registry.Client, out *samples) { out.count(c.IPv6[up].Bytes) }),
	client("network_client_lifetime_bytes", gauge,
		"Internet bytes of the client since it was first seen. Unlike the counters this never begins again at zero.", []string{"direction"},
		func(c *registry.Client, out *samples) { out.bytes(c.Lifetime) }),
	client("network_client_period_bytes", gauge,
		"Internet bytes of the client since its billing day.", []string{"direction"},
		func(c *registry.Client, out *samples) { out.bytes(c.Period) }),
	client("network_client_quota_bytes", gauge,
		"Internet bytes the client may use from one billing day to the next, both directions together. Absent if it has no quota.", nil,
		func(c *registry.Client, out *samples) {
			if c.Quota > 0 {
				out.count(c.Quota)
			}
		}),
	client("network_client_connections", gauge,
		"Tracked connections of the client, each counted once.", nil,
		func(c *registry.Client, out *samples) { out.count(c.Connections.Sum()) }),
	client("network_client_connections_by_protocol", gauge,
		"Tracked connections of the client by transport protocol: tcp, udp, icmp (with ICMPv6), other.", []string{"protocol"},
		func(c *registry.Client, out *samples) {
			out.count(c.Connections.TCP, "tcp")
			out.count(c.Connections.UDP, "udp")
			out.count(c.Connections.ICMP, "icmp")
			out.count(c.Connections.Other, "other")
		}),
	client("network_client_online", gauge,
		"1 if the client was seen within offline_threshold: it sent something or answered the router.", nil,
		func(c *registry.Client, out *samples) { out.bool(c.Online) }),
	client("network_client_last_seen_timestamp_seconds", gauge,
		"Unix time of the client's last sign of life. Absent if it was never seen.", nil, lastSeen),
	client("network_client_last_seen_timestamp", gauge,
		"The same as network_client_last_seen_timestamp_seconds, under its old name.", nil, lastSeen),
	client("network_client_first_seen_timestamp_seconds", gauge,
		"Unix time of the client's first sign of life; 0 for clients found when records began or known from before: not news. Absent if it was never seen.", nil,
		func(c *registry.Client, out *samples) {
			switch {
			case !c.Baseline:
				out.time(c.FirstSeen)
			case !c.LastSeen.IsZero():
				out.add(0)
			}
		}),
	client("network_client_info", gauge,
		"Always 1. What is known of the client: the vendor of its network card, its type as declared, where its name comes from, its LAN interface, and whether its MAC is a made-up one.",
		[]string{"vendor", "type", "name_source", "interface", "random_mac"},
		func(c *registry.Client, out *samples) {
			out.add(1, c.Vendor, c.Type, string(c.NameSource), c.Interface, strconv.FormatBool(c.MAC.IsRandom()))
		}),

	single("network_clients", gauge, "Clients known, declared ones included.", nil,
		func(s *Scrape, out *samples) { out.add(float64(len(s.Clients))) }),
	single("network_clients_online", gauge, "Clients seen within offline_threshold.", nil,
		func(s *Scrape, out *samples) {
			n := 0
			for i := range s.Clients {
				if s.Clients[i].Online {
					n++
				}
			}
			out.add(float64(n))
		}),
	single("network_period_bytes", gauge,
		"Internet bytes of the household since its billing day.", []string{"direction"},
		func(s *Scrape, out *samples) { out.bytes(s.Period) }),
	single("network_period_quota_bytes", gauge,
		"Internet bytes the household may use from one billing day to the next, both directions together. Absent if it has no quota.", nil,
		func(s *Scrape, out *samples) {
			if s.PeriodQuota > 0 {
				out.count(s.PeriodQuota)
			}
		}),

	single("network_forwarded_bytes_total", counter,
		"All bytes forwarded between LAN and WAN, as IP packets. Clients' bytes, network_unattributed_bytes_total and network_forgotten_bytes_total together are this.", []string{"direction"},
		func(s *Scrape, out *samples) { out.bytes(s.Forwarded) }),
	single("network_unattributed_bytes_total", counter,
		"Bytes forwarded between LAN and WAN that no client's series holds, by reason: overflow (max_clients reached), excluded (an excluded address or one outside lan.subnets), unsolicited (from outside to an address that never spoke), evicted (a client's after it had to make room).",
		[]string{"direction", "reason"},
		func(s *Scrape, out *samples) {
			out.bytes(s.Unattributed.Overflow, "overflow")
			out.bytes(s.Unattributed.Excluded, "excluded")
			out.bytes(s.Unattributed.Unsolicited, "unsolicited")
			out.bytes(s.Unattributed.Evicted, "evicted")
		}),
	single("network_forgotten_bytes_total", counter,
		"Bytes of clients that were forgotten (forget_after) or had to make room. Clients, unattributed and forgotten bytes together are network_forwarded_bytes_total.", []string{"direction"},
		func(s *Scrape, out *samples) { out.bytes(s.Forgotten) }),
	single("network_router_rx_bytes_total", counter,
		"Bytes the router itself received from the Internet, as IP packets, those its firewall drops included.", nil,
		func(s *Scrape, out *samples) { out.count(s.Router[down].Bytes) }),
	single("network_router_tx_bytes_total", counter,
		"Bytes the router itself sent to the Internet, as IP packets.", nil,
		func(s *Scrape, out *samples) { out.count(s.Router[up].Bytes) }),
	single("network_client_identity_conflicts_total", counter,
		"Packets that claimed another client's address. Their bytes count for the MAC that sent them.", nil,
		func(s *Scrape, out *samples) { out.count(s.Conflicts) }),
	single("network_conntrack_entries", gauge, "Connections the kernel tracks, of all hosts.", nil,
		func(s *Scrape, out *samples) {
			if s.Connections != nil {
				out.count(s.Connections.Entries)
			}
		}),
	single("network_conntrack_entries_limit", gauge,
		"Most connections the kernel tracks (nf_conntrack_max); beyond it new ones are dropped.", nil,
		func(s *Scrape, out *samples) {
			if s.Connections != nil && s.Connections.Limit > 0 {
				out.count(s.Connections.Limit)
			}
		}),

	single("network_exporter_up", gauge, "1 if every enabled source answered.", nil,
		func(s *Scrape, out *samples) {
			out.bool(!slices.ContainsFunc(s.Sources, func(src Source) bool { return !src.Up }))
		}),
	single("network_exporter_source_up", gauge, "1 if the source answered last time.", []string{"source"},
		func(s *Scrape, out *samples) {
			for _, src := range s.Sources {
				out.bool(src.Up, src.Name)
			}
		}),
	single("network_exporter_source_duration_seconds", gauge, "Time the last reading of the source took.", []string{"source"},
		func(s *Scrape, out *samples) {
			for _, src := range s.Sources {
				out.add(src.Duration.Seconds(), src.Name)
			}
		}),
	single("network_exporter_scrape_duration_seconds", gauge,
		"Time this scrape took to read the byte counters and gather what is known; writing it out comes on top.", nil,
		func(s *Scrape, out *samples) { out.add(s.took.Seconds()) }),
	single("network_exporter_accounting_info", gauge,
		"Always 1. How bytes are counted: the hook in force and the nftables table that holds the counters. Absent while nothing is counted.", []string{"hook", "table"},
		func(s *Scrape, out *samples) {
			if s.Hook != "" {
				out.add(1, s.Hook, s.Table)
			}
		}),
	single("network_exporter_flowtable_bypass", gauge,
		"1 while a flowtable may hide packets from the counters: see the log for the remedy. Absent if accounting is off.", nil,
		func(s *Scrape, out *samples) {
			if slices.ContainsFunc(s.Sources, func(src Source) bool { return src.Name == "accounting" }) {
				out.bool(s.Bypassed)
			}
		}),
	single("network_exporter_accounting_repairs_total", counter,
		"Times the nftables table was found deleted or changed by somebody else and was put right.", nil,
		func(s *Scrape, out *samples) { out.count(s.Repairs) }),
	single("network_exporter_lease_up", gauge, "1 if the file of DHCP leases could be read last time.", []string{"path", "format"},
		func(s *Scrape, out *samples) {
			for _, f := range s.Leases {
				out.bool(f.Up, f.Path, f.Format)
			}
		}),
	single("network_exporter_leases", gauge, "DHCP leases in the file that are in force.", []string{"path", "format"},
		func(s *Scrape, out *samples) {
			for _, f := range s.Leases {
				out.add(float64(f.Leases), f.Path, f.Format)
			}
		}),
	single("network_exporter_lease_bad_lines", gauge, "Lines of the file of DHCP leases that could not be read last time.", []string{"path", "format"},
		func(s *Scrape, out *samples) {
			for _, f := range s.Leases {
				out.add(float64(f.BadLines), f.Path, f.Format)
			}
		}),
	single("network_exporter_state_up", gauge,
		"1 if the last save of the totals succeeded. This and the other metrics of the state are absent where none is kept.", nil,
		ofState(func(s *State, out *samples) { out.bool(s.Up) })),
	single("network_exporter_state_last_save_timestamp_seconds", gauge,
		"Unix time of the last save of the totals that succeeded. Absent if none did.", nil,
		ofState(func(s *State, out *samples) { out.time(s.LastSave) })),
	single("network_exporter_state_save_duration_seconds", gauge, "Time the last save of the totals took.", nil,
		ofState(func(s *State, out *samples) { out.add(s.Duration.Seconds()) })),
	single("network_exporter_state_size_bytes", gauge, "Size of the file that keeps the totals.", nil,
		ofState(func(s *State, out *samples) { out.add(float64(s.Size)) })),
	single("network_exporter_config_last_reload_successful", gauge,
		"1 if the last reload of the configuration (or its load at start) succeeded; 0 while an older one stays in force.", nil,
		func(s *Scrape, out *samples) { out.bool(!s.ConfigReloadFailed) }),
	single("network_exporter_config_last_reload_success_timestamp_seconds", gauge,
		"Unix time of the last successful load of the configuration.", nil,
		func(s *Scrape, out *samples) { out.time(s.ConfigLoaded) }),
}

func client(name string, t Type, help string, labels []string, of func(*registry.Client, *samples)) *Metric {
	return &Metric{Name: name, Type: t, Help: help, Labels: labels, client: of}
}

func single(name string, t Type, help string, labels []string, of func(*Scrape, *samples)) *Metric {
	return &Metric{Name: name, Type: t, Help: help, Labels: labels, single: of}
}

func lastSeen(c *registry.Client, out *samples) { out.time(c.LastSeen) }

func ofState(of func(*State, *samples)) func(*Scrape, *samples) {
	return func(s *Scrape, out *samples) {
		if s.State != nil {
			of(s.State, out)
		}
	}
}

// each gives the samples of all elements of a list.
func each[T any](list func(*Scrape) []T, of func(*T, *samples)) func(*Scrape, *samples) {
	return func(s *Scrape, out *samples) {
		all := list(s)
		for i := range all {
			of(&all[i], out)
		}
	}
}
