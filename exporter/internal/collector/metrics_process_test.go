package collector

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	dto "github.com/prometheus/client_model/go"
)

var started = time.Now()

// TestProcess compares with client_golang's collectors, which read the same from
// other places.
func TestProcess(t *testing.T) {
	theirs := gather(t,
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{ReportErrors: true}),
		collectors.NewGoCollector(collectors.WithGoCollectorMemStatsMetricsDisabled()),
		versioncollector.NewCollector("network_exporter"))
	s := example()
	s.process, s.Started = readProcess(), started
	ours := gather(t, newCollector(func() Scrape { return s }, nil))
	slack := map[string]float64{
		"process_cpu_seconds_total": 0.5, "process_start_time_seconds": 2, "process_open_fds": 2,
		"process_resident_memory_bytes": 8 << 20, "process_virtual_memory_bytes": 256 << 20,
		"go_goroutines": 20, "go_threads": 5,
	}
	for _, m := range processMetrics {
		our, their := ours[m.Name], theirs[m.Name]
		if our == nil || their == nil {
			t.Errorf("%s: client_golang has it: %t; this: %t", m.Name, their != nil, our != nil)
			continue
		}
		if m.Name != "network_exporter_build_info" && our.GetHelp() != their.GetHelp() || our.GetType() != their.GetType() {
			t.Errorf("%s: help %q and type %s, want %q and %s", m.Name, our.GetHelp(), our.GetType(), their.GetHelp(), their.GetType())
		}
		if got, want := value(our), value(their); math.Abs(got-want) > slack[m.Name] {
			t.Errorf("%s: %v, want %v", m.Name, got, want)
		}
		if !slices.EqualFunc(our.Metric[0].Label, their.Metric[0].Label, func(a, b *dto.LabelPair) bool { return a.String() == b.String() }) {
			t.Errorf("%s: labels %v, want %v", m.Name, our.Metric[0].Label, their.Metric[0].Label)
		}
	}
	for name := range theirs {
		if strings.HasPrefix(name, "process_") && !strings.HasPrefix(name, "process_network_") && ours[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
}

func gather(t *testing.T, cs ...prometheus.Collector) map[string]*dto.MetricFamily {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(cs...)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]*dto.MetricFamily{}
	for _, f := range families {
		byName[f.GetName()] = f
	}
	return byName
}

func value(f *dto.MetricFamily) float64 {
	return f.Metric[0].GetCounter().GetValue() + f.Metric[0].GetGauge().GetValue()
}

func BenchmarkProcess(b *testing.B) {
	b.Run("this", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			readProcess()
		}
	})
	b.Run("client_golang", func(b *testing.B) {
		reg := prometheus.NewRegistry()
		reg.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := reg.Gather(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
