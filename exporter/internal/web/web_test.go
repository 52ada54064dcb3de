package web

import (
	"encoding/csv"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"router-monitoring/exporter/internal/registry"
	"router-monitoring/exporter/internal/sample"
)

var t0 = time.Date(2026, 1, 31, 18, 4, 5, 678_901_234, time.FixedZone("", 3600))

const hostile = `<img src=x onerror=alert(1)>`

func moved(up, down uint64) sample.ByDirection {
	return sample.ByDirection{sample.Upload: {Bytes: up}, sample.Download: {Bytes: down}}
}

// example is a reading with a client of each kind.
func example(history bool) *Reading {
	r := &Reading{
		Snapshot: &registry.Snapshot{
			Time: t0, Connections: &sample.Connections{}, RateTime: t0, RateInterval: 1003 * time.Millisecond,
			Rate: [2]uint64{30, 4000}, Today: moved(7, 80), Period: moved(70, 800), PeriodQuota: 5e12,
			Forwarded: moved(110, 1010), Unattributed: registry.Unattributed{Excluded: moved(1, 2), Overflow: moved(2, 3)}, Forgotten: moved(7, 5),
			RecentEnd: t0, HourEnd: t0,
			Clients: []registry.Client{{
				Name: "tv", NameSource: registry.NameDeclared, Type: "streaming", MAC: sample.MAC{0xd8, 1, 2, 3, 4, 5}, Vendor: "TV Company",
				Addr: netip.MustParseAddr("192.168.1.20"), Interface: "br-lan",
				Addrs:  []netip.Addr{netip.MustParseAddr("192.168.1.20"), netip.MustParseAddr("fd00:1::20")},
				Totals: registry.Totals{Internet: moved(100, 1000)}, Lifetime: moved(200, 2000), Today: moved(10, 20), Period: moved(30, 40), Quota: 5e11,
				Rate: [2]uint64{3, 1e6}, Connections: sample.Protocols{TCP: 4, UDP: 3, ICMP: 2, Other: 1}, Online: true,
				FirstSeen: t0.Add(-time.Hour), LastSeen: t0,
			}, {
				Name: hostile, NameSource: registry.NameDeclared, MAC: sample.MAC{2}, Type: "=1+1",
			}, {
				Name: "fd00:1::7", NameSource: registry.NameAddress, Addr: netip.MustParseAddr("fd00:1::7"), Addrs: []netip.Addr{netip.MustParseAddr("fd00:1::7")},
			}},
		},
		Sources: map[string]bool{"accounting": true, "conntrack": false}, Hook: "forward", Problems: []string{"source conntrack is down, see the log"},
	}
	if history {
		r.History = &registry.History{Recent: []registry.Speed{{1, 2}}, Hour: []registry.Speed{}}
		for i := range r.Clients {
			r.Clients[i].History = &registry.History{Recent: []registry.Speed{{1.4, 2.5}, {0, 0}}, Hour: []registry.Speed{{5, 6}}}
		}
	}
	return r
}

func get(t *testing.T, h http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func newExample() *Handler {
	h := New(example)
	h.glances.router = Router{"router", "1.0"}
	return h
}

// TestAnswers compares whole answers with testdata, so that no field changes by
// accident.
func TestAnswers(t *testing.T) {
	for path, file := range map[string]string{
		"/api/v1/clients":                   "clients.json",
		"/api/v1/clients?history=true":      "history.json",
		"/api/v1/clients/d8:01:02:03:04:05": "client.json",
		"/api/v1/clients?format=csv":        "clients.csv",
	} {
		w := get(t, newExample(), path)
		got := w.Body.String()
		if strings.HasSuffix(file, ".json") {
			got = indented(t, w.Body.Bytes())
		}
		if w.Code != http.StatusOK {
			t.Errorf("%s: status %d", path, w.Code)
		}
		golden(t, file, got)
	}
}

func indented(t *testing.T, text []byte) string {
	t.Helper()
	out, err := json.MarshalIndent(json.RawMessage(text), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out) + "\n"
}

var update = flag.Bool("update", false, "write testdata anew")

// golden compares with a file, or writes it if asked to.
func golden(t *testing.T, file, got string) {
	t.Helper()
	file = "testdata/" + file
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// TestDocumented checks that docs/api.md has a row for each field, and a field for
// each row.
func TestDocumented(t *testing.T) {
	text, err := os.ReadFile("../../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[a-z_.]+`(?:, `[a-z_.]+`)*) \\|").FindAllSubmatch(text, -1) {
		for name := range strings.SplitSeq(string(row[1]), ", ") {
			told[strings.TrimPrefix(strings.Trim(name, "`"), "audit.")] = true
		}
	}
	there := map[string]bool{}
	fields(reflect.TypeFor[Document](), there)
	for name := range told {
		if !there[name] {
			t.Errorf("docs/api.md tells of %s, which no answer has", name)
		}
	}
	for _, parts := range []string{"hostname", "version", "recent", "hour"} { // told in prose
		told[parts] = true
	}
	for name := range there {
		if !told[name] {
			t.Errorf("docs/api.md does not tell of %s", name)
		}
	}
}

func fields(t reflect.Type, names map[string]bool) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() {
		return
	}
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			names[name] = true
		}
		fields(f.Type, names)
	}
}

func TestFormats(t *testing.T) {
	const csv, js = "text/csv; charset=utf-8; header=present", "application/json"
	for _, tt := range []struct {
		name, path, accept string
		status             int
		want               string
	}{
		{"ok, nothing said", "/api/v1/clients", "", 200, js},
		{"ok, anything", "/api/v1/clients", "*/*", 200, js},
		{"ok, a browser", "/api/v1/clients", "text/html,application/xhtml+xml,*/*;q=0.8", 200, js},
		{"ok, CSV", "/api/v1/clients", "text/csv", 200, csv},
		{"ok, CSV of one", "/api/v1/clients/fd00:1::20", "text/csv", 200, csv},
		{"ok, CSV preferred", "/api/v1/clients", "application/json;q=0.5, text/csv;q=0.9", 200, csv},
		{"ok, CSV refused", "/api/v1/clients", "text/csv;q=0, text/*", 200, js},
		{"ok, text preferred", "/api/v1/clients", "text/*, */*;q=0.1", 200, csv},
		{"ok, the query wins", "/api/v1/clients?format=json", "text/csv", 200, js},
		{"ok, nonsense", "/api/v1/clients", ",;;/=q, text/csv;q=x", 200, js},
		{"bad format", "/api/v1/clients?format=xml", "", 400, js},
		{"bad history", "/api/v1/clients?history=1", "", 400, js},
		{"bad client", "/api/v1/clients/nobody", "", 404, js},
	} {
		w := get(t, newExample(), tt.path, "Accept", tt.accept)
		if got := w.Header().Get("Content-Type"); w.Code != tt.status || got != tt.want {
			t.Errorf("%s: status %d, %s; want %d, %s", tt.name, w.Code, got, tt.status, tt.want)
		}
	}
}

func TestFind(t *testing.T) {
	for path, want := range map[string]string{
		"d8:01:02:03:04:05": "tv", "D8-01-02-03-04-05": "tv", "192.168.1.20": "tv", "::ffff:192.168.1.20": "tv",
		"fd00:0001::20": "tv", "fd00%3A1%3A%3A20": "tv", "02:00:00:00:00:00": hostile, "fd00:1::7": "fd00:1::7",
	} {
		w := get(t, newExample(), "/api/v1/clients/"+path)
		var got single
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Client == nil || got.Client.Name != want {
			t.Errorf("%s: %d, %v, want %s", path, w.Code, err, want)
		}
	}
}

// TestSpreadsheets checks that a name is no formula there.
func TestSpreadsheets(t *testing.T) {
	rows, err := csv.NewReader(get(t, newExample(), "/api/v1/clients?format=csv").Body).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	kind := slices.Index(rows[0], "type")
	if got := rows[2][kind]; got != "'=1+1" {
		t.Errorf("the type reads %q", got)
	}
}

func TestHeaders(t *testing.T) {
	for path := range map[string]bool{"/api/v1/clients": true, "/api/v1/clients/nobody": true, "/nowhere": true} {
		h := get(t, newExample(), path).Header()
		for name, want := range map[string]string{
			"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
	for site, want := range map[string]int{"": 200, "none": 200, "same-origin": 200, "cross-site": 403} {
		if w := get(t, newExample(), "/api/v1/clients", "Sec-Fetch-Site", site); w.Code != want {
			t.Errorf("asked from %q: status %d, want %d", site, w.Code, want)
		}
	}
}

// TestUnknownRates goes through what can be said of now.
func TestUnknownRates(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(*Reading)
		told bool
	}{
		{"ok", func(*Reading) {}, true},
		{"a mean of a minute", func(r *Reading) { r.RateInterval = time.Minute }, true},
		{"nothing counted yet", func(r *Reading) { r.RateTime = time.Time{} }, false},
		{"reading fails since a minute", func(r *Reading) { r.RateTime = t0.Add(-time.Minute) }, false},
	} {
		r := example(false)
		tt.set(r)
		d := newDocument(r, Router{})
		if told := d.IntervalSeconds != nil; told != tt.told || (d.Clients[0].RXRate != nil) != told || (d.Totals.TXRate != nil) != told {
			t.Errorf("%s: rates told: %v", tt.name, told)
		}
	}
}
