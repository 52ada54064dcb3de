package household

import "time"

// wan are the exporter's metrics of the line.
func (h *Household) wan() (all []Series) {
	always := func(time.Time) bool { return true }
	add := func(name string, when func(time.Time) bool, value func(time.Time) float64, labels ...string) {
		all = append(all, h.while(when, name, value, append(labels, "interface", "enp1s0")...))
	}
	add("network_wan_up", always, func(t time.Time) float64 {
		if isDown(t) {
			return 0
		}
		return 1
	})
	add("network_wan_up_since_timestamp_seconds", func(t time.Time) bool { return !isDown(t) }, upSince)
	add("network_wan_link_changes_total", always, onceRedialed(2))
	add("network_wan_address_changes_total", always, onceRedialed(1), "family", "ipv4")
	add("network_wan_address_changes_total", always, onceRedialed(1), "family", "ipv6")
	before := func(t time.Time) bool { return t.Before(redial) }
	after := func(t time.Time) bool { return !t.Before(redialed) }
	one := func(time.Time) float64 { return 1 }
	add("network_wan_info", before, one, "ip", "203.0.113.84")
	add("network_wan_info", before, one, "ip", "2001:db8:84:1::2")
	add("network_wan_info", after, one, "ip", "203.0.113.121")
	add("network_wan_info", after, one, "ip", "2001:db8:121:1::2")
	return all
}

// isDown tells when the line was down.
func isDown(t time.Time) bool { return !t.Before(redial) && t.Before(redialed) }

// upSince is when the line last came up.
func upSince(t time.Time) float64 {
	if t.Before(redialed) {
		const dialling = 30
		return float64(bootAt(t).Unix()) + dialling
	}
	return float64(redialed.Unix())
}

// onceRedialed is a counter of what happens as the line comes back.
func onceRedialed(changes float64) func(time.Time) float64 {
	return func(t time.Time) float64 {
		if t.Before(redialed) {
			return 0
		}
		return changes
	}
}

// while records a metric at some of the ticks.
func (h *Household) while(when func(time.Time) bool, name string, value func(time.Time) float64, labels ...string) Series {
	var times []time.Time
	for _, t := range h.ticks {
		if when(t) {
			times = append(times, t)
		}
	}
	return metric{exporterTarget, name, labels}.record(times, func(i int) float64 { return value(times[i]) })
}
