package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// FuzzRequests asks for anything in any way: there is always an answer, and
// nothing of what was asked for is in it as markup.
func FuzzRequests(f *testing.F) {
	f.Add("api/v1/clients/d8:01:02:03:04:05", "format=csv", "text/csv;q=0.5, */*")
	f.Add("", "sort=-up&q=<script>", "text/html")
	f.Add("client/fe80::1%eth0", "history=true", ",;q=")
	f.Add("live/../web.go", "a;b", "\x00")
	h := newExample()
	f.Fuzz(func(t *testing.T, path, query, accept string) {
		if strings.HasPrefix(strings.TrimLeft(path, "/"), "api/v1/stream") {
			t.Skip("it has no end")
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL = &url.URL{Path: "/" + path, RawQuery: query}
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		switch w.Code {
		case 200, 301, 307, 400, 404:
		default:
			t.Errorf("status %d", w.Code)
		}
		if strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") && strings.Contains(w.Body.String(), "<script>") {
			t.Errorf("it holds a script: %s", w.Body)
		}
	})
}
