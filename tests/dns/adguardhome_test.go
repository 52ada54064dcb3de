package dns

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
)

// adguardHome stands for the real one, whose hours nobody can hurry: it answers with
// what that answered (v0.108.0-b.90, to GET /control/stats) and counts on.
type adguardHome struct {
	mu    sync.Mutex
	stats map[string]any
}

const adguardPassword = "secret"

func adguard(t *testing.T, dir, _ string) server {
	a := &adguardHome{}
	text, err := os.ReadFile("testdata/adguardhome-stats.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &a.stats); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(a)
	t.Cleanup(web.Close)
	metrics := freePort(t)
	run(t, dir, "json_exporter", "--config.file="+generated(t, dir), listen("--web.listen-address", metrics))
	return server{count: a.count, target: address(metrics), path: "/probe?module=adguardhome&target=" + web.URL + "/control/stats"}
}

// generated is what the NixOS module makes for the JSON exporter, with a password of
// our own.
func generated(t *testing.T, dir string) string {
	t.Helper()
	paths, err := filepath.Glob("../module/golden/services/nix/store/*-json-exporter.yml")
	if err != nil || len(paths) != 1 {
		t.Fatalf("no configuration of the JSON exporter among the module's (%v)", err)
	}
	text, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	password := write(t, dir, "password", "%s", adguardPassword)
	credential := regexp.MustCompile(`/run/credentials/[^"]+`)
	if !credential.Match(text) {
		t.Fatalf("%s has no password", paths[0])
	}
	return write(t, dir, "json-exporter.yml", "%s", credential.ReplaceAll(text, []byte(password)))
}

func (a *adguardHome) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	if user != "admin" || password != adguardPassword || r.URL.Path != "/control/stats" {
		http.Error(w, fmt.Sprintf("%s may not read %s", user, r.URL), http.StatusForbidden)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	_ = json.NewEncoder(w).Encode(a.stats)
}

// count counts a question, and halfway an hour begins.
func (a *adguardHome) count(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	keys := []string{"dns_queries"}
	if name == "ads.example.net" {
		keys = append(keys, "blocked_filtering")
	}
	for _, key := range keys {
		a.last(key)[0] = a.last(key)[0].(float64) + 1
	}
	if a.last("dns_queries")[0].(float64) == pace*4*(lead+window/2).Seconds() {
		for _, key := range []string{"dns_queries", "blocked_filtering", "replaced_safebrowsing", "replaced_parental"} {
			a.stats[key] = append(a.stats[key].([]any)[1:], 0.)
		}
	}
}

// last is the number of the hour that lasts.
func (a *adguardHome) last(key string) []any {
	hours := a.stats[key].([]any)
	return hours[len(hours)-1:]
}
