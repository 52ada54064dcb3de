package collector

import (
	"math"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"
)

// TestProcess compares with client_golang's collector, which reads the same from
// other places.
func TestProcess(t *testing.T) {
	theirs := gather(t, collectors.NewProcessCollector(collectors.ProcessCollectorOpts{ReportErrors: true}))
	ours := gather(t, Process{})
	slack := map[string]float64{
		"process_cpu_seconds_total": 0.5, "process_start_time_seconds": 2, "process_open_fds": 2,
		"process_resident_memory_bytes": 8 << 20, "process_virtual_memory_bytes": 256 << 20,
	}
	for name, their := range theirs {
		if strings.HasPrefix(name, "process_network_") {
			continue
		}
		our := ours[name]
		if our == nil {
			t.Errorf("%s is missing", name)
			continue
		}
		if our.GetHelp() != their.GetHelp() || our.GetType() != their.GetType() {
			t.Errorf("%s: help %q and type %s, want %q and %s", name, our.GetHelp(), our.GetType(), their.GetHelp(), their.GetType())
		}
		if got, want := value(our), value(their); math.Abs(got-want) > slack[name] {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func gather(t *testing.T, c prometheus.Collector) map[string]*dto.MetricFamily {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(c)
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
	for name, c := range map[string]prometheus.Collector{
		"this": Process{}, "client_golang": collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		b.Run(name, func(b *testing.B) {
			reg := prometheus.NewRegistry()
			reg.MustRegister(c)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := reg.Gather(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
