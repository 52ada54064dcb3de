package web

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	maxViewers   = 64
	streamPace   = time.Second
	streamStall  = 5 * time.Second  // a viewer who takes nothing for that long is dropped
	streamSilent = 15 * time.Second // after that a comment tells that the line is still there
	streamRetry  = 3 * time.Second  // after which a browser comes back
)

// hub sends each event to all viewers. It reads while somebody listens, and only
// then.
type hub struct {
	next func() []byte // the next event

	mu      sync.Mutex
	viewers map[chan []byte]struct{}
	running bool
	last    []byte
	closed  chan struct{}
}

func newHub(next func() []byte) *hub {
	return &hub{next: next, viewers: map[chan []byte]struct{}{}, closed: make(chan struct{})}
}

// join gives a viewer the last event, if there is one, and those to come. A
// viewer who is slow misses some. It is nil where there is no room.
func (h *hub) join() chan []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.viewers) >= maxViewers {
		return nil
	}
	events := make(chan []byte, 1)
	h.viewers[events] = struct{}{}
	if !h.running {
		h.running, h.last = true, nil
		go h.run()
	}
	if h.last != nil {
		events <- h.last
	}
	return events
}

func (h *hub) leave(events chan []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.viewers, events)
}

func (h *hub) run() {
	ticker := time.NewTicker(streamPace)
	defer ticker.Stop()
	for h.wanted() {
		h.send(h.next())
		select {
		case <-ticker.C:
		case <-h.closed:
		}
	}
}

// wanted reports whether anybody listens; else the hub rests.
func (h *hub) wanted() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case <-h.closed:
		h.running = false
	default:
		h.running = len(h.viewers) > 0
	}
	if !h.running {
		h.last = nil
	}
	return h.running
}

func (h *hub) send(event []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = event
	for events := range h.viewers {
		select {
		case <-events: // it was not taken: the new one is better
		default:
		}
		events <- event
	}
}

// close ends all streams, for good.
func (h *hub) close() { close(h.closed) }

// event is a glance as a server-sent event (HTML standard, section 9.2).
func event(g *glance) []byte {
	line := g.json()
	out := make([]byte, 0, len(line)+64)
	out = fmt.Appendf(out, "id: %d\nevent: snapshot\ndata: ", g.Time.UnixMilli())
	out = append(out, line...)
	return append(out, '\n')
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	events := h.join()
	if events == nil {
		w.Header().Set("Retry-After", "10")
		fail(w, http.StatusServiceUnavailable, fmt.Sprintf("%d viewers are here already; try again later", maxViewers))
		return
	}
	defer h.leave(events)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold events back
	if r.Method == http.MethodHead {
		return
	}
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Time{}) // the server's is for whole requests
	next := fmt.Appendf(nil, "retry: %d\n\n", streamRetry.Milliseconds())
	for {
		_ = conn.SetWriteDeadline(time.Now().Add(streamStall))
		if _, err := w.Write(next); err != nil || conn.Flush() != nil {
			return
		}
		select {
		case next = <-events:
		case <-time.After(streamSilent):
			next = []byte(":\n\n")
		case <-r.Context().Done():
			return
		case <-h.closed:
			return
		}
	}
}
