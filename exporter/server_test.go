package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/common/promslog"
	"github.com/prometheus/exporter-toolkit/web"

	"router-monitoring/exporter/internal/config"
	"router-monitoring/exporter/internal/monitor"
)

// TestBeforeTheFirstReading checks that nothing is shown before there is
// something to show.
func TestBeforeTheFirstReading(t *testing.T) {
	cfg := config.Default()
	cfg.StateDir = t.TempDir()
	m, err := monitor.New(cfg, promslog.NewNopLogger())
	if err != nil {
		t.Fatal(err)
	}
	h, err := newServer(m, cfg).handler()
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{
		"/metrics": http.StatusServiceUnavailable, "/-/ready": http.StatusServiceUnavailable, "/-/healthy": http.StatusOK,
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != want {
			t.Errorf("%s: status %d, want %d", path, w.Code, want)
		}
	}
}

// TestListening checks that the server knows when all of its addresses are
// served.
func TestListening(t *testing.T) {
	cfg := config.Default()
	cfg.StateDir = t.TempDir()
	m, err := monitor.New(cfg, promslog.NewNopLogger())
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(freeAddress(t))
	var addresses []string
	for i := range 50 {
		addresses = append(addresses, fmt.Sprintf("127.0.0.%d:%s", i+1, port))
	}
	flags := &web.FlagConfig{WebListenAddresses: &addresses, WebSystemdSocket: new(bool), WebConfigFile: new(string)}
	s := newServer(m, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.listen(ctx, flags, promslog.NewNopLogger()) }()
	select {
	case <-s.listening:
	case err := <-done:
		t.Fatal(err)
	}
	for _, address := range addresses {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Error(err)
			continue
		}
		conn.Close()
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestMetricsOverHTTP(t *testing.T) {
	e := startExporter(t, "accounting: {enabled: false}\n")
	for method, want := range map[string]int{
		http.MethodGet: http.StatusOK, http.MethodHead: http.StatusOK,
		http.MethodPost: http.StatusMethodNotAllowed, http.MethodDelete: http.StatusMethodNotAllowed,
	} {
		req, err := http.NewRequestWithContext(t.Context(), method, e.address+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", "gzip")
		res, err := e.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: %s, want %d", method, res.Status, want)
		}
		if encoding := res.Header.Get("Content-Encoding"); encoding != "" {
			t.Errorf("%s: encoded as %s for a peer on this machine", method, encoding)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:1": true, "[::1]:1": true, "[::ffff:127.0.0.1]:1": true,
		"192.168.1.2:1": false, "[fd00::1]:1": false, "@": false, "": false,
	} {
		if got := isLoopback(&http.Request{RemoteAddr: address}); got != want {
			t.Errorf("%q: %v, want %v", address, got, want)
		}
	}
}
