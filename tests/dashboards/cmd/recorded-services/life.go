package main

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"router-monitoring/tests/lab"
)

// act is what somebody or something in the house does.
type act func(ctx context.Context, h *house) error

// event is what happens after a share of the time.
type event struct {
	after float64
	act
}

// day is when people come, games begin, and somebody downloads and then uploads as
// fast as the line can.
var day = []event{
	{0, joins("tv-livingroom")}, {0, joins("nas")}, {0, joins("camera-door")}, {0, joins("work-laptop")},
	{0.1, joins("phone-anna")}, {0.15, joins("gaming-pc")}, {0.25, joins("console")},
	{0.25, joins("visitor-laptop")}, {0.3, joins("visitor-phone")}, {0.45, joins("phone-ben")},
	{0.55, joins("tablet-kids")}, {0.6, joins("visitor-tablet")},

	{0, moves("tv-livingroom", lab.Down, 5*lab.Mbit, 1)},
	{0, moves("camera-door", lab.Up, 800*lab.Kbit, 1)},
	{0, moves("work-laptop", lab.Down, lab.Mbit, 1)},
	{0.3, moves("console", lab.Down, 0, 0.2)},
	{0.65, moves("nas", lab.Up, 0, 0.2)},

	{0.2, opens("gaming-pc", "Factorio", "UDP", 34197, time.Hour)},
	{0.3, opens("console", "Console 3074", "UDP", 3074, 20*time.Minute)},
	{0.4, opens("nas", "BitTorrent", "TCP", 51413, 2*time.Hour)},
	{0.5, opensQuietly("work-laptop", "tcp", 22000, time.Hour)},
}

// testDay is for speed tests: one of them, or two, has to share the line.
var testDay = []event{{0.5, moves("console", lab.Down, 0, 0.2)}}

func joins(client string) act {
	return func(ctx context.Context, h *house) error { return h.lease(ctx, client) }
}

// moves has a client move data for a share of the time, at a rate or, with 0, as
// fast as the line can.
func moves(client string, d lab.Direction, rate lab.Rate, share float64) act {
	return func(ctx context.Context, h *house) error {
		f := lab.Flow{Client: client, Direction: d, Rate: rate, Duration: time.Duration(share * float64(h.time))}
		_, err := h.TCP(context.WithoutCancel(ctx), f)
		return err
	}
}

func opens(client, what, proto string, port int, lasts time.Duration) act {
	return func(ctx context.Context, h *house) error { return h.mapPort(ctx, client, what, proto, port, lasts) }
}

func opensQuietly(client, proto string, port int, lasts time.Duration) act {
	return func(ctx context.Context, h *house) error { return h.mapPortQuietly(ctx, client, proto, port, lasts) }
}

// live lets everything happen until ctx ends.
func (h *house) live(ctx context.Context) error {
	all, ctx := errgroup.WithContext(ctx)
	for _, e := range h.day {
		all.Go(func() error {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(time.Duration(e.after * float64(h.time))):
				return e.act(ctx, h)
			}
		})
	}
	if h.dns {
		all.Go(func() error { return h.ask(ctx) })
	}
	if err := all.Wait(); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}
