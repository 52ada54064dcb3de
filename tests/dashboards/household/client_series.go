package household

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
)

// vendors are those of the profile's network cards; a made-up MAC has none.
var vendors = map[string]string{
	"7c:64:56": "Samsung Electronics", "d8:5e:d3": "GIGA-BYTE", "98:b6:e9": "Nintendo",
	"00:11:32": "Synology", "f8:4d:89": "Apple", "3c:22:fb": "Apple", "a4:83:e7": "Apple",
	"b0:be:83": "Apple", "00:bb:3a": "Amazon", "ec:71:db": "Reolink", "68:54:fd": "Amazon",
	"3c:2a:f4": "Brother", "18:b4:30": "Nest Labs", "24:0a:c4": "Espressif", "50:ec:50": "Beijing Roborock",
}

// series are the client's metrics. What changes with every scrape has a sample
// for each; the rest is sampled less often.
func (c *client) series() (all []Series) {
	target := c.target()
	add := func(name string, value func(i int) float64, labels ...string) {
		all = append(all, metric{target, name, labels}.record(c.ticks, value))
	}
	for _, d := range []struct {
		name  string
		bytes []float64
	}{{"rx", c.down}, {"tx", c.up}} {
		part := func(share float64) func(int) float64 {
			return counter(c.ticks, func(i int) float64 { return share * d.bytes[i] })
		}
		add("network_client_"+d.name+"_bytes_total", part(1))
		add("network_client_"+d.name+"_packets_total", part(1.0/1150))
		add("network_client_ipv6_"+d.name+"_bytes_total", part(c.ipv6))
		all = append(all, c.rest("network_client_lifetime_bytes", func(i int) float64 { return math.Round(d.bytes[i] + c.before(d.bytes)) }, "direction", d.name))
		all = append(all, c.rest("network_client_period_bytes", period(c.ticks, d.bytes), "direction", d.name))
	}
	add("network_client_connections", func(i int) float64 { return c.conns[i] })
	add("network_client_online", func(i int) float64 { return c.onlineAt(i) })
	udp := func(i int) float64 { return math.Floor(0.3 * c.conns[i]) }
	for protocol, value := range map[string]func(int) float64{
		"tcp": func(i int) float64 { return c.conns[i] - udp(i) }, "udp": udp, "icmp": constant(0), "other": constant(0),
	} {
		all = append(all, c.rest("network_client_connections_by_protocol", value, "protocol", protocol))
	}
	all = append(all, c.facts()...)
	if c.formerly != "" {
		all = move(all, c.formerly)
	}
	return all
}

// move gives the samples from before a client's move to series of their own, with
// the address it had.
func move(series []Series, formerly string) (all []Series) {
	for _, s := range series {
		at, _ := slices.BinarySearchFunc(s.Samples, moved.UnixMilli(), func(s Sample, t int64) int { return cmp.Compare(s.Time, t) })
		before := Series{maps.Clone(s.Labels), slices.Clone(s.Samples[:at])}
		before.Labels["ip"] = formerly
		before.End(moved)
		s.Samples = s.Samples[at:]
		all = append(all, before, s)
	}
	return all
}

// facts are the metrics that say what is known of a client.
func (c *client) facts() []Series {
	firstSeen := 0.0 // known from before
	if !c.joined.IsZero() {
		firstSeen = float64(c.joined.Unix())
	}
	random := c.MAC[0]&2 != 0
	source := "declared"
	if random || !c.joined.IsZero() {
		source = "lease"
	}
	all := []Series{
		c.rest("network_client_last_seen_timestamp_seconds", c.lastSeen()),
		c.rest("network_client_last_seen_timestamp", c.lastSeen()),
		c.rest("network_client_first_seen_timestamp_seconds", constant(firstSeen)),
		c.rest("network_client_info", constant(1), "vendor", vendors[c.MAC.String()[:8]], "type", c.Type,
			"name_source", source, "interface", "br-lan", "random_mac", strconv.FormatBool(random)),
		c.rest("network_client_dhcp_lease_expiry_timestamp_seconds", c.leaseEnd()),
	}
	if c.quotaGB > 0 {
		all = append(all, c.rest("network_client_quota_bytes", constant(c.quotaGB*1e9)))
	}
	if c.Type == "server" {
		for _, direction := range []string{"rx", "tx"} {
			all = append(all, c.rest("network_client_local_"+direction+"_bytes_total", counter(c.ticks, func(i int) float64 { return 0.02 * c.up[i] })))
		}
	}
	return all
}

// rest records a slow gauge: one in so many of the day's ticks.
func (c *client) rest(name string, value func(i int) float64, labels ...string) Series {
	var times []time.Time
	var at []int
	for i, t := range c.ticks {
		slow := t.Sub(DayStart)%restInterval == 0
		if t.Before(DayStart) || slow || i == 0 || i == len(c.ticks)-1 || t.Equal(reboot) {
			times, at = append(times, t), append(at, i)
		}
	}
	return metric{c.target(), name, labels}.record(times, func(i int) float64 { return value(at[i]) })
}

func (c *client) target() map[string]string {
	labels := map[string]string{"ip": c.IPv4.String(), "hostname": c.Name, "mac": c.MAC.String()}
	for name, value := range exporterTarget {
		labels[name] = value
	}
	return labels
}

func (c *client) onlineAt(i int) float64 {
	if c.online[i] {
		return 1
	}
	return 0
}

func (c *client) connectionsAt(i int) float64 { return c.conns[i] }

// before are the bytes it used before the recording.
func (c *client) before(total []float64) float64 {
	if !c.joined.IsZero() {
		return 0
	}
	return earlier * total[len(total)-1]
}

func (c *client) lastSeen() func(i int) float64 {
	seen := make([]float64, len(c.ticks))
	last := c.ticks[0].Add(-time.Hour)
	for i, t := range c.ticks {
		if c.online[i] {
			last = t.Add(-3 * time.Second)
		}
		seen[i] = float64(last.Unix())
	}
	return func(i int) float64 { return seen[i] }
}

// leaseEnd is that of a lease of 12 hours, which the client renews after half of
// them.
func (c *client) leaseEnd() func(i int) float64 {
	seen := c.lastSeen()
	const half = 6 * 3600
	return func(i int) float64 { return (math.Floor(seen(i)/half) + 2) * half }
}
