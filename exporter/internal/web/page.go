package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed pages
var pageFiles embed.FS

//go:embed static
var staticFiles embed.FS

var pages = template.Must(template.New("").Funcs(words).ParseFS(pageFiles, "pages/*.html"))

// maxRows bounds what a browser has to draw; a filter finds the rest.
const maxRows = 250

// overview is what the page of all clients shows.
type overview struct {
	*Document
	Root          string // way to the page's own top
	Sort, Filter  string
	Orders        []order
	Columns       []column
	Line          drawing
	MostDown      string // who takes most of the line, and what share
	MostUp        string
	Rows          []row
	Blank         row // from which the script makes rows
	Found, Hidden int
}

type row struct {
	*Client
	Now            time.Time
	Root           string
	DownBar, UpBar string
	Recent         drawing
}

// portrait is what the page of one client shows.
type portrait struct {
	*Client
	*Document
	Root               string
	Recent, Hour       drawing
	RecentTop, HourTop *uint64
	Minutes            []minute // the newest first
}

type minute struct {
	At       time.Time
	Down, Up *uint64
}

func (h *Handler) overview(w http.ResponseWriter, r *http.Request) {
	g := h.glances.take(true, true)
	v := &overview{Document: g.Document, Filter: r.FormValue("q"), Orders: orders, Line: draw(g.Totals.History.Recent, leastLine)}
	found, by := Arrange(g.Clients, r.FormValue("sort"), v.Filter)
	v.Columns = columns(by, v.Filter)
	v.Sort, v.Found, v.Hidden = strings.TrimPrefix(by, "-"), len(found), max(0, len(found)-maxRows)
	v.MostDown = most(g.Clients, g.Totals.RXRate, func(c *Client) *uint64 { return c.RXRate })
	v.MostUp = most(g.Clients, g.Totals.TXRate, func(c *Client) *uint64 { return c.TXRate })
	downTop, upTop := barTops(g.Clients)
	for _, c := range found[:len(found)-v.Hidden] {
		v.Rows = append(v.Rows, row{
			Client: c, Now: g.Time, DownBar: bar(c.RXRate, downTop), UpBar: bar(c.TXRate, upTop),
			Recent: draw(c.History.Recent, max(leastLine, downTop/50)),
		})
	}
	v.Blank = row{Client: &Client{}, DownBar: "0.0", UpBar: "0.0"}
	render(w, http.StatusOK, "overview", v)
}

// barTops are the rates of a full bar: what any client reached in five minutes.
func barTops(clients []Client) (down, up float64) {
	down, up = leastBar, leastBar
	for i := range clients {
		c := &clients[i]
		down = max(down, peak(float64(value(c.RXRate)), c.History.Recent.RX))
		up = max(up, peak(float64(value(c.TXRate)), c.History.Recent.TX))
	}
	return down, up
}

func (h *Handler) portrait(w http.ResponseWriter, r *http.Request) {
	g := h.glances.take(true, true)
	c := find(g.Clients, r.PathValue("id"))
	if c == nil {
		render(w, http.StatusNotFound, "nobody", &portrait{Document: g.Document, Root: "../"})
		return
	}
	recent, hour := c.History.Recent, c.History.Hour
	v := &portrait{
		Client: c, Document: g.Document, Root: "../", Recent: draw(recent, leastLine), Hour: draw(hour, leastLine),
		RecentTop: new(uint64(peak(leastLine, recent.RX, recent.TX))), HourTop: new(uint64(peak(leastLine, hour.RX, hour.TX))),
	}
	for i := len(hour.RX) - 1; i >= 0; i-- {
		at := hour.End.Add(time.Duration(i-len(hour.RX)) * time.Minute)
		v.Minutes = append(v.Minutes, minute{at, &hour.RX[i], &hour.TX[i]})
	}
	render(w, http.StatusOK, "portrait", v)
}

func render(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, fmt.Sprintf("make the page: %v", err), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// static serves styles and scripts, which browsers may keep as long as they ask
// whether there are newer ones.
func static(w http.ResponseWriter, r *http.Request) {
	name := path.Join("static", path.Base(r.PathValue("file")))
	text, err := staticFiles.ReadFile(name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(text)))
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(text))
}
