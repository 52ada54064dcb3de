package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// transfer sends the flow's datagrams, never more at once than the queues on the
// way hold, and waits until all have arrived.
func (l *Lab) transfer(ctx context.Context, f Flow, send func([]byte) (int, error), receiver *net.UDPConn) (uint64, error) {
	lossless, fail := context.WithCancelCause(context.WithoutCancel(ctx))
	defer fail(nil)
	w := &flight{flow: semaphore.NewWeighted(window), all: l.inFlight}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.receive(receiver, f.Payload); err != nil {
			fail(err)
		}
	}()
	err := w.send(ctx, lossless, f, send)
	if drainErr := w.flow.Acquire(lossless, window); drainErr != nil {
		err = errors.Join(err, context.Cause(lossless))
	}
	w.done.Store(true)
	_ = receiver.SetReadDeadline(time.Now())
	<-done
	l.inFlight.Release(int64(w.sent.Load() - w.received.Load())) // what was lost
	return w.sent.Load(), err
}

// flight is a flow under way. The receiver acknowledges to the sender in memory,
// so that not a packet is on the network that is not counted.
type flight struct {
	flow, all      *semaphore.Weighted
	sent, received atomic.Uint64
	done           atomic.Bool
}

func (w *flight) send(ctx, lossless context.Context, f Flow, send func([]byte) (int, error)) error {
	stop, cancel := f.stopAfter(ctx)
	defer cancel()
	pace := pacer{rate: f.Rate}
	buf := make([]byte, f.Payload)
	size := f.Payload + udpHeader + headerSize(f.Family)
	for n := 0; f.Packets == 0 || n < f.Packets; n++ {
		if err := pace.wait(stop, size); err != nil {
			return stopped(ctx)
		}
		if w.flow.Acquire(lossless, 1) != nil {
			return nil // transfer reports the loss
		}
		if w.all.Acquire(lossless, 1) != nil {
			w.flow.Release(1)
			return nil
		}
		if _, err := send(buf); err != nil {
			w.flow.Release(1)
			w.all.Release(1)
			return fmt.Errorf("send datagram %d: %w", n+1, err)
		}
		w.sent.Add(1)
	}
	return nil
}

// receive counts datagrams in until the flow is done, and fails when one that
// was sent does not come.
func (w *flight) receive(conn *net.UDPConn, payload int) error {
	buf := make([]byte, MaxPayload+1)
	for before := uint64(0); ; before = w.received.Load() {
		if err := conn.SetReadDeadline(time.Now().Add(lossTimeout)); err != nil {
			return err
		}
		err := w.receiveUntilDeadline(conn, buf, payload)
		switch got := w.received.Load(); {
		case w.done.Load():
			return nil
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case got == before && w.sent.Load() > got:
			return fmt.Errorf("%d of %d datagrams lost", w.sent.Load()-got, w.sent.Load())
		}
	}
}

func (w *flight) receiveUntilDeadline(conn *net.UDPConn, buf []byte, payload int) error {
	for {
		n, _, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return err
		}
		if n != payload {
			return fmt.Errorf("received a datagram of %d bytes instead of %d", n, payload)
		}
		w.received.Add(1)
		w.flow.Release(1)
		w.all.Release(1)
	}
}
