package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// transfer sends the flow's datagrams and waits until all have arrived. The
// receiver acknowledges to the sender in memory, so that not a packet is on the
// network that is not counted.
func (l *Lab) transfer(ctx context.Context, f Flow, send func([]byte) (int, error), receiver *net.UDPConn) (uint64, error) {
	if err := receiver.SetReadDeadline(time.Time{}); err != nil {
		return 0, err
	}
	w := newFlight(l.inFlight)
	received := make(chan error, 1)
	go func() { received <- w.receive(receiver, f.Payload) }()
	err := errors.Join(w.send(ctx, f, send), w.land())
	_ = receiver.SetReadDeadline(time.Now())
	err = errors.Join(err, <-received)
	w.abandon()
	return w.sent.Load(), err
}

// flight is what a flow has under way: never more than the queues on the way
// hold. Each datagram takes credit, and its acknowledgement gives that back.
type flight struct {
	flow, all          *semaphore.Weighted
	sent, acknowledged atomic.Uint64

	mu        sync.Mutex
	abandoned bool
}

func newFlight(all *semaphore.Weighted) *flight {
	return &flight{flow: semaphore.NewWeighted(window), all: all}
}

// send sends the flow's datagrams at its rate until one of its limits.
func (w *flight) send(ctx context.Context, f Flow, send func([]byte) (int, error)) error {
	stop, cancel := f.stopAfter(ctx)
	defer cancel()
	pace := pacer{rate: f.Rate}
	buf := make([]byte, f.Payload)
	size := f.Payload + udpHeader + headerSize(f.Family)
	for n := 0; f.Packets == 0 || n < f.Packets; n++ {
		if err := pace.wait(stop, size); err != nil {
			return stopped(ctx)
		}
		if err := w.takeOff(stop); err != nil {
			if stop.Err() != nil {
				return stopped(ctx)
			}
			return err
		}
		if _, err := send(buf); err != nil {
			w.sent.Add(^uint64(0))
			w.release(1)
			return fmt.Errorf("send datagram %d: %w", n+1, err)
		}
	}
	return nil
}

// takeOff waits for the credit of one datagram, which is under way from then on.
func (w *flight) takeOff(ctx context.Context) error {
	if err := w.wait(ctx, w.flow, 1); err != nil {
		return err
	}
	if err := w.wait(ctx, w.all, 1); err != nil {
		w.flow.Release(1)
		return err
	}
	w.sent.Add(1)
	return nil
}

// land waits until everything that was sent is acknowledged.
func (w *flight) land() error {
	return w.wait(context.Background(), w.flow, window)
}

// wait waits for credit as long as datagrams may be under way.
func (w *flight) wait(ctx context.Context, credit *semaphore.Weighted, n int64) error {
	if credit.TryAcquire(n) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lossTimeout)
	defer cancel()
	if credit.Acquire(ctx, n) != nil {
		return fmt.Errorf("%d of %d datagrams lost", w.sent.Load()-w.acknowledged.Load(), w.sent.Load())
	}
	return nil
}

// acknowledge tells how many datagrams have arrived by now.
func (w *flight) acknowledge(total uint64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.acknowledged.Load()
	switch {
	case w.abandoned:
		return nil
	case total < before || total > w.sent.Load():
		return fmt.Errorf("%d datagrams acknowledged after %d, of %d that were sent", total, before, w.sent.Load())
	}
	w.acknowledged.Store(total)
	w.release(int64(total - before))
	return nil
}

func (w *flight) release(n int64) {
	w.flow.Release(n)
	w.all.Release(n)
}

// abandon gives back what datagrams under way hold, when no more will be sent
// and nobody waits for their acknowledgement.
func (w *flight) abandon() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.abandoned {
		w.abandoned = true
		w.release(int64(w.sent.Load() - w.acknowledged.Load()))
	}
}

// receive acknowledges datagrams until the socket's deadline.
func (w *flight) receive(conn *net.UDPConn, payload int) error {
	buf := make([]byte, MaxPayload+1)
	for total := uint64(1); ; total++ {
		n, _, err := conn.ReadFromUDPAddrPort(buf)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return err
		case n != payload:
			return fmt.Errorf("received a datagram of %d bytes instead of %d", n, payload)
		}
		if err := w.acknowledge(total); err != nil {
			return err
		}
	}
}
