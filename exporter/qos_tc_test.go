package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// tinNames are the tins of CAKE's modes, in the order in which tc prints them.
var tinNames = map[string][]string{
	"besteffort": {"besteffort"},
	"diffserv3":  {"bulk", "besteffort", "voice"},
	"diffserv4":  {"bulk", "besteffort", "video", "voice"},
	"diffserv8":  {"tin0", "tin1", "tin2", "tin3", "tin4", "tin5", "tin6", "tin7"},
}

// compareWithTC compares every number that is shown, read while nothing passes, with
// what tc prints of these devices, and gives ours.
func (n *network) compareWithTC(t *testing.T, devices ...string) (m metrics) {
	t.Helper()
	var want, got map[string]float64
	eventually(t, "the queues rest", func() bool {
		want = n.fromTC(t, devices...)
		m = n.scrape(t)
		got = qdiscSeries(m)
		return maps.Equal(want, n.fromTC(t, devices...))
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("queueing disciplines (-tc +ours):\n%s", diff)
	}
	return m
}

// qdiscSeries are the metrics of queueing disciplines: name and labels' values.
func qdiscSeries(m metrics) map[string]float64 {
	series := map[string]float64{}
	for name, family := range m {
		if !strings.HasPrefix(name, "network_qdisc_") {
			continue
		}
		for _, s := range family.GetMetric() {
			key := strings.TrimPrefix(name, "network_qdisc_")
			for _, l := range s.GetLabel() {
				key += " " + l.GetValue()
			}
			series[key] = s.GetCounter().GetValue() + s.GetGauge().GetValue()
		}
	}
	return series
}

// fromTC computes the same from what tc prints of these devices.
func (n *network) fromTC(t *testing.T, devices ...string) map[string]float64 {
	t.Helper()
	var all []map[string]any
	if err := json.Unmarshal(n.tc(t, "-s -j qdisc"), &all); err != nil {
		t.Fatal(err)
	}
	series := map[string]float64{}
	for _, q := range all {
		dev, kind := q["dev"].(string), q["kind"].(string)
		if !slices.Contains(devices, dev) || kind == "ingress" || kind == "noqueue" {
			continue
		}
		labels := " " + dev + " " + kind
		number := func(of map[string]any, name string) float64 { v, _ := of[name].(float64); return v }
		for name, theirs := range map[string]string{
			"bytes_total": "bytes", "packets_total": "packets", "drops_total": "drops", "overlimits_total": "overlimits",
			"requeues_total": "requeues", "backlog_bytes": "backlog", "backlog_packets": "qlen",
		} {
			series[name+labels] += number(q, theirs)
		}
		switch kind {
		case "fq_codel":
			series["ecn_marks_total"+labels] += number(q, "ecn_mark")
			series["flows"+labels] += number(q, "new_flows_len") + number(q, "old_flows_len")
		case "cake":
			tinsFromTC(series, q, dev, number)
		}
	}
	return series
}

// tinsFromTC adds what tc prints of CAKE alone.
func tinsFromTC(series map[string]float64, q map[string]any, dev string, number func(map[string]any, string) float64) {
	options := q["options"].(map[string]any)
	if bandwidth := number(options, "bandwidth"); bandwidth > 0 {
		series["cake_bandwidth_bytes_per_second "+dev] = bandwidth
	}
	series["cake_capacity_estimate_bytes_per_second "+dev] = number(q, "capacity_estimate")
	series["cake_memory_used_bytes "+dev] = number(q, "memory_used")
	series["cake_memory_limit_bytes "+dev] = number(q, "memory_limit")
	for i, tin := range q["tins"].([]any) {
		tin, labels := tin.(map[string]any), " "+dev+" "+tinNames[options["diffserv"].(string)][i]
		for name, theirs := range map[string]string{
			"threshold_bytes_per_second": "threshold_rate", "bytes_total": "sent_bytes", "packets_total": "sent_packets", "drops_total": "drops",
			"ecn_marks_total": "ecn_mark", "ack_drops_total": "ack_drops", "backlog_bytes": "backlog_bytes",
		} {
			series["cake_tin_"+name+labels] = number(tin, theirs)
		}
		for name, theirs := range map[string]string{
			"delay_peak": "peak_delay_us", "delay_average": "avg_delay_us", "delay_base": "base_delay_us", "target": "target_us",
		} {
			series["cake_tin_"+name+"_seconds"+labels] = (time.Duration(number(tin, theirs)) * time.Microsecond).Seconds()
		}
		for _, state := range []string{"sparse", "bulk", "unresponsive"} {
			series["cake_tin_flows"+labels+" "+state] = number(tin, state+"_flows")
		}
		series["ecn_marks_total "+dev+" cake"] += number(tin, "ecn_mark")
		series["flows "+dev+" cake"] += number(tin, "sparse_flows") + number(tin, "bulk_flows")
	}
}
