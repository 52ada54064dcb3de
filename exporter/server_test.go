package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/common/promslog"

	"router-monitoring/exporter/internal/config"
	"router-monitoring/exporter/internal/monitor"
)

// TestBeforeTheFirstReading checks that nothing is shown before there is
// something to show.
func TestBeforeTheFirstReading(t *testing.T) {
	m, err := monitor.New(config.Default(), promslog.NewNopLogger())
	if err != nil {
		t.Fatal(err)
	}
	h, err := newServer(m, config.Default()).handler()
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
