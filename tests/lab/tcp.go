package lab

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// closeTimeout is how long a connection may take to open or to say goodbye,
	// drainTimeout how long data may be under way after the last was written.
	closeTimeout = 10 * time.Second
	drainTimeout = 20 * time.Second
)

// TCP moves data over one connection and returns what passed the router
// according to the kernels at both ends, retransmissions, handshake and goodbye
// included. Segments that were lost before the router are in it too.
func (l *Lab) TCP(ctx context.Context, f Flow) (Counts, error) {
	f.Proto = TCP
	if err := f.complete(); err != nil {
		return Counts{}, fmt.Errorf("tcp flow of %s: %w", f.Client, err)
	}
	if f.Bytes == 0 && f.Duration == 0 {
		return Counts{}, fmt.Errorf("tcp flow of %s: neither bytes nor duration given", f.Client)
	}
	e, err := l.ends(f)
	if err != nil {
		return Counts{}, fmt.Errorf("tcp flow: %w", err)
	}
	counts, err := l.tcp(ctx, f, e)
	l.record(e.client, e.peer, f, counts)
	if err != nil {
		return counts, fmt.Errorf("tcp flow of %s: %w", f.Client, err)
	}
	return counts, nil
}

func (l *Lab) tcp(ctx context.Context, f Flow, e ends) (Counts, error) {
	c, err := connect(e, f)
	if err != nil {
		return Counts{}, err
	}
	defer c.close()
	sender, receiver := c.client, c.peer
	if f.Direction == Down {
		sender, receiver = receiver, sender
	}
	received := make(chan error, 1)
	go func() { received <- receiver.receive(context.Background()) }()
	err = sender.send(ctx, f)
	_ = receiver.SetReadDeadline(time.Now()) // it has said goodbye, or never will
	err = errors.Join(err, <-received)
	counts, countErr := c.count()
	return counts, errors.Join(err, countErr)
}
