package web

import (
	"net/http"
	"net/netip"
	"slices"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// single is the answer about one client.
type single struct {
	Time            time.Time `json:"time"`
	IntervalSeconds *float64  `json:"interval_seconds"`
	Client          *Client   `json:"client"`
}

func (h *Handler) clients(w http.ResponseWriter, r *http.Request) {
	csv, ok := wantsCSV(r)
	history, known := map[string]bool{"": false, "false": false, "true": true}[r.URL.Query().Get("history")]
	switch {
	case !ok:
		fail(w, http.StatusBadRequest, "format is json or csv")
	case !known:
		fail(w, http.StatusBadRequest, "history is true or false")
	case csv:
		answer(w, "text/csv; charset=utf-8; header=present", table(h.glances.take(false, true).Clients))
	default:
		answer(w, jsonType, h.glances.take(history, true).json())
	}
}

func (h *Handler) client(w http.ResponseWriter, r *http.Request) {
	csv, ok := wantsCSV(r)
	g := h.glances.take(true, true)
	c := find(g.Clients, r.PathValue("id"))
	switch {
	case !ok:
		fail(w, http.StatusBadRequest, "format is json or csv")
	case c == nil:
		fail(w, http.StatusNotFound, "no client has this MAC or address")
	case csv:
		answer(w, "text/csv; charset=utf-8; header=present", table([]Client{*c}))
	default:
		answer(w, jsonType, encode(single{g.Time, g.IntervalSeconds, c}))
	}
}

// find looks for a client by its MAC or any of its addresses; nil if there is none.
func find(clients []Client, id string) *Client {
	if m, err := sample.ParseMAC(id); err == nil {
		id = m.String()
	} else if a, err := netip.ParseAddr(id); err == nil {
		id = a.Unmap().String()
	}
	i := slices.IndexFunc(clients, func(c Client) bool { return c.ID == id })
	if i < 0 {
		i = slices.IndexFunc(clients, func(c Client) bool { return slices.Contains(c.IPs, id) })
	}
	if i < 0 {
		return nil
	}
	return &clients[i]
}

const jsonType = "application/json"

func answer(w http.ResponseWriter, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(body) // who left needs no answer
}

// fail says in words what is wrong.
func fail(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(status)
	_, _ = w.Write(encode(map[string]string{"error": text}))
}
