package collector

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Metric names one exposed metric. Docs and tests read the same list that the
// collector does.
type Metric struct {
	Name   string
	Type   prometheus.ValueType
	Labels []string // behind ip, hostname, mac and extra_labels for a client's
	Client bool     // one series for each client
	Help   string
}

// Labels that tell clients apart, in front of the owner's extra labels.
var clientLabels = []string{"ip", "hostname", "mac"}

var (
	clientRxBytes = client("network_client_rx_bytes_total", counter,
		"Bytes the client received from the Internet: IP packets with their headers, IPv4 and IPv6 together.")
	clientTxBytes = client("network_client_tx_bytes_total", counter,
		"Bytes the client sent to the Internet: IP packets with their headers, IPv4 and IPv6 together.")
	clientRxPackets = client("network_client_rx_packets_total", counter,
		"Packets the client received from the Internet. Segments that the kernel merged (GRO) count as one.")
	clientTxPackets = client("network_client_tx_packets_total", counter,
		"Packets the client sent to the Internet. Segments that the kernel merged (GRO) count as one.")
	clientLocalRxBytes = client("network_client_local_rx_bytes_total", counter,
		"Bytes the client received from other local networks (VLANs, VPN) through the router. Absent while there were none.")
	clientLocalTxBytes = client("network_client_local_tx_bytes_total", counter,
		"Bytes the client sent to other local networks (VLANs, VPN) through the router. Absent while there were none.")
	clientIPv6RxBytes = client("network_client_ipv6_rx_bytes_total", counter,
		"The IPv6 part of network_client_rx_bytes_total.")
	clientIPv6TxBytes = client("network_client_ipv6_tx_bytes_total", counter,
		"The IPv6 part of network_client_tx_bytes_total.")
	clientConnections = client("network_client_connections", gauge,
		"Tracked connections of the client, each counted once.")
	clientConnectionsByProtocol = client("network_client_connections_by_protocol", gauge,
		"Tracked connections of the client by transport protocol: tcp, udp, icmp (with ICMPv6), other.", "protocol")
	clientOnline = client("network_client_online", gauge,
		"1 if the client was seen within offline_threshold: it sent something or answered the router.")
	clientLastSeen = client("network_client_last_seen_timestamp_seconds", gauge,
		"Unix time of the client's last sign of life. Absent if it was never seen.")
	clientLastSeenOld = client("network_client_last_seen_timestamp", gauge,
		"The same as network_client_last_seen_timestamp_seconds, under its old name.")
	clientFirstSeen = client("network_client_first_seen_timestamp_seconds", gauge,
		"Unix time of the client's first sign of life. Absent if it was never seen.")
	clientInfo = client("network_client_info", gauge,
		"Always 1. What is known of the client: its type as declared, where its name comes from, its LAN interface, and whether its MAC is a made-up one.",
		"type", "name_source", "interface", "random_mac")

	clients       = single("network_clients", gauge, "Clients known, declared ones included.")
	clientsOnline = single("network_clients_online", gauge, "Clients seen within offline_threshold.")

	forwardedBytes = single("network_forwarded_bytes_total", counter,
		"All bytes forwarded between LAN and WAN, as IP packets. Clients' bytes and network_unattributed_bytes_total together are this.", "direction")
	unattributedBytes = single("network_unattributed_bytes_total", counter,
		"Bytes forwarded between LAN and WAN that no client's series holds, by reason: overflow (max_clients reached), excluded (an excluded address or one outside lan.subnets), unsolicited (from outside to an address that never spoke), evicted (clients that made room).",
		"direction", "reason")
	routerRxBytes = single("network_router_rx_bytes_total", counter,
		"Bytes the router itself received from the Internet, as IP packets, those its firewall drops included.")
	routerTxBytes = single("network_router_tx_bytes_total", counter,
		"Bytes the router itself sent to the Internet, as IP packets.")
	identityConflicts = single("network_client_identity_conflicts_total", counter,
		"Packets that claimed another client's address. Their bytes count for the MAC that sent them.")

	conntrackEntries      = single("network_conntrack_entries", gauge, "Connections the kernel tracks, of all hosts.")
	conntrackEntriesLimit = single("network_conntrack_entries_limit", gauge, "Most connections the kernel tracks (nf_conntrack_max); beyond it new ones are dropped.")

	exporterUp     = single("network_exporter_up", gauge, "1 if every enabled source answered.")
	sourceUp       = single("network_exporter_source_up", gauge, "1 if the source answered last time.", "source")
	sourceDuration = single("network_exporter_source_duration_seconds", gauge, "Time the last reading of the source took.", "source")
	scrapeDuration = single("network_exporter_scrape_duration_seconds", gauge, "Time the last scrape took to collect.")
	accountingInfo = single("network_exporter_accounting_info", gauge,
		"Always 1. How bytes are counted: the hook in force and the nftables table that holds the counters. Absent while nothing is counted.", "hook", "table")
	accountingRepairs = single("network_exporter_accounting_repairs_total", counter,
		"Times the nftables table was found deleted or changed by somebody else and was put right.")
	configReloadSuccessful = single("network_exporter_config_last_reload_successful", gauge,
		"1 if the last reload of the configuration (or its load at start) succeeded; 0 while an older one stays in force.")
	configReloadTime = single("network_exporter_config_last_reload_success_timestamp_seconds", gauge,
		"Unix time of the last successful load of the configuration.")
)

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

// Metrics lists everything the collector exposes, in the order of the docs.
// Metrics of the Go runtime, the process and the build come beside them.
var Metrics = []*Metric{
	clientRxBytes, clientTxBytes, clientRxPackets, clientTxPackets,
	clientLocalRxBytes, clientLocalTxBytes, clientIPv6RxBytes, clientIPv6TxBytes,
	clientConnections, clientConnectionsByProtocol,
	clientOnline, clientLastSeen, clientLastSeenOld, clientFirstSeen, clientInfo,
	clients, clientsOnline,
	forwardedBytes, unattributedBytes, routerRxBytes, routerTxBytes, identityConflicts,
	conntrackEntries, conntrackEntriesLimit,
	exporterUp, sourceUp, sourceDuration, scrapeDuration, accountingInfo, accountingRepairs,
	configReloadSuccessful, configReloadTime,
}

func client(name string, t prometheus.ValueType, help string, labels ...string) *Metric {
	return &Metric{Name: name, Type: t, Labels: labels, Client: true, Help: help}
}

func single(name string, t prometheus.ValueType, help string, labels ...string) *Metric {
	return &Metric{Name: name, Type: t, Labels: labels, Help: help}
}

// AllLabels are the metric's labels without the owner's extra ones.
func (m *Metric) AllLabels() []string {
	if m.Client {
		return slices.Concat(clientLabels, m.Labels)
	}
	return m.Labels
}
