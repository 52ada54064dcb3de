package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"router-monitoring/exporter/internal/registry"
	"router-monitoring/exporter/internal/sample"
)

func TestPages(t *testing.T) {
	for _, tt := range []struct {
		path   string
		status int
		want   []string
	}{
		{"/", 200, []string{
			`<a href="client/d8:01:02:03:04:05">tv</a>`, "streaming · TV Company", "8.00 Mbit/s", "of 500 GB", "&lt;img src=x onerror=alert(1)&gt;",
			"source conntrack is down, see the log · 1 of 2 sources answer", "tv 100 %", `http-equiv="refresh"`, `<th role="columnheader" scope="col" class="down" aria-sort="descending"`,
		}},
		{"/?sort=-name&q=tv", 200, []string{`value="tv"`, "1 clients", `class="name" aria-sort="descending"`, `href="?q=tv&amp;sort=name"`}},
		{`/?q="><script>`, 200, []string{`value="&#34;&gt;&lt;script&gt;"`, "0 clients"}},
		{"/client/d8:01:02:03:04:05", 200, []string{"fd00:1::20", `href="../live/style.css"`, t0.Add(-time.Minute).Local().Format("15:04") + "</th>", "your configuration"}},
		{"/client/fd00:1::7", 200, []string{"not known", "never seen"}},
		{"/client/02:00:00:00:00:00", 200, []string{"&lt;img src=x onerror=alert(1)&gt;", "made up by the device"}},
		{"/client/nobody", 404, []string{"No client has this address"}},
	} {
		w := get(t, newExample(), tt.path)
		if w.Code != tt.status || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			t.Errorf("%s: status %d, %s", tt.path, w.Code, w.Header().Get("Content-Type"))
		}
		for _, want := range tt.want {
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s lacks %s", tt.path, want)
			}
		}
		for _, refused := range []string{"<img", "style=", "<script>", "onclick", "http://", "https://", "//"} {
			if strings.Contains(strings.ReplaceAll(w.Body.String(), `"http://www.w3.org`, ""), refused) {
				t.Errorf("%s holds %s", tt.path, refused)
			}
		}
	}
}

// TestPageBounds checks that a browser is not given thousands of rows.
func TestPageBounds(t *testing.T) {
	body := get(t, New(func(bool) *Reading { return crowd(1000) }), "/").Body.String()
	if rows := strings.Count(body, `<tr role="row" data-id="0`); rows != maxRows || !strings.Contains(body, "1000 clients, 750 of them not shown") {
		t.Errorf("%d rows", rows)
	}
}

// crowd is a reading of many clients.
func crowd(n int) *Reading {
	r := example(true)
	one := r.Clients[0]
	r.Clients = nil
	for i := range n {
		c := one
		c.MAC, c.Addr = sample.MAC{0, 0, 0, 1, byte(i >> 8), byte(i)}, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		c.Addrs = []netip.Addr{c.Addr}
		c.Name = fmt.Sprint("client-", i)
		c.History = &registry.History{Recent: make([]registry.Speed, 60), Hour: make([]registry.Speed, 60)}
		r.Clients = append(r.Clients, c)
	}
	return r
}

func TestStatic(t *testing.T) {
	first := get(t, newExample(), "/live/overview.js")
	if first.Code != http.StatusOK || !strings.Contains(first.Header().Get("Content-Type"), "javascript") {
		t.Fatalf("status %d, %s", first.Code, first.Header().Get("Content-Type"))
	}
	again := get(t, newExample(), "/live/overview.js", "If-None-Match", first.Header().Get("ETag"))
	if again.Code != http.StatusNotModified || again.Body.Len() > 0 {
		t.Errorf("asked again: status %d", again.Code)
	}
	for _, path := range []string{"/live/", "/live/none.js", "/live/..%2fweb.go", "/live/%2e%2e/web.go"} {
		if w := get(t, newExample(), path); w.Code == http.StatusOK {
			t.Errorf("%s is served", path)
		}
	}
}

func TestArrange(t *testing.T) {
	d := newDocument(example(false), Router{})
	for _, tt := range []struct {
		by, filter, want, key string
	}{
		{"", "", "tv," + hostile + ",fd00:1::7", "down"},
		{"nonsense", "", "tv," + hostile + ",fd00:1::7", "down"},
		{"-down", "", hostile + ",fd00:1::7,tv", "-down"},
		{"name", "", hostile + ",fd00:1::7,tv", "name"},
		{"-name", "", "tv,fd00:1::7," + hostile, "-name"},
		{"address", "", hostile + ",tv,fd00:1::7", "address"},
		{"seen", "TV company", "tv", "seen"},
		{"today", "192.168 stream", "tv", "today"},
		{"period", "d8:01", "tv", "period"},
		{"up", "tv nowhere", "", "up"},
		{"connections", "fd00:1::", "tv,fd00:1::7", "connections"},
	} {
		found, by := Arrange(d.Clients, tt.by, tt.filter)
		var names []string
		for _, c := range found {
			names = append(names, c.Name)
		}
		if got := strings.Join(names, ","); got != tt.want || by != tt.key {
			t.Errorf("by %q, with %q: %s, by %s; want %s", tt.by, tt.filter, got, by, tt.want)
		}
	}
}

// said is what a function of words.js must say as well; tests/live asks it.
type said struct {
	Function string `json:"function"`
	Args     []any  `json:"args"`
	Want     any    `json:"want"`
}

// TestWords writes down what the page says of many values, which the script is
// compared with.
func TestWords(t *testing.T) {
	var all []said
	say := func(function string, want any, args ...any) { all = append(all, said{function, args, want}) }
	say("rate", Rate(nil), nil)
	for _, n := range []uint64{0, 1, 12, 124, 125, 1249, 12_499, 124_999, 125_000, 1_250_000, 12_345_678, 124_999_999, 125_000_000, 12_500_000_000} {
		say("rate", Rate(&n), n)
		say("size", Size(n), n)
	}
	for _, n := range []uint64{999, 1000, 1e15, 1e18} {
		say("size", Size(n), n)
	}
	now := t0.Truncate(time.Second).UTC()
	for _, passed := range []time.Duration{0, 59 * time.Second, time.Hour - 1, time.Hour, 48*time.Hour - time.Second, 48 * time.Hour, 1000 * time.Hour} {
		c := Client{LastSeen: new(now.Add(-passed).Truncate(time.Second))}
		say("ago", Ago(now, &c), now, c)
	}
	say("ago", Ago(now, &Client{}), now, Client{})
	say("ago", Ago(now, &Client{Online: true}), now, Client{Online: true})
	say("split", split(1500, 2), 1500, 2)
	r := example(false)
	d := newDocument(r, Router{})
	say("health", HealthLine(d.Health), d.Health)
	r.Problems, r.Clients = nil, nil
	say("health", HealthLine(newDocument(r, Router{}).Health), newDocument(r, Router{}).Health)
	r.Hook = ""
	say("health", HealthLine(newDocument(r, Router{}).Health), newDocument(r, Router{}).Health)
	for _, c := range d.Clients {
		say("what", What(&c), c)
	}
	for _, rates := range [][]uint64{{}, {6}, {0, 100, 300, 50}} {
		say("line", line(rates, 200, true), rates, 200, true)
		say("line", line(rates, 200, false), rates, 200, false)
	}
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "words.json", string(text)+"\n")
}

func TestCell(t *testing.T) {
	for want, v := range map[string]any{
		"": (*uint64)(nil), "7": new(uint64(7)), "a b": []string{"a", "b"}, "'=x": "=x", "'-x": "-x", "x=": "x=", "true": true,
		"2026-01-31T17:04:05Z": new(t0.UTC().Truncate(time.Second)),
	} {
		if diff := cmp.Diff(want, text(reflect.ValueOf(v))); diff != "" {
			t.Error(diff)
		}
	}
}

// BenchmarkSnapshot makes one event of the stream.
func BenchmarkSnapshot(b *testing.B) {
	for _, n := range []int{25, 250, 4096} {
		b.Run(fmt.Sprintf("clients=%d", n), func(b *testing.B) {
			r := crowd(n)
			for i := range r.Clients {
				r.Clients[i].History = nil
			}
			r.History = nil
			b.ReportAllocs()
			for b.Loop() {
				g := &glance{Document: newDocument(r, Router{})}
				g.json = func() []byte { return encode(g.Document) }
				b.SetBytes(int64(len(event(g))))
			}
		})
	}
}
