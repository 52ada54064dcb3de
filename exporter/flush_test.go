package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"router-monitoring/tests/lab"
)

// All packets of the load are of this size, whatever their family, so that the
// packets which interfaces count are bytes.
const flushPacket = 1048

// TestFirewallReloadsUnderLoad flushes everything and loads the user's rules
// again while 25 clients send and receive. IPv4 downloads are left out: without
// the user's NAT rules they end at the router.
func TestFirewallReloadsUnderLoad(t *testing.T) {
	const header4, header6, rate = 20 + 8, 40 + 8, 400 * lab.Kbit
	l := busyLab(t,
		lab.Flow{Family: lab.IPv4, Direction: lab.Up, Rate: rate, Payload: flushPacket - header4},
		lab.Flow{Family: lab.IPv6, Direction: lab.Up, Rate: rate, Payload: flushPacket - header6},
		lab.Flow{Family: lab.IPv6, Direction: lab.Down, Rate: rate, Payload: flushPacket - header6},
	)
	h := household{l, startExporter(t, "lan: {interfaces: [br-lan]}\nwan: {interfaces: [wan0]}\n")}
	s := startScraper(t, h.exporter)
	defer s.stop()
	const rounds = 20
	var missedInAll, forwarded uint64
	var slowest time.Duration
	for round := range rounds {
		r := flushOnce(t, h, s)
		t.Logf("flush %d: whole again after %v, %d of %d bytes missed, bound %d", round, r.gone, r.missed, r.forwarded, r.bound)
		if r.gone > time.Second {
			t.Errorf("flush %d: the table was back after %v, want within 1 s", round, r.gone)
		}
		if r.missed < 0 || r.missed > int64(r.bound) {
			t.Errorf("flush %d: %d bytes missed; %d bytes passed between the last scrape and the table's return", round, r.missed, r.bound)
		}
		missedInAll, forwarded, slowest = missedInAll+uint64(r.missed), forwarded+r.forwarded, max(slowest, r.gone)
	}
	s.stop()
	t.Logf("%d flushes: %d of %d bytes missed, the table was whole after %v at the latest, %d scrapes", rounds, missedInAll, forwarded, slowest, s.scrapes)
	m := h.scrape(t)
	if repairs := m.value("network_exporter_accounting_repairs_total"); repairs != rounds {
		t.Errorf("%v repairs of %d", repairs, rounds)
	}
	checkAudit(t, m)
}

// flushed is how one flush went.
type flushed struct {
	gone      time.Duration // from the order to flush until the table was seen whole, the user's rules loaded
	missed    int64         // bytes that no counter shows
	bound     uint64        // bytes that passed since the last scrape before the flush and until the table was back
	forwarded uint64
}

func flushOnce(t *testing.T, h household, s *scraper) (r flushed) {
	t.Helper()
	rest, begin := readPassed(t), h.scrape(t)
	before, sentBefore := clientBytes(begin), sentBytes(h.Lab)
	stop := play(t, h.Lab)
	eventually(t, "every client receives", func() bool {
		m := h.scrape(t)
		return !slices.ContainsFunc(h.Clients, func(c *lab.Host) bool {
			const rx = "network_client_rx_bytes_total"
			return m.sum(rx, "mac", c.MAC.String()) == begin.sum(rx, "mac", c.MAC.String())
		})
	})
	time.Sleep(200*time.Millisecond + rand.N(50*time.Millisecond))
	start, scraped := time.Now(), s.lastScrape()
	if err := h.ReloadRuleset(); err != nil {
		t.Error(err)
	}
	eventually(t, "the table is back", func() bool {
		return exec.Command("nft", "list", "chain", "inet", "network_metrics", "internet_upload").Run() == nil
	})
	r.gone = time.Since(start)
	back := readPassed(t)
	time.Sleep(200 * time.Millisecond)
	stop()
	r.forwarded = sentBytes(h.Lab) - sentBefore
	r.missed = int64(r.forwarded) - int64(clientBytes(h.scrape(t))-before)
	r.bound = flushPacket * ((back.in - rest.in) - (scraped.out - rest.out))
	return r
}

func clientBytes(m metrics) uint64 {
	return uint64(m.sum("network_client_tx_bytes_total") + m.sum("network_client_rx_bytes_total"))
}

func sentBytes(l *lab.Lab) (sum uint64) {
	for _, h := range l.Clients {
		c := truth(l, h.Name)
		sum += c.Up.Bytes + c.Down.Bytes
	}
	return sum
}

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

// scraper scrapes every 50 ms and checks that no counter ever decreases.
type scraper struct {
	stop    func()
	scrapes int

	mu   sync.Mutex
	last passed // before the last scrape that is over began
}

func startScraper(t *testing.T, e *exporter) *scraper {
	s := &scraper{}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	s.stop = func() { cancel(); <-done }
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
			if err != nil {
				t.Error(err)
				return
			}
			if faults := m.decreased(before); faults != nil {
				t.Errorf("counters decreased: %v", faults)
			}
			before = m
			s.scrapes++
			s.mu.Lock()
			s.last = began
			s.mu.Unlock()
		}
	}()
	return s
}

func (s *scraper) lastScrape() passed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// TestProtectedTableOutlivesFlushes flushes everything under load while the table
// is protected: not a byte is missed.
func TestProtectedTableOutlivesFlushes(t *testing.T) {
	const rate = 400 * lab.Kbit
	l := busyLab(t,
		lab.Flow{Family: lab.IPv4, Direction: lab.Up, Rate: rate},
		lab.Flow{Family: lab.IPv6, Direction: lab.Up, Rate: rate},
		lab.Flow{Family: lab.IPv6, Direction: lab.Down, Rate: rate},
	)
	for _, hook := range []string{"forward", "device"} {
		t.Run(hook, func(t *testing.T) {
			h := household{l, startExporter(t, "lan: {interfaces: [br-lan]}\nwan: {interfaces: [wan0]}\naccounting: {protect_table: true, hook: "+hook+"}\n")}
			if exec.Command("nft", "delete table inet network_metrics").Run() == nil {
				t.Skip("this kernel cannot protect tables (before Linux 6.9)")
			}
			before, sentBefore := clientBytes(h.scrape(t)), sentBytes(l)
			stop := play(t, l)
			for range 10 {
				time.Sleep(100 * time.Millisecond)
				if err := l.ReloadRuleset(); err != nil {
					t.Error(err)
				}
			}
			stop()
			m := h.scrape(t)
			sent, counted := sentBytes(l)-sentBefore, clientBytes(m)-before
			if counted != sent {
				t.Errorf("%d bytes sent, %d counted", sent, counted)
			}
			if repairs := m.value("network_exporter_accounting_repairs_total"); repairs != 0 {
				t.Errorf("%v repairs", repairs)
			}
			checkAudit(t, m)
			t.Logf("10 flushes: %d of %d bytes missed", sent-counted, sent)
		})
	}
}
