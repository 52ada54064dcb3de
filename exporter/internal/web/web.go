package web

import (
	"net/http"
	"os"

	"github.com/prometheus/common/version"
)

// Handler serves the page and the API. It reads only while it is asked.
type Handler struct {
	http.Handler
	glances *glances
	hub     *hub
}

// New returns a handler of what live reads, with what was moved lately if it is
// asked for that. live is called from one goroutine at a time.
func New(live func(history bool) *Reading) *Handler {
	hostname, _ := os.Hostname() // which a page can do without
	h := &Handler{glances: &glances{live: live, router: Router{hostname, version.Version}}}
	h.hub = newHub(func() []byte { return event(h.glances.take(false, false)) })
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/clients", sameSite(h.clients))
	mux.HandleFunc("GET /api/v1/clients/{id}", sameSite(h.client))
	mux.HandleFunc("GET /api/v1/stream", sameSite(h.hub.ServeHTTP))
	mux.HandleFunc("GET /{$}", h.overview)
	mux.HandleFunc("GET /client/{id}", h.portrait)
	mux.HandleFunc("GET /live/{file}", static)
	h.Handler = guarded(mux)
	return h
}

// Close ends all streams.
func (h *Handler) Close() { h.hub.close() }

// policy lets the page load what this server serves, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// guarded tells browsers to keep what they get to themselves.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		h.Set("Vary", "Accept")
		next.ServeHTTP(w, r)
	})
}

// sameSite refuses what a page of somebody else's asks for in a visitor's browser:
// it could not read the answer, but take all places there are for streams.
func sameSite(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Sec-Fetch-Site") == "cross-site" {
			fail(w, http.StatusForbidden, "pages of other sites may not ask")
			return
		}
		next(w, r)
	}
}
