package module

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"router-monitoring/tests/dashboards/prometheus"
)

// What rules and dashboards join has one name of the router, also where the exporter
// gives clients a label router itself.
func TestOneNameOfTheRouter(t *testing.T) {
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("no Prometheus here, which would scrape by the module's configuration")
	}
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "network_client_online{mac=\"02:00:00:00:00:01\",router=\"attic\"} 1\nnetwork_clients 1\n")
	}))
	defer exporter.Close()
	free := httptest.NewServer(nil)
	address := strings.TrimPrefix(free.URL, "http://")
	free.Close()

	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, scrapeAt(t, strings.TrimPrefix(exporter.URL, "http://")), 0o644); err != nil {
		t.Fatal(err)
	}
	server := exec.CommandContext(t.Context(), program, "--config.file="+config, "--storage.tsdb.path="+dir, "--web.listen-address="+address)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Process.Kill(); _ = server.Wait() }()

	const joined = `count by (router) (network_client_online{router="attic",exported_router=""} and on (router) network_clients and on (router) up)`
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		got, err := prometheus.At("http://"+address).Instant(t.Context(), joined, time.Now())
		if err == nil && len(got.Series) == 1 {
			return
		}
		if time.Now().After(deadline) {
			all, _ := prometheus.At("http://"+address).Instant(t.Context(), `{__name__=~"network_.*|up"}`, time.Now())
			t.Fatalf("%s has no result (%v), there is %v", joined, err, all.Series)
		}
	}
}

// scrapeAt is how Prometheus asks the exporter in the case full, which has another
// address here and neither TLS nor a password.
func scrapeAt(t *testing.T, target string) []byte {
	t.Helper()
	var config struct {
		Jobs []map[string]any `json:"scrape_configs"`
	}
	for _, path := range glob(t, "golden/full/nix/store/*-prometheus.yml") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &config); err != nil {
			t.Fatal(err)
		}
	}
	for _, job := range config.Jobs {
		if job["job_name"] != "network-metrics" {
			continue
		}
		for _, key := range []string{"scheme", "tls_config", "basic_auth"} {
			delete(job, key)
		}
		job["scrape_interval"] = "1s"
		job["static_configs"].([]any)[0].(map[string]any)["targets"] = []string{target}
		text, err := json.Marshal(map[string]any{"scrape_configs": []any{job}})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	t.Fatalf("no job of the exporter in %v", config)
	return nil
}
