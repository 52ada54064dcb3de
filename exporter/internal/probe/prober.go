// Package probe asks addresses out there, again and again, whether they answer
// (ICMP echo, as ping does), and counts what is lost on the way.
package probe

import (
	"context"
	"crypto/rand"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"router-monitoring/exporter/internal/sample"
)

const (
	// maxPatience is how long an answer may take; what comes later is of no use to
	// anybody and counts as lost. It is less where probes are more frequent, so
	// that a target has one probe under way at most.
	maxPatience = 2 * time.Second

	// sendPatience is how long a full queue may hold up the next probe.
	sendPatience = 100 * time.Millisecond
)

// Prober probes its targets in turn, evenly over the interval.
type Prober struct {
	changed   chan struct{}
	receivers sync.WaitGroup
	sockets   map[*family]*net.UDPConn // Run's alone

	mu       sync.Mutex // guards what follows
	targets  []*target
	interval time.Duration // from one probe of a target to the next
}

type target struct {
	sample.Probe
	family   *family
	sequence uint16
	pending  *attempt // the one under way; nil for none
	fault    error    // why the last probe could not be sent, where that is no fault of the network
}

// attempt is a probe that was sent.
type attempt struct {
	echo
	sent time.Time
}

// New makes a prober without targets.
func New() *Prober {
	return &Prober{changed: make(chan struct{}, 1), sockets: map[*family]*net.UDPConn{}}
}

// Configure names the targets. One that stays keeps its counters.
func (p *Prober) Configure(addrs []netip.Addr, interval time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.targets
	p.targets = nil
	for _, a := range addrs {
		i := slices.IndexFunc(before, func(t *target) bool { return t.Target == a })
		switch {
		case i >= 0:
			p.targets = append(p.targets, before[i])
		case a.Is4():
			p.targets = append(p.targets, &target{Probe: sample.Probe{Target: a}, family: ipv4})
		default:
			p.targets = append(p.targets, &target{Probe: sample.Probe{Target: a}, family: ipv6})
		}
	}
	if interval == p.interval && slices.Equal(p.targets, before) {
		return
	}
	p.interval = interval
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// Results tells how the targets answer, and why one could not be probed.
func (p *Prober) Results() (all []sample.Probe, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.targets {
		all = append(all, t.Probe)
		if err == nil {
			err = t.fault
		}
	}
	return all, err
}

// Run probes until ctx ends. Sockets are opened when they are needed first, in
// the network namespace of the process, and closed when there are no targets.
func (p *Prober) Run(ctx context.Context) {
	defer p.close()
	for ctx.Err() == nil {
		p.mu.Lock()
		targets, interval := p.targets, p.interval
		p.mu.Unlock()
		if len(targets) > 0 {
			p.probeInTurn(ctx, targets, interval)
			continue
		}
		p.close()
		select {
		case <-ctx.Done():
		case <-p.changed:
		}
	}
}

// probeInTurn returns when there is something else to do.
func (p *Prober) probeInTurn(ctx context.Context, targets []*target, interval time.Duration) {
	ticker := time.NewTicker(interval / time.Duration(len(targets)))
	defer ticker.Stop()
	for turn := 0; ; turn++ {
		p.probe(targets[turn%len(targets)], min(interval, maxPatience))
		select {
		case <-ctx.Done():
			return
		case <-p.changed:
			return
		case <-ticker.C:
		}
	}
}

// socket opens one where there is none, and listens to it.
func (p *Prober) socket(f *family) (*net.UDPConn, error) {
	if conn := p.sockets[f]; conn != nil {
		return conn, nil
	}
	conn, err := open(f)
	if err != nil {
		return nil, err
	}
	p.sockets[f] = conn
	p.receivers.Go(func() { p.receive(f, conn) })
	return conn, nil
}

func (p *Prober) close() {
	for f, conn := range p.sockets {
		_ = conn.Close()
		delete(p.sockets, f)
	}
	p.receivers.Wait()
}

func newToken() (t token) {
	_, _ = rand.Read(t[:]) // never fails
	return t
}
