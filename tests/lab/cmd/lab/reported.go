package main

import (
	"bytes"
	"context"
	"fmt"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// reported is what the exporter's /metrics says, in bytes.
type reported struct {
	clients      map[string][]byDirection // by host name; more than one is a fault
	unattributed byDirection
	forwarded    byDirection
}

// byDirection is seen from the client.
type byDirection struct{ up, down uint64 }

func readExporter(ctx context.Context) (reported, error) {
	text, err := get(ctx, "http://"+exporterAddr+"/metrics")
	if err != nil {
		return reported{}, fmt.Errorf("read exporter: %w", err)
	}
	return parseMetrics(text)
}

func parseMetrics(text []byte) (reported, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		return reported{}, fmt.Errorf("parse metrics: %w", err)
	}
	r := reported{
		unattributed: sumByDirection(families["network_unattributed_bytes_total"]),
		forwarded:    sumByDirection(families["network_forwarded_bytes_total"]),
	}
	r.clients, err = clientBytes(families)
	return r, err
}

// clientBytes joins both counters of each client by their labels.
func clientBytes(families map[string]*dto.MetricFamily) (map[string][]byDirection, error) {
	const up, down = "network_client_tx_bytes_total", "network_client_rx_bytes_total"
	type identity struct{ ip, hostname, mac string }
	identify := func(m *dto.Metric) identity {
		return identity{label(m, "ip"), label(m, "hostname"), label(m, "mac")}
	}
	series := map[identity]byDirection{}
	for _, m := range families[up].GetMetric() {
		series[identify(m)] = byDirection{up: uint64(m.GetCounter().GetValue())}
	}
	clients := map[string][]byDirection{}
	for _, m := range families[down].GetMetric() {
		id := identify(m)
		both, ok := series[id]
		if !ok {
			return nil, fmt.Errorf("%s has %v, %s has not", down, id, up)
		}
		both.down = uint64(m.GetCounter().GetValue())
		clients[id.hostname] = append(clients[id.hostname], both)
		delete(series, id)
	}
	for id := range series {
		return nil, fmt.Errorf("%s has %v, %s has not", up, id, down)
	}
	return clients, nil
}

// sumByDirection adds up a family over all labels but the direction.
func sumByDirection(family *dto.MetricFamily) (sum byDirection) {
	for _, m := range family.GetMetric() {
		value := uint64(m.GetCounter().GetValue())
		switch label(m, "direction") {
		case "tx":
			sum.up += value
		case "rx":
			sum.down += value
		}
	}
	return sum
}

func label(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}
