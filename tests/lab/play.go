package lab

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// forever is a duration that nobody waits for.
const forever = 100 * 365 * 24 * time.Hour

// Play runs the profile's load for that long, with 0 for as long as it may, or
// until the context is done, which is no error. When it returns every datagram
// has arrived and every connection has ended, so Truth is complete. What it
// returns is this play's part of it.
func (l *Lab) Play(ctx context.Context, duration time.Duration) (map[string]Truth, error) {
	return l.Profile.play(ctx, duration, &l.ledger, func(ctx context.Context, f Flow) error {
		run := l.UDP
		if f.Proto == TCP {
			run = l.TCP
		}
		_, err := run(ctx, f)
		return err
	})
}

// play runs every connection of the profile's flows, which enter what they send
// into the ledger, and returns their part of it.
func (p Profile) play(ctx context.Context, duration time.Duration, g *ledger, run func(context.Context, Flow) error) (map[string]Truth, error) {
	if duration <= 0 {
		duration = forever
	}
	before := g.Truth()
	// Being told to stop is not a flow's failure, losing a packet then still is.
	playing, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	defer context.AfterFunc(ctx, func() { stop(errPlayOver) })()
	flows, playing := errgroup.WithContext(playing)
	for _, c := range p.Clients {
		for _, f := range c.Flows {
			f.Duration = duration
			f.Rate *= Rate(p.Scale) / Rate(f.Connections)
			for range f.Connections {
				flows.Go(func() error { return run(playing, f) })
			}
		}
	}
	err := flows.Wait()
	after := g.Truth()
	for name, truth := range after {
		for k := range truth {
			truth[k] = truth[k].minus(before[name][k])
		}
	}
	if err != nil {
		err = fmt.Errorf("play %s: %w", p.Name, err)
	}
	return after, err
}
