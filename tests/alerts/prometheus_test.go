package alerts

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Thresholds low enough for a rate over five minutes to pass within seconds, and
// what alerts must last instead of minutes.
const (
	fastFor    = "4s"
	thresholds = `
groups:
  - name: thresholds
    interval: 1s
    rules:
      - {record: "router_monitoring:threshold:client_bytes_per_second", labels: {direction: rx}, expr: vector(50e3)}
      - {record: "router_monitoring:threshold:client_bytes_per_second", labels: {direction: tx}, expr: vector(50e3)}
      - {record: "router_monitoring:threshold:new_device_seconds", expr: vector(3600)}
      - {record: "router_monitoring:threshold:client_connections", expr: vector(1000)}
      - {record: "router_monitoring:threshold:conntrack_used_ratio", expr: vector(0.8)}
      - {record: "router_monitoring:threshold:unattributed_ratio", expr: vector(0.05)}
`
)

// prometheus is the address of one.
type prometheus string

// startPrometheus runs it with the rules of this repository, faster.
func startPrometheus(t *testing.T, exporter, alertmanager string) prometheus {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"recording.rules.yml", "alerts.rules.yml"} {
		write(t, filepath.Join(dir, name), hurry(t, "../../alerts/"+name))
	}
	write(t, filepath.Join(dir, "thresholds.rules.yml"), thresholds)
	config := filepath.Join(dir, "prometheus.yml")
	write(t, config, fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%s/*.rules.yml]
scrape_configs:
  - {job_name: router, static_configs: [{targets: [%q]}]}
alerting:
  alertmanagers: [{static_configs: [{targets: [%q]}]}]
`, dir, exporter, alertmanager))
	address := freeAddress(t)
	start(t, "http://"+address+"/-/ready", find(t, "prometheus"), "--config.file="+config,
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
	return prometheus(address)
}

// hurry lets rules be evaluated every second and shortens what alerts wait for,
// but for ExporterDown, since all starts anew here and the machine may be slow.
// The audit need not look back: here is no remote write.
func hurry(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rules struct{ Groups []map[string]any }
	if err := yaml.Unmarshal(text, &rules); err != nil {
		t.Fatal(err)
	}
	for _, g := range rules.Groups {
		g["interval"] = "1s"
		for _, r := range g["rules"].([]any) {
			if rule := r.(map[string]any); rule["for"] != nil && rule["alert"] != "ExporterDown" {
				rule["for"] = fastFor
				rule["expr"] = strings.ReplaceAll(rule["expr"].(string), " offset 1m", "")
			}
		}
	}
	out, err := yaml.Marshal(map[string]any{"groups": rules.Groups})
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// has tells whether the expression has a result.
func (p prometheus) has(t *testing.T, promQL string) bool {
	t.Helper()
	resp, err := http.Get("http://" + string(p) + "/api/v1/query?query=" + url.QueryEscape(promQL))
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	var answer struct{ Data struct{ Result []any } }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return len(answer.Data.Result) > 0
}

// startAlertmanager gives its address. Every alert is sent on alone and at once.
func startAlertmanager(t *testing.T, webhook string) string {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "alertmanager.yml")
	write(t, config, fmt.Sprintf(strings.TrimSpace(`
route: {receiver: test, group_by: ["..."], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers: [{name: test, webhook_configs: [{url: %q, send_resolved: true}]}]
`), webhook))
	address := freeAddress(t)
	start(t, "http://"+address+"/-/ready", find(t, "prometheus-alertmanager", "alertmanager"), "--config.file="+config,
		"--storage.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--cluster.listen-address=")
	return address
}
