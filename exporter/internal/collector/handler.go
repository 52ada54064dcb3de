package collector

import (
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// maxScrapes bounds scrapes at one time. Further ones wait for their turn, but not
// for longer than a scraper would, and are then told to come later.
const (
	maxScrapes = 16
	maxWait    = 8 * time.Second // of Prometheus' 10
)

// A reader who takes nothing for maxStall, or has not taken all after maxAnswer,
// is broken off: a few of them would keep all others from their turn.
const (
	maxStall  = time.Second
	maxAnswer = 30 * time.Second
)

// handler serves scrapes.
type handler struct {
	scrape func() Scrape
	text   *Text
	slots  chan struct{}
}

// Handler serves what scrape returns, which it calls from several goroutines at
// once, and what it takes to do so. The extra labels go to all series of clients.
// The answer is always the text format that every Prometheus reads, compressed
// where the peer asks for it.
func Handler(scrape func() Scrape, extra map[string]string) http.Handler {
	return &handler{scrape: scrape, text: NewText(extra), slots: make(chan struct{}, maxScrapes)}
}

// ServeHTTP answers one scrape.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	turn, cancel := context.WithTimeout(r.Context(), maxWait)
	defer cancel()
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-turn.Done():
		http.Error(w, fmt.Sprintf("%d scrapes are being answered; try again later", maxScrapes), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Vary", "Accept-Encoding")
	if r.Method == http.MethodHead {
		return
	}
	start := time.Now()
	s := h.scrape()
	s.took, s.process = time.Since(start), readProcess()
	if err := h.write(impatient(w), r, &s); err != nil {
		panic(http.ErrAbortHandler) // a part must not pass for the whole
	}
}

// impatientWriter breaks off readers who stall.
type impatientWriter struct {
	http.ResponseWriter
	conn *http.ResponseController
	end  time.Time
}

func impatient(w http.ResponseWriter) http.ResponseWriter {
	return &impatientWriter{w, http.NewResponseController(w), time.Now().Add(maxAnswer)}
}

func (w *impatientWriter) Write(b []byte) (int, error) {
	limit := time.Now().Add(maxStall)
	if limit.After(w.end) {
		limit = w.end
	}
	_ = w.conn.SetWriteDeadline(limit) // which the writers of tests cannot
	return w.ResponseWriter.Write(b)
}

func (h *handler) write(w http.ResponseWriter, r *http.Request, s *Scrape) error {
	if !acceptsGzip(r.Header.Values("Accept-Encoding")) {
		return h.text.Write(w, s)
	}
	w.Header().Set("Content-Encoding", "gzip")
	z := compressors.Get().(*gzip.Writer)
	defer compressors.Put(z)
	z.Reset(w)
	if err := h.text.Write(z, s); err != nil {
		return err
	}
	return z.Close()
}

// compressors trade a little size for half the time.
var compressors = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // fails for unknown levels only
	return z
}}

// acceptsGzip reads the header Accept-Encoding (RFC 9110, section 12.5.3).
func acceptsGzip(header []string) bool {
	for encoding := range strings.SplitSeq(strings.Join(header, ","), ",") {
		name, weight, _ := strings.Cut(encoding, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			return weight == "" || strings.Trim(weight, " qQ=0.") != ""
		}
	}
	return false
}
