package main

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"router-monitoring/tests/lab"
)

const (
	partUse  = "25 clients, the exporter scraped every 3 s, the old way's readers run every 2 s"
	partWeek = "A week's scrapes of 25 clients, one after the other"

	heldConnections = 2000
	scrapeInterval  = 3 * time.Second
)

// household measures the processes in the lab of the demo.
func (b *bench) household(ctx context.Context) error {
	profile, err := lab.LoadProfile("n5105-25-clients")
	if err != nil {
		return err
	}
	l, err := lab.New(profile)
	if err != nil {
		return err
	}
	defer l.Close()
	p, err := b.startExporter(ctx, "lan: {interfaces: [br-lan]}\nwan: {interfaces: [wan0]}\n")
	if err != nil {
		return err
	}
	defer p.stop()
	if err := l.LoadRuleset(oldRules(oldClients(len(l.Clients)))); err != nil {
		return err
	}
	old, err := startStandIn()
	if err != nil {
		return err
	}
	defer old.stop()
	if err := b.watch(ctx, "idle", p, old); err != nil {
		return err
	}
	if err := b.underLoad(ctx, l, func() error { return b.watch(ctx, "under load", p, old) }); err != nil {
		return err
	}
	b.report.show(partUse)
	old.stop()
	return b.simulateWeek(ctx, p)
}

// underLoad runs fn while the clients make the profile's load and hold
// connections.
func (b *bench) underLoad(ctx context.Context, l *lab.Lab, fn func() error) error {
	client := l.Profile.Clients[0].Name
	held, err := l.Hold(ctx, lab.Flow{Client: client, Proto: lab.TCP, Family: lab.IPv4}, heldConnections)
	if err != nil {
		return err
	}
	playing, stop := context.WithCancel(ctx)
	defer stop()
	var load errgroup.Group
	load.Go(func() error {
		_, err := l.Play(playing, 0)
		return err
	})
	err = fn()
	stop()
	if playErr := load.Wait(); err == nil {
		err = playErr
	}
	if closeErr := held.Close(); err == nil {
		err = closeErr
	}
	return err
}

// watch takes what both use for a while, in which the exporter is scraped: of
// their memory the mean and the most.
func (b *bench) watch(ctx context.Context, when string, ours, old *process) error {
	processes := []*process{old, ours}
	var before [2]usage
	var err error
	for i, p := range processes {
		if before[i], err = p.usage(); err != nil {
			return err
		}
	}
	after := before
	var total, most [2]float64 // of what is resident
	start := time.Now()
	var scrapes []float64
	for time.Since(start) < b.watching {
		took, err := milliseconds(func() error { _, err := ours.scrape(); return err })
		if err != nil {
			return err
		}
		scrapes = append(scrapes, took)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(scrapeInterval):
		}
		for i, p := range processes {
			now, err := p.usage()
			if err != nil {
				return err
			}
			now.anonymous = max(now.anonymous, after[i].anonymous)
			after[i] = now
			total[i] += now.resident
			most[i] = max(most[i], now.resident)
		}
	}
	took := time.Since(start)
	for _, of := range []struct {
		name   string
		figure func(i int) float64
	}{
		{"CPU, % of one, ", func(i int) float64 { return 100 * float64(after[i].cpu-before[i].cpu) / float64(took) }},
		{"resident, mean, MiB, ", func(i int) float64 { return total[i] / float64(len(scrapes)) }},
		{"resident, most, MiB, ", func(i int) float64 { return most[i] }},
		{"anonymous, most, MiB, ", func(i int) float64 { return after[i].anonymous }},
		{"threads, ", func(i int) float64 { return after[i].threads }},
	} {
		b.report.add(partUse, of.name+when, []string{"old way", "ours"}, []outcome{
			{value: of.figure(0)}, {of.figure(1), of.figure(1) / of.figure(0)},
		})
	}
	b.report.add(partUse, "a scrape, ms, "+when, []string{"ours"}, []outcome{{value: median(scrapes)}})
	return nil
}

// simulateWeek looks for what grows with the number of scrapes.
func (b *bench) simulateWeek(ctx context.Context, p *process) error {
	for _, until := range []int{b.week / 10, b.week} {
		var m metrics
		for p.scrapes < until {
			if err := ctx.Err(); err != nil {
				return err
			}
			var err error
			if m, err = p.scrape(); err != nil {
				return err
			}
		}
		u, err := p.usage()
		if err != nil {
			return err
		}
		for _, of := range []struct {
			name  string
			value float64
		}{
			{"resident, MiB", u.resident}, {"anonymous, MiB", u.anonymous}, {"threads", u.threads},
			{"goroutines", m.value("go_goroutines")}, {"open files", m.value("process_open_fds")},
		} {
			b.report.add(partWeek, of.name, []string{"after " + count(until)}, []outcome{{value: of.value}})
		}
	}
	b.report.show(partWeek)
	return nil
}
