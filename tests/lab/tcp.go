package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

const (
	tcpHeader = 20

	// optionsSYN are those of a SYN (maximum segment size, timestamps, window
	// scale, padding), optionsData those of every later segment (timestamps).
	optionsSYN  = 20
	optionsData = 12

	// closeTimeout is how long a connection may take to open or to say goodbye,
	// drainTimeout how long data may be under way after the last was written.
	closeTimeout = 5 * time.Second
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
	go func() {
		_, err := io.Copy(io.Discard, receiver)
		received <- errors.Join(err, receiver.CloseWrite())
	}()
	err = write(ctx, sender, f)
	drained := time.Now().Add(drainTimeout)
	err = errors.Join(err, sender.CloseWrite(), receiver.SetReadDeadline(drained), sender.SetReadDeadline(drained))
	err = errors.Join(err, <-received)
	if _, eofErr := sender.Read(make([]byte, 1)); !errors.Is(eofErr, io.EOF) {
		err = errors.Join(err, fmt.Errorf("expected the end of the connection: %w", eofErr))
	}
	counts, countErr := c.count(f.Family)
	return counts, errors.Join(err, countErr)
}

// write sends the flow's data at its rate until one of its limits.
func write(ctx context.Context, conn *net.TCPConn, f Flow) error {
	stop, cancel := f.stopAfter(ctx)
	defer cancel()
	// A peer that stops reading must not hold us beyond the end.
	defer context.AfterFunc(stop, func() {
		_ = conn.SetWriteDeadline(time.Now().Add(drainTimeout))
	})()
	pace := pacer{rate: f.Rate}
	buf := make([]byte, f.writeSize())
	for left := f.Bytes; f.Bytes == 0 || left > 0; left -= int64(len(buf)) {
		if f.Bytes != 0 && left < int64(len(buf)) {
			buf = buf[:left]
		}
		if err := pace.wait(stop, len(buf)); err != nil {
			return stopped(ctx)
		}
		if _, err := conn.Write(buf); err != nil {
			return fmt.Errorf("send: %w", err)
		}
	}
	return nil
}

// writeSize is some 10 ms worth of data, so that a slow flow trickles and a fast
// one does not cost a system call for each segment.
func (f Flow) writeSize() int {
	const most = 64 << 10
	if f.Rate == 0 {
		return most
	}
	return max(f.Payload, min(int(f.Rate/8/100), most))
}
