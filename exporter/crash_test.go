package main

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"router-monitoring/tests/lab"
)

// TestKillAtAnyMoment kills the exporter a hundred times while 25 clients send
// and receive without pause. Nothing may be missing afterwards.
func TestKillAtAnyMoment(t *testing.T) {
	var flows []lab.Flow
	for _, f := range []lab.Family{lab.IPv4, lab.IPv6} {
		flows = append(flows,
			lab.Flow{Family: f, Direction: lab.Up, Rate: 200 * lab.Kbit, Payload: 700},
			lab.Flow{Family: f, Direction: lab.Down, Rate: 200 * lab.Kbit, Payload: 900})
	}
	l := busyLab(t, flows...)
	s := newService(t, "update_interval: 1s\n")
	s.start(t)
	last := s.scrape(t)
	stop := play(t, l)
	const rounds = 100
	ready := 0
	for round := range rounds {
		s.kill()
		if round%5 == 4 { // the others may not live to see their first scrape
			s.start(t)
			m := s.scrape(t)
			if faults := m.decreased(last); faults != nil {
				t.Errorf("round %d: counters decreased: %v", round, faults)
			}
			last = m
		} else {
			s.launch(t)
		}
		time.Sleep(rand.N(300 * time.Millisecond))
		if s.isReady() {
			ready++
		}
	}
	stop()
	s.kill()
	s.start(t)
	m := s.scrape(t)
	t.Logf("killed %d times, %d times when it was answering", rounds, ready)
	checkTruth(t, l, m)
	checkAudit(t, m)
}

// totals is all that the exporter tells of one client's bytes.
type totals struct{ Tx, Rx, TxPackets, RxPackets, Tx6, Rx6, LifetimeTx, LifetimeRx uint64 }

// checkTruth compares every client's counters and lifetime with what the lab
// knows that it sent and received.
func checkTruth(t *testing.T, l *lab.Lab, m metrics) {
	t.Helper()
	sent, reported := map[string]totals{}, map[string]totals{}
	var sum, difference uint64
	for _, h := range l.Clients {
		all, v6 := truth(l, h.Name), l.Truth()[h.Name].Sum(lab.Kind{Family: lab.IPv6})
		sent[h.Name] = totals{
			all.Up.Bytes, all.Down.Bytes, all.Up.Packets, all.Down.Packets,
			v6.Up.Bytes, v6.Down.Bytes, all.Up.Bytes, all.Down.Bytes,
		}
		v := func(metric string, labels ...string) uint64 {
			return uint64(m.value(metric, append(labels, "mac", h.MAC.String())...))
		}
		got := totals{
			v("network_client_tx_bytes_total"), v("network_client_rx_bytes_total"),
			v("network_client_tx_packets_total"), v("network_client_rx_packets_total"),
			v("network_client_ipv6_tx_bytes_total"), v("network_client_ipv6_rx_bytes_total"),
			v("network_client_lifetime_bytes", "direction", "tx"), v("network_client_lifetime_bytes", "direction", "rx"),
		}
		reported[h.Name] = got
		sum += all.Up.Bytes + all.Down.Bytes
		difference += distance(all.Up.Bytes, got.LifetimeTx) + distance(all.Down.Bytes, got.LifetimeRx)
	}
	t.Logf("%d clients sent and received %d bytes; the exporter's totals differ by %d bytes", len(l.Clients), sum, difference)
	if diff := cmp.Diff(sent, reported); diff != "" {
		t.Errorf("(-sent +reported):\n%s", diff)
	}
}

func distance(a, b uint64) uint64 { return max(a, b) - min(a, b) }
