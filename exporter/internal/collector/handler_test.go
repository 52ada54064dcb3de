package collector

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

func serve(h http.Handler, method string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/metrics", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestHandler(t *testing.T) {
	h := Handler(example, location)
	for name, header := range map[string][]string{
		"plainly":       {},
		"openmetrics":   {"Accept", "application/openmetrics-text; version=1.0.0"},
		"gzip refused":  {"Accept-Encoding", "gzip;q=0, deflate"},
		"gzip":          {"Accept-Encoding", "gzip"},
		"gzip among":    {"Accept-Encoding", "br, GZIP ; q=0.5"},
		"gzip in lines": {"Accept-Encoding", "br", "Accept-Encoding", "gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			w := serve(h, http.MethodGet, header...)
			if got := w.Header().Get("Content-Type"); w.Code != http.StatusOK || got != "text/plain; version=0.0.4; charset=utf-8" {
				t.Errorf("status %d, content type %q", w.Code, got)
			}
			body, encoding := io.Reader(w.Body), ""
			if strings.HasPrefix(name, "gzip") && name != "gzip refused" {
				z, err := gzip.NewReader(w.Body)
				if err != nil {
					t.Fatal(err)
				}
				body, encoding = z, "gzip"
			}
			if got := w.Header().Get("Content-Encoding"); got != encoding {
				t.Errorf("content encoding %q, want %q", got, encoding)
			}
			parser := expfmt.NewTextParser(model.UTF8Validation)
			families, err := parser.TextToMetricFamilies(body)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(families["network_client_info"].GetMetric()); n != 4 {
				t.Errorf("%d clients, want 4", n)
			}
			if families["go_info"] == nil || families["network_unattributed_bytes_total"] == nil {
				t.Error("families are missing")
			}
		})
	}
}

func TestHandlerAnswersHeadWithoutReading(t *testing.T) {
	h := Handler(func() Scrape { t.Error("read"); return example() }, nil)
	if w := serve(h, http.MethodHead); w.Code != http.StatusOK || w.Body.Len() > 0 || w.Header().Get("Content-Type") == "" {
		t.Errorf("status %d, %d bytes, header %v", w.Code, w.Body.Len(), w.Header())
	}
}

func TestHandlerBoundsScrapes(t *testing.T) {
	synctest.Test(t, boundsScrapes)
}

func boundsScrapes(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	h := Handler(func() Scrape { entered <- struct{}{}; <-leave; return example() }, nil)
	done := make(chan int)
	for range maxScrapes {
		go func() { done <- serve(h, http.MethodGet).Code }()
		<-entered
	}
	start := time.Now()
	if w := serve(h, http.MethodGet); w.Code != http.StatusServiceUnavailable || time.Since(start) != maxWait {
		t.Errorf("one more scrape got status %d after %v", w.Code, time.Since(start))
	}
	go func() { done <- serve(h, http.MethodGet).Code }() // and this one waits for its turn
	synctest.Wait()
	close(leave)
	<-entered
	for range maxScrapes + 1 {
		if code := <-done; code != http.StatusOK {
			t.Errorf("status %d", code)
		}
	}
	go func() { <-entered }()
	if w := serve(h, http.MethodGet); w.Code != http.StatusOK {
		t.Errorf("afterwards status %d", w.Code)
	}
}
