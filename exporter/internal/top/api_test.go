package top

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"router-monitoring/exporter/internal/registry"
	"router-monitoring/exporter/internal/web"
)

// newRouter is an exporter's live page with TLS and basic auth.
func newRouter(t *testing.T) (o options, close func()) {
	t.Helper()
	page := web.New(func(bool) *web.Reading {
		return &web.Reading{Hook: "forward", Snapshot: &registry.Snapshot{Time: time.Now(), RateTime: time.Now(), Clients: []registry.Client{{Name: "tv"}}}}
	})
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, password, _ := r.BasicAuth(); name != "anna" || password != "secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		http.StripPrefix("/behind/a/proxy", page).ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return options{url: s.URL + "/behind/a/proxy/", username: "anna", passwordFile: file, insecure: true}, page.Close
}

func TestAPI(t *testing.T) {
	o, end := newRouter(t)
	a, err := newAPI(o)
	if err != nil {
		t.Fatal(err)
	}
	d, err := a.clients(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Clients) != 1 || d.Clients[0].Name != "tv" || d.Clients[0].History != nil && len(d.Clients[0].History.Recent.RX) > 0 {
		t.Errorf("clients: %+v", d.Clients)
	}
	got := 0
	err = a.stream(t.Context(), func(d *web.Document) {
		if got++; got == 2 {
			end()
		}
	})
	if got < 2 || err == nil {
		t.Errorf("the stream gave %d documents and ended with %v", got, err)
	}
}

func TestRefusalsNameTheRemedy(t *testing.T) {
	o, _ := newRouter(t)
	for name, c := range map[string]struct {
		change func(*options)
		want   string
	}{
		"no address":      {func(o *options) { o.url = "router.lan" }, "--url"},
		"name in the URL": {func(o *options) { o.url = "https://anna:secret@router.lan" }, "--username"},
		"wrong password":  {func(o *options) { o.passwordFile, o.password = "", "guess" }, "--password-file"},
		"certificate":     {func(o *options) { o.insecure = false }, "certificate"},
		"no live page":    {func(o *options) { o.url = strings.TrimSuffix(o.url, "behind/a/proxy/") + "behind/a/proxy/elsewhere" }, "web.live"},
		"nobody there":    {func(o *options) { o.url = "http://127.0.0.1:1" }, "--url names another"},
	} {
		t.Run(name, func(t *testing.T) {
			o := o
			c.change(&o)
			a, err := newAPI(o)
			if err == nil {
				_, err = a.clients(t.Context())
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v does not mention %s", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("%v shows the password", err)
			}
		})
	}
}
