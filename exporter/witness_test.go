package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"router-monitoring/tests/lab"
)

// witness scrapes every 50 ms, whatever happens to the exporter, and checks that
// no counter ever decreases.
type witness struct {
	stop func() // and check

	mu      sync.Mutex
	last    passed // before the last scrape that is over began
	answers int    // scrapes
	silence bool   // the exporter may be unable to answer
}

func watch(t *testing.T, e *exporter) *witness {
	w := &witness{}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	w.stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(w.stop)
	before := e.scrape(t)
	go func() {
		defer close(done)
		for tick := time.NewTicker(50 * time.Millisecond); ; {
			select {
			case <-ctx.Done():
				tick.Stop()
				return
			case <-tick.C:
			}
			began := readPassed(t)
			m, err := e.fetch()
			w.mu.Lock()
			silence := w.silence
			if err == nil {
				w.answers++
				w.last = began
			}
			w.mu.Unlock()
			if err != nil {
				if !silence && ctx.Err() == nil {
					t.Error(err)
				}
				continue
			}
			if faults := m.decreased(before); faults != nil {
				t.Errorf("counters decreased: %v", faults)
			}
			before = m
		}
	}()
	return w
}

// lastScrape tells what had passed when the last scrape began.
func (w *witness) lastScrape() passed {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// allowSilence has it bear with an exporter that does not answer.
func (w *witness) allowSilence(yes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.silence = yes
}

// scrapes tells how many were answered so far.
func (w *witness) scrapes() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.answers
}

// All packets of the load are of this size, whatever their family, so that the
// packets which interfaces count are bytes.
const loadPacket = 1048

// passed is how many packets came into the router and left it so far. The hook
// that counts lies between the two.
type passed struct{ in, out uint64 }

func readPassed(t *testing.T) (p passed) {
	f, err := os.Open("/proc/thread-self/net/dev") // the first thread may be in the namespace of a client
	if err != nil {
		t.Error(err)
		return p
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, numbers, _ := strings.Cut(lines.Text(), ":")
		if name = strings.TrimSpace(name); name != lab.WAN && name != lab.BrLAN.Name {
			continue
		}
		var bytes, in, out, skip uint64
		if _, err := fmt.Sscan(numbers, &bytes, &in, &skip, &skip, &skip, &skip, &skip, &skip, &bytes, &out); err != nil {
			t.Error(err)
		}
		p.in += in
		p.out += out
	}
	return p
}
