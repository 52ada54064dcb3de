package web

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestHubRests checks that nothing is read while nobody listens.
func TestHubRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		h := newHub(func() []byte { reads++; return fmt.Append(nil, reads) })
		time.Sleep(time.Minute)
		if reads != 0 {
			t.Fatalf("read %d times for nobody", reads)
		}
		first := h.join()
		if got := string(<-first); got != "1" {
			t.Errorf("the first viewer begins with %s", got)
		}
		time.Sleep(9500 * time.Millisecond)
		second := h.join()
		if got := string(<-second); got != "10" {
			t.Errorf("the second viewer begins with %s, want the tenth", got)
		}
		if got := string(<-first); got != "10" {
			t.Errorf("the slow viewer goes on with %s, want the newest", got)
		}
		h.leave(first)
		h.leave(second)
		time.Sleep(time.Minute)
		if reads != 10 {
			t.Errorf("read %d times, want 10", reads)
		}
		third := h.join() // it wakes up
		if got := string(<-third); got != "11" {
			t.Errorf("after a rest there is %s, want a new one", got)
		}
		h.close()
		synctest.Wait()
		time.Sleep(time.Minute)
		if reads > 12 {
			t.Errorf("after its end it read %d times", reads-11)
		}
	})
}

func TestHubBoundsViewers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(func() []byte { return []byte("x") })
		defer h.close()
		var all []chan []byte
		for range maxViewers {
			all = append(all, h.join())
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/stream", nil))
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
			t.Errorf("one more got status %d", w.Code)
		}
		h.leave(all[0])
		if h.join() == nil {
			t.Error("the place of one who left is not free")
		}
	})
}

// TestStream reads from a server whose limits for whole answers are shorter than
// the stream lasts, and which ends while somebody listens.
func TestStream(t *testing.T) {
	h := newExample()
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ReadTimeout, srv.Config.WriteTimeout = 200*time.Millisecond, 200*time.Millisecond
	srv.Start()
	defer srv.Close()
	res, err := http.Get(srv.URL + "/api/v1/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("content type %q", got)
	}
	lines, events := bufio.NewScanner(res.Body), 0
	var head []string
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			head = append(head, lines.Text())
			continue
		}
		var d Document
		if err := json.Unmarshal([]byte(data), &d); err != nil || len(d.Clients) != 3 || d.Clients[0].History != nil {
			t.Fatalf("%v: %s", err, data)
		}
		if events++; events == 3 {
			h.Close()
		}
	}
	if events != 3 {
		t.Errorf("%d events before the end, want 3", events)
	}
	if want := "retry: 3000,,id: 1769879045678,event: snapshot,"; !strings.HasPrefix(strings.Join(head, ","), want) {
		t.Errorf("begins with %q, want %q", head, want)
	}
}

// TestSlowViewer checks that one who takes nothing is let go.
func TestSlowViewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(func() []byte { return []byte("x") })
		defer h.close()
		w := &stalled{header: http.Header{}}
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil).WithContext(t.Context()))
		if len(h.viewers) > 0 || w.limit.Sub(w.began) != streamStall {
			t.Errorf("%d viewers are left; it had %s", len(h.viewers), w.limit.Sub(w.began))
		}
	})
}

// stalled is a connection whose other end takes nothing after the first bytes.
type stalled struct {
	header       http.Header
	began, limit time.Time
	writes       int
}

func (s *stalled) Header() http.Header             { return s.header }
func (s *stalled) WriteHeader(int)                 {}
func (s *stalled) Flush()                          {}
func (s *stalled) SetReadDeadline(time.Time) error { return nil }
func (s *stalled) SetWriteDeadline(at time.Time) error {
	s.began, s.limit = time.Now(), at
	return nil
}
func (s *stalled) Write(b []byte) (int, error) {
	if s.writes++; s.writes == 1 {
		return len(b), nil
	}
	time.Sleep(time.Until(s.limit))
	return 0, fmt.Errorf("i/o timeout")
}

// TestGlances checks that many who look cost one reading.
func TestGlances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		g := glances{live: func(history bool) *Reading { reads++; return example(history) }}
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { g.take(false, true) })
		}
		wg.Wait()
		if reads != 1 {
			t.Errorf("%d readings for 100 who look at once", reads)
		}
		if g.take(true, true).Clients[0].History == nil {
			t.Error("no history where it is asked for")
		}
		time.Sleep(2 * time.Second)
		g.mu.Lock()
		if g.last != [2]*glance{} {
			t.Error("old readings are kept")
		}
		g.mu.Unlock()
		if g.take(false, true); reads != 3 {
			t.Errorf("%d readings, want a third one", reads)
		}
	})
}

// TestPatience checks that a rate over a long time is not passed off as now.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		rare := func(bool) *Reading {
			r := example(false)
			if reads++; reads == 1 {
				r.RateInterval = time.Hour
			}
			return r
		}
		start := time.Now()
		if g := (&glances{live: rare}).take(false, true); *g.IntervalSeconds != 1.003 || time.Since(start) != time.Second {
			t.Errorf("a mean of %v s after %s", *g.IntervalSeconds, time.Since(start))
		}
		off := func(bool) *Reading { r := example(false); r.Hook, r.RateTime = "", time.Time{}; return r }
		start = time.Now()
		if g := (&glances{live: off}).take(false, true); g.Health.Accounting != "off" || time.Since(start) != 0 {
			t.Errorf("accounting %s after %s", g.Health.Accounting, time.Since(start))
		}
	})
}
