package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/promslog"

	"router-monitoring/exporter/internal/collector"
	"router-monitoring/exporter/internal/config"
	"router-monitoring/exporter/internal/monitor"
)

// BenchmarkScrape measures one whole scrape: the kernel's counters read, the
// metrics built and written as text. RSS is the most that the process took so
// far, the test's own parts included.
func BenchmarkScrape(b *testing.B) {
	limitMemory(4096)
	for _, clients := range []int{25, 250, 4096} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			h := scrapeHandler(b, clients)
			req := httptest.NewRequest(http.MethodGet, "/metrics", nil)
			b.ReportAllocs()
			for b.Loop() {
				w := &discard{header: http.Header{}}
				h.ServeHTTP(w, req)
			}
			b.ReportMetric(maxRSS(b), "RSS-MiB")
		})
	}
}

func maxRSS(b *testing.B) float64 {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return float64(usage.Maxrss) / 1024
}

type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return io.Discard.Write(p) }
func (d *discard) WriteHeader(int)             {}

func scrapeHandler(b *testing.B, clients int) http.Handler {
	b.Helper()
	var yaml strings.Builder
	yaml.WriteString("lan: {interfaces: [lo]}\nclients:\n")
	for i := range clients {
		fmt.Fprintf(&yaml, "  - {name: client %d, ip: 10.0.%d.%d}\n", i, i/250, i%250+1)
	}
	cfg, err := config.Parse("bench.yml", strings.NewReader(yaml.String()))
	if err != nil {
		b.Fatal(err)
	}
	m, err := monitor.New(cfg, promslog.NewNopLogger())
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	b.Cleanup(func() { cancel(); <-done })
	for !m.Ready() {
		time.Sleep(10 * time.Millisecond)
	}
	return collector.Handler(m.Scrape, nil)
}
