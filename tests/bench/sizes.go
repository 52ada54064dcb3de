package main

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
)

// Names of the parts, as the report shows them.
const (
	partUDP4     = "Forwarding 64-byte UDP over IPv4, ns a packet"
	partUDP6     = "Forwarding 64-byte UDP over IPv6, ns a packet"
	partTCP      = "Forwarding TCP of 1,500 bytes a packet, ns a packet, both ends included"
	partCounters = "Reading the counters of all clients, ms"
	partScrape   = "A whole scrape over HTTP, ms"
	partMemory   = "Memory after these scrapes, MiB"
	partCount    = "Counting connections, ms"
)

var (
	forwarders  = []string{"none", "ours", "two rules a client"}
	readers     = []string{"nft -j list", "ours"}
	connReaders = []string{"conntrack -L", "ours"}
)

// sizes measures how cost grows with the number of clients and of connections.
func (b *bench) sizes(ctx context.Context) error {
	r, err := newRouter()
	if err != nil {
		return err
	}
	defer r.Close()
	for _, n := range []int{25, 250, 1000, mostClients} {
		if err := b.size(ctx, r, n); err != nil {
			return fmt.Errorf("%d clients: %w", n, err)
		}
	}
	for _, part := range []string{partUDP4, partUDP6, partTCP, partCounters, partScrape, partMemory} {
		b.report.show(part)
	}
	for _, n := range []int{1000, 10_000, 65_000} {
		if err := b.connections(ctx, r, n); err != nil {
			return fmt.Errorf("%d connections: %w", n, err)
		}
	}
	b.report.show(partCount)
	return nil
}

// mostClients are measured with an IPv4 address alone, too: all that the old way
// counts.
const mostClients = 10_000

// size measures n clients that have an IPv4 and an IPv6 address each.
func (b *bench) size(ctx context.Context, r *router, n int) error {
	p, err := b.startExporter(ctx, fmt.Sprintf(
		"lan: {interfaces: [br-lan]}\nwan: {interfaces: [wan0]}\naccounting: {max_clients: %d}\n", max(4096, 2*n)))
	if err != nil {
		return err
	}
	running := true
	defer func() {
		if running {
			p.stop()
		}
	}()
	v4, err := r.clients(n, false)
	if err != nil {
		return err
	}
	defer v4.close()
	if err := r.LoadRuleset(oldRules(v4.addrs)); err != nil {
		return err
	}
	if n == mostClients {
		if err := b.readIPv4(ctx, p, v4); err != nil {
			return err
		}
	}
	v6, err := r.clients(n, true)
	if err != nil {
		return err
	}
	defer v6.close()
	if err := meet(p, v4, v6); err != nil {
		return err
	}
	if err := b.read(ctx, p, n, count(n)+" clients"); err != nil {
		return err
	}
	p.stop() // the kernel goes on counting
	running = false
	for _, c := range []*clients{v4, v6} {
		if err := b.forward(ctx, r, c, n); err != nil {
			return err
		}
	}
	if err := b.transfer(ctx, r, n); err != nil {
		return err
	}
	if err := r.LoadRuleset(fmt.Sprintf("delete table inet %s\ndelete table inet %s\n", table, oldTable)); err != nil {
		return err
	}
	return netlink.ConntrackTableFlush(netlink.ConntrackTable)
}

// forward compares what a packet costs. With 10,000 clients the old way takes as
// long for one packet as all else for hundreds.
func (b *bench) forward(ctx context.Context, r *router, c *clients, n int) error {
	part := partUDP4
	if c.ipv6 {
		part = partUDP6
		if err := r.LoadRuleset(fmt.Sprintf("delete table inet %s\n%s", oldTable, oldRules(c.addrs))); err != nil {
			return err
		}
	}
	few := max(200, b.packets/max(1, n/10))
	outcomes, err := takeTurns(ctx, b.rounds,
		r.with("", func() (float64, error) { return c.forward(b.packets) }),
		r.with(table, func() (float64, error) { return c.forward(b.packets) }),
		r.with(oldTable, func() (float64, error) { return c.forward(min(few, b.packets)) }))
	b.report.add(part, count(n)+" clients", forwarders, outcomes)
	return err
}

// transfer compares TCP, without the old way for 10,000 clients: it would take
// minutes.
func (b *bench) transfer(ctx context.Context, r *router, n int) error {
	s, err := r.openStream()
	defer s.close()
	if err != nil {
		return err
	}
	send := func() (float64, error) { return s.transfer(b.segments) }
	others := []measurement{r.with(table, send)}
	if n < 10_000 {
		if err := r.LoadRuleset(fmt.Sprintf("delete table inet %s\n%s", oldTable, oldRules(oldClients(n)))); err != nil {
			return err
		}
		others = append(others, r.with(oldTable, send))
	}
	outcomes, err := takeTurns(ctx, b.rounds, r.with("", send), others...)
	b.report.add(partTCP, count(n)+" clients", forwarders, outcomes)
	return err
}

// oldClients are n IPv4 addresses for rules of the old way.
func oldClients(n int) (addrs []netip.Addr) {
	for i := range n {
		addrs = append(addrs, clientAddr(i, false))
	}
	return addrs
}

// meet lets all clients speak until each has its counters. The kernel allots these
// in the background: where thousands of clients come within milliseconds, some of
// their packets find none yet.
func meet(p *process, all ...*clients) error {
	const overflow = "network_unattributed_bytes_total{"
	for before := -1.0; ; time.Sleep(100 * time.Millisecond) {
		m, err := p.scrape()
		if err != nil || m.sum(overflow) == before {
			return err
		}
		before = m.sum(overflow)
		for _, c := range all {
			if err := c.speak(); err != nil {
				return err
			}
		}
	}
}

// readIPv4 compares the same while no client has used its IPv6 address.
func (b *bench) readIPv4(ctx context.Context, p *process, c *clients) error {
	if err := meet(p, c); err != nil {
		return err
	}
	return b.read(ctx, p, len(c.addrs), count(len(c.addrs))+" clients, IPv4 only")
}

// read compares reading all counters, and takes the time of scrapes. Ours is
// what the exporter itself says its reading took.
func (b *bench) read(ctx context.Context, p *process, n int, name string) error {
	var scrapes []float64
	outcomes, err := takeTurns(ctx, max(b.rounds, b.scrapes),
		func() (float64, error) {
			return milliseconds(func() error {
				counters, err := readOldCounters()
				if err == nil && len(counters) != 2*n {
					err = fmt.Errorf("nft gave %d counters, want %d", len(counters), 2*n)
				}
				return err
			})
		},
		func() (float64, error) {
			var m metrics
			took, err := milliseconds(func() (err error) { m, err = p.scrape(); return err })
			scrapes = append(scrapes, took)
			if seen := m.count("network_client_rx_packets_total{"); err == nil && seen < n {
				err = fmt.Errorf("the exporter shows %d clients, want %d", seen, n)
			}
			return 1000 * m.value(`network_exporter_source_duration_seconds{source="accounting"}`), err
		})
	if err != nil {
		return err
	}
	b.report.add(partCounters, name, readers, outcomes)
	b.report.add(partScrape, name, []string{"ours"}, []outcome{{value: median(scrapes)}})
	u, err := p.usage()
	b.report.add(partMemory, name, []string{"resident", "anonymous"}, []outcome{{value: u.resident}, {value: u.anonymous}})
	return err
}

// connections compares counting n connections.
// The exporter counts at its start, and then seldom: it is started each time.
func (b *bench) connections(ctx context.Context, r *router, n int) error {
	if err := r.connect(n); err != nil {
		return err
	}
	config := "lan: {interfaces: [br-lan]}\nwan: {interfaces: [wan0]}\nclients:\n"
	for i := range connecting {
		config += fmt.Sprintf("  - {name: client %d, ip: %s}\n", i, clientAddr(i, false))
	}
	outcomes, err := takeTurns(ctx, b.rounds,
		func() (float64, error) {
			return milliseconds(func() error {
				connections, err := readOldConnections()
				seen := 0
				for _, k := range connections {
					seen += k
				}
				if err == nil && seen < n {
					err = fmt.Errorf("conntrack gave %d connections", seen)
				}
				return err
			})
		},
		func() (float64, error) {
			p, err := b.startExporter(ctx, config)
			if err != nil {
				return 0, err
			}
			defer p.stop()
			m, err := p.scrape()
			if seen := m.sum("network_client_connections{"); err == nil && int(seen) < n {
				err = fmt.Errorf("the exporter counted %.0f connections", seen)
			}
			return 1000 * m.value(`network_exporter_source_duration_seconds{source="conntrack"}`), err
		})
	b.report.add(partCount, count(n)+" connections", connReaders, outcomes)
	return err
}

// milliseconds gives the time that fn took.
func milliseconds(fn func() error) (float64, error) {
	start := time.Now()
	err := fn()
	return float64(time.Since(start).Microseconds()) / 1000, err
}
