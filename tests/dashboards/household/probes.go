package household

import "math"

// probes are how two addresses answer over the household's line.
func (h *Household) probes(add func(name string, value func(i int) float64, labels ...string)) {
	for i, target := range []string{"1.1.1.1", "2606:4700:4700::1111"} {
		p := h.probe(7000 + i)
		add("network_wan_probe_up", constant(1), "target", target)
		add("network_wan_probe_rtt_seconds", func(i int) float64 { return p.rtt[i] }, "target", target)
		add("network_wan_probe_sent_total", h.sinceReboot(func(i int) float64 { return p.sent[i] }), "target", target)
		add("network_wan_probe_received_total", h.sinceReboot(func(i int) float64 { return p.received[i] }), "target", target)
		add("network_wan_probe_rtt_seconds_total", h.sinceReboot(func(i int) float64 { return p.sum[i] }), "target", target)
	}
}

// probe is one target: some 12 ms away, more when the line is full, when a few
// probes are lost too.
type probe struct{ sent, received, sum, rtt []float64 }

// probe asks every 5 seconds.
func (h *Household) probe(who int) *probe {
	n := len(h.ticks)
	p := &probe{make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)}
	node := nodeSeries{h, nil}
	for i, t := range h.ticks {
		p.rtt[i] = 0.012 + 0.002*noise(who, t.Unix()/15) + 0.05*math.Pow(node.load(i), 3)
		if i == 0 {
			continue
		}
		probes := math.Floor(t.Sub(Start).Seconds()/5) - p.sent[i-1]
		lost := math.Floor(3 * noise(who+10, t.Unix()/15) * (0.2 + 0.5*node.load(i)))
		p.sent[i], p.received[i] = p.sent[i-1]+probes, p.received[i-1]+probes-lost
		p.sum[i] = p.sum[i-1] + (probes-lost)*p.rtt[i]
	}
	return p
}
