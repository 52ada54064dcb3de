package household

import (
	"math"
)

// node are the node exporter's metrics that rules and dashboards use.
func (h *Household) node() []Series {
	n := nodeSeries{h, nil}
	n.add("up", constant(1))
	n.system()
	n.storage()
	n.network()
	return n.all
}

type nodeSeries struct {
	*Household
	all []Series
}

func (n *nodeSeries) add(name string, value func(i int) float64, labels ...string) {
	n.all = append(n.all, metric{nodeTarget, name, labels}.record(n.ticks, value))
}

// load is between 0 and 1: how much the router has to forward.
func (n *nodeSeries) load(i int) float64 {
	if i == 0 {
		return 0.1
	}
	bytes := n.down[i] - n.down[i-1] + n.up[i] - n.up[i-1]
	perSecond := bytes / n.ticks[i].Sub(n.ticks[i-1]).Seconds()
	return math.Min(1, perSecond*8/300e6)
}

func (n *nodeSeries) since(i int) float64 { return n.ticks[i].Sub(Start).Seconds() }

func (n *nodeSeries) wobble(i int) float64 { return noise(6000, n.ticks[i].Unix()/15) - 0.5 }

func (n *nodeSeries) system() {
	const cpus, gib = 4, 1 << 30
	busy := make([]float64, len(n.ticks)) // CPU seconds of one CPU
	for i := 1; i < len(busy); i++ {
		elapsed := n.ticks[i].Sub(n.ticks[i-1]).Seconds()
		busy[i] = busy[i-1] + elapsed*(0.03+0.02*(n.wobble(i)+0.5)+0.3*n.load(i))
	}
	for cpu := range cpus {
		for mode, share := range map[string]float64{"user": 0.3, "system": 0.2, "softirq": 0.45, "iowait": 0.05, "irq": 0, "nice": 0, "steal": 0} {
			n.add("node_cpu_seconds_total", n.sinceReboot(func(i int) float64 { return share * busy[i] }), "cpu", label(cpu), "mode", mode)
		}
		n.add("node_cpu_seconds_total", n.sinceReboot(func(i int) float64 { return n.since(i) - busy[i] }), "cpu", label(cpu), "mode", "idle")
	}
	n.add("node_load1", func(i int) float64 { return 0.15 + 1.3*n.load(i) + 0.2*n.wobble(i) })
	n.add("node_load5", func(i int) float64 { return 0.15 + 1.2*n.load(i) })
	n.add("node_load15", func(i int) float64 { return 0.15 + 1.1*n.load(i) })
	n.add("node_memory_MemTotal_bytes", constant(8*gib))
	used := func(i int) float64 { return (1.25 + 0.15*n.load(i) + 0.02*n.wobble(i)) * gib }
	n.add("node_memory_MemAvailable_bytes", func(i int) float64 { return 8*gib - used(i) })
	n.add("node_memory_MemFree_bytes", func(i int) float64 { return 6*gib - used(i) })
	n.add("node_memory_Buffers_bytes", constant(0.2*gib))
	n.add("node_memory_Cached_bytes", constant(1.6*gib))
	n.add("node_memory_SwapTotal_bytes", constant(0))
	n.add("node_memory_SwapFree_bytes", constant(0))
	for sensor := range cpus {
		n.add("node_hwmon_temp_celsius", func(i int) float64 {
			return math.Round(44 + float64(sensor) + 13*n.load(i) + 3*n.wobble(i))
		}, "chip", "platform_coretemp_0", "sensor", "temp"+label(sensor+1))
	}
	n.add("node_hwmon_chip_names", constant(1), "chip", "platform_coretemp_0", "chip_name", "coretemp")
	n.add("node_thermal_zone_temp", func(i int) float64 { return 43 + math.Round(12*n.load(i)) }, "zone", "0", "type", "x86_pkg_temp")
	n.add("node_boot_time_seconds", func(i int) float64 { return float64(bootAt(n.ticks[i]).Unix()) })
	n.add("node_time_seconds", func(i int) float64 { return float64(n.ticks[i].Unix()) })
	n.add("node_uname_info", constant(1), "nodename", "router", "release", "6.12.0", "machine", "x86_64", "sysname", "Linux", "domainname", "(none)", "version", "#1 SMP")
	n.add("node_nf_conntrack_entries", func(i int) float64 { return math.Round(1.15*n.count(i, (*client).connectionsAt)) + 40 })
	n.add("node_nf_conntrack_entries_limit", constant(65536))
}

func (n *nodeSeries) storage() {
	for _, fs := range []struct {
		mount, device, kind string
		size, used          float64
	}{{"/", "/dev/nvme0n1p2", "ext4", 117e9, 21e9}, {"/boot", "/dev/nvme0n1p1", "vfat", 0.5e9, 0.14e9}} {
		labels := []string{"device", fs.device, "fstype", fs.kind, "mountpoint", fs.mount}
		grown := func(i int) float64 { return math.Round(fs.size - fs.used - 0.000002*fs.used*n.since(i)/60) }
		n.add("node_filesystem_size_bytes", constant(fs.size), labels...)
		n.add("node_filesystem_avail_bytes", grown, labels...)
		n.add("node_filesystem_free_bytes", grown, labels...)
		n.add("node_filesystem_readonly", constant(0), labels...)
	}
	n.add("node_disk_written_bytes_total", n.sinceReboot(func(i int) float64 { return 42e3 * n.since(i) }), "device", "nvme0n1")
	n.add("node_disk_read_bytes_total", n.sinceReboot(func(i int) float64 { return 3e3 * n.since(i) }), "device", "nvme0n1")
}

// network is the view of the interfaces: with Ethernet headers, and on the
// LAN side what does not leave the house as well.
func (n *nodeSeries) network() {
	const overhead = 1.02
	for _, nic := range []struct {
		device     string
		rx, tx     []float64
		local      float64 // bytes per second beside the Internet's
		speed      float64
		errorEvery float64 // seconds from one receive error to the next; 0: none
	}{
		{"enp1s0", n.down, n.up, 3500, 125e6, 5 * 3600},
		{"enp2s0", n.up, n.down, 60e3, 312.5e6, 0},
		{"br-lan", n.up, n.down, 25e3, -1, 0},
	} {
		device := []string{"device", nic.device}
		bytes := func(total []float64) func(int) float64 {
			return n.sinceReboot(func(i int) float64 { return overhead*total[i] + nic.local*n.since(i) })
		}
		n.add("node_network_receive_bytes_total", bytes(nic.rx), device...)
		n.add("node_network_transmit_bytes_total", bytes(nic.tx), device...)
		n.add("node_network_receive_packets_total", n.sinceReboot(func(i int) float64 { return nic.rx[i] / 1100 }), device...)
		n.add("node_network_transmit_packets_total", n.sinceReboot(func(i int) float64 { return nic.tx[i] / 1100 }), device...)
		faults := n.sinceReboot(func(i int) float64 {
			if nic.errorEvery == 0 {
				return 0
			}
			return math.Floor(n.since(i)/nic.errorEvery) * 3
		})
		n.add("node_network_receive_errs_total", faults, device...)
		n.add("node_network_receive_drop_total", n.sinceReboot(func(i int) float64 { return math.Floor(n.since(i) / 700) }), device...)
		n.add("node_network_transmit_errs_total", constant(0), device...)
		n.add("node_network_transmit_drop_total", constant(0), device...)
		n.add("node_network_up", constant(1), device...)
		n.add("node_network_carrier", constant(1), device...)
		n.add("node_network_carrier_changes_total", constant(2), device...)
		n.add("node_network_mtu_bytes", constant(1500), device...)
		n.add("node_network_speed_bytes", constant(nic.speed), device...)
		n.add("node_network_info", constant(1), append(device, "operstate", "up", "address", "00:e0:4c:00:00:01", "duplex", "full")...)
	}
	n.add("node_arp_entries", constant(1), "device", "enp1s0")
	n.add("node_arp_entries", func(i int) float64 { return n.count(i, (*client).onlineAt) }, "device", "br-lan")
	n.add("node_network_route_info", constant(1), "device", "enp1s0", "src", "", "dest", "default", "gw", "203.0.113.1", "priority", "0", "proto", "")
}
