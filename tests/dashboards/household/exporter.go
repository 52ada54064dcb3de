package household

import (
	"math"
	"time"
)

// earlier is how many months like this one the household's totals hold from
// before the recording.
const earlier = 5

// exporter are the exporter's metrics that belong to no client.
func (h *Household) exporter() []Series {
	var all []Series
	add := func(name string, value func(i int) float64, labels ...string) {
		all = append(all, metric{exporterTarget, name, labels}.record(h.ticks, value))
	}
	seconds := func(i int) float64 { return h.ticks[i].Sub(Start).Seconds() }
	// wobble is a value that varies with time by up to a share of it.
	wobble := func(value, share float64) func(int) float64 {
		return func(i int) float64 { return value * (1 + share*(noise(5000, h.ticks[i].Unix()/15)-0.5)) }
	}
	lastLoad := func(i int) time.Time {
		switch t := h.ticks[i]; {
		case !t.Before(reload):
			return reload
		case !t.Before(reboot):
			return reboot
		default:
			return Start.Add(-time.Hour)
		}
	}

	add("up", constant(1))
	add("network_clients", func(i int) float64 { return h.count(i, func(*client, int) float64 { return 1 }) })
	add("network_clients_online", func(i int) float64 { return h.count(i, (*client).onlineAt) })
	// What clients, strangers and scans make the router forward, see docs/metrics.md.
	unsolicited := func(i int) float64 { return 900 * seconds(i) }
	excluded := func(i int) float64 { return 60 * seconds(i) }
	for _, d := range h.directions() {
		add("network_forwarded_bytes_total", h.sinceReboot(func(i int) float64 {
			return d.bytes[i] + excluded(i) + d.unsolicited*unsolicited(i)
		}), "direction", d.name)
		add("network_unattributed_bytes_total", h.sinceReboot(excluded), "direction", d.name, "reason", "excluded")
		add("network_unattributed_bytes_total", h.sinceReboot(func(i int) float64 { return d.unsolicited * unsolicited(i) }), "direction", d.name, "reason", "unsolicited")
		add("network_unattributed_bytes_total", constant(0), "direction", d.name, "reason", "overflow")
		add("network_unattributed_bytes_total", constant(0), "direction", d.name, "reason", "evicted")
		add("network_forgotten_bytes_total", constant(0), "direction", d.name)
		add("network_period_bytes", period(h.ticks, d.bytes), "direction", d.name)
		add("network_router_"+d.name+"_bytes_total", h.sinceReboot(func(i int) float64 { return d.router * seconds(i) }))
	}
	add("network_period_quota_bytes", constant(5.6e12))
	add("network_client_identity_conflicts_total", constant(0))
	add("network_conntrack_entries", func(i int) float64 { return math.Round(1.15*h.count(i, (*client).connectionsAt)) + 40 })
	add("network_conntrack_entries_limit", constant(65536))

	h.probes(add)
	add("network_exporter_up", constant(1))
	for source, duration := range map[string]float64{"accounting": 0.0004, "conntrack": 0.0021, "neighbours": 0.0003, "links": 0.0001} {
		add("network_exporter_source_up", constant(1), "source", source)
		add("network_exporter_source_duration_seconds", wobble(duration, 0.4), "source", source)
	}
	add("network_exporter_scrape_duration_seconds", wobble(0.0009, 0.5))
	add("network_exporter_accounting_info", constant(1), "hook", "forward", "table", "network_metrics")
	add("network_exporter_flowtable_bypass", constant(0))
	add("network_exporter_accounting_repairs_total", func(i int) float64 {
		if h.ticks[i].Before(flushed) {
			return 0
		}
		return 1
	})
	lease := []string{"path", "/var/lib/dnsmasq/dnsmasq.leases", "format", "dnsmasq"}
	add("network_exporter_lease_up", constant(1), lease...)
	add("network_exporter_leases", func(i int) float64 { return h.count(i, (*client).onlineAt) + 2 }, lease...)
	add("network_exporter_lease_bad_lines", constant(0), lease...)
	add("network_exporter_state_up", constant(1))
	add("network_exporter_state_last_save_timestamp_seconds", func(i int) float64 { return float64(h.ticks[i].Truncate(time.Minute).Unix()) })
	add("network_exporter_state_save_duration_seconds", wobble(0.004, 0.5))
	add("network_exporter_state_size_bytes", func(i int) float64 { return 600 * h.count(i, func(*client, int) float64 { return 1 }) })
	add("network_exporter_config_last_reload_successful", constant(1))
	add("network_exporter_config_last_reload_success_timestamp_seconds", func(i int) float64 { return float64(lastLoad(i).Unix()) })
	add("network_exporter_build_info", constant(1), "version", "1.0.0", "revision", "0000000", "branch", "main", "tags", "unknown", "goversion", "go1.26.0", "goos", "linux", "goarch", "amd64")
	add("process_resident_memory_bytes", wobble(14e6, 0.1))
	add("process_virtual_memory_bytes", constant(1.24e9))
	add("process_virtual_memory_max_bytes", constant(math.MaxUint64))
	add("process_open_fds", constant(15))
	add("process_max_fds", constant(524287))
	add("process_cpu_seconds_total", h.sinceReboot(func(i int) float64 { return 0.004 * seconds(i) }))
	add("process_start_time_seconds", func(i int) float64 { return float64(bootAt(h.ticks[i]).Unix()) + 9 })
	add("go_goroutines", constant(21))
	add("go_threads", constant(8))
	add("go_info", constant(1), "version", "go1.26.0")
	return all
}

// direction is what the household's series of one direction rest on.
type direction struct {
	name        string
	bytes       []float64
	router      float64 // the router's own bytes per second
	unsolicited float64 // 1 where scans arrive
}

func (h *Household) directions() []direction {
	return []direction{{"rx", h.down, 2600, 1}, {"tx", h.up, 900, 0}}
}

// count adds something up over the clients there are at a tick.
func (h *Household) count(tick int, of func(c *client, i int) float64) (sum float64) {
	for _, c := range h.clients {
		if i := tick - (len(h.ticks) - len(c.ticks)); i >= 0 {
			sum += of(c, i)
		}
	}
	return sum
}
