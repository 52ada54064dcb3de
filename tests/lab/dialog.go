package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sync/semaphore"
)

// dialog is a client's end of a wire.
type dialog struct {
	*wire
	conn *net.UDPConn
}

func (h *Host) openDialog(to netip.AddrPort, f Flow, all *semaphore.Weighted) (*dialog, error) {
	conn, err := h.dialUDP(to)
	if err != nil {
		return nil, err
	}
	return &dialog{newWire(f, all, conn.Write), conn}, nil
}

// play carries the flow out, and fails unless every datagram has arrived.
func (d *dialog) play(ctx context.Context) error {
	o := d.flow.order()
	if _, err := d.ask(message{Order: o}); err != nil {
		return fmt.Errorf("order a flow from the internet at %s: %w", d.conn.RemoteAddr(), err)
	}
	if err := d.conn.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	move := d.upload
	if d.flow.Direction == Down {
		move = d.download
	}
	answer, err := move(ctx, message{AccountOf: o.ID})
	d.flight.abandon()
	if err != nil {
		return err
	}
	return d.compare(answer)
}

// upload sends data until it is time to end the flow.
func (d *dialog) upload(ctx context.Context, end message) (answer *message, err error) {
	heard := make(chan error, 1)
	go func() {
		var err error
		answer, err = d.listen()
		heard <- err
	}()
	err = errors.Join(d.flight.send(ctx, d.flow, d.write), d.tell(end))
	_ = d.conn.SetReadDeadline(time.Now().Add(lossTimeout))
	return answer, errors.Join(err, <-heard)
}

// download takes data in until it is time to end the flow.
func (d *dialog) download(ctx context.Context, end message) (*message, error) {
	stop, cancel := d.flow.stopAfter(ctx)
	defer cancel()
	defer context.AfterFunc(stop, func() { _ = d.conn.SetReadDeadline(time.Now()) })()
	if answer, err := d.listen(); !errors.Is(err, os.ErrDeadlineExceeded) {
		return answer, err
	}
	d.ending = true
	answer, err := d.ask(end)
	return answer, errors.Join(err, stopped(ctx))
}

// ask tells the other end something and gives its answer.
func (d *dialog) ask(m message) (*message, error) {
	if err := d.tell(m); err != nil {
		return nil, err
	}
	if err := d.conn.SetReadDeadline(time.Now().Add(lossTimeout)); err != nil {
		return nil, err
	}
	return d.listen()
}

// listen takes datagrams in until one says something new.
func (d *dialog) listen() (*message, error) {
	buf := make([]byte, MaxPayload+1)
	for {
		n, err := d.conn.Read(buf)
		if err != nil {
			return nil, err
		}
		if m, err := d.take(buf[:n]); m != nil || err != nil {
			return m, err
		}
	}
}

// compare checks both ends' books against each other.
func (d *dialog) compare(answer *message) error {
	a, err := answer.given()
	if err != nil {
		return err
	}
	arrived := d.received.minus(datagrams(d.flow.Family, answer.size, 1))
	if a.Received != d.sent || a.Sent != arrived {
		return fmt.Errorf("datagrams lost: %d of %d arrived at the other end, %d of %d here",
			a.Received.Packets, d.sent.Packets, arrived.Packets, a.Sent.Packets)
	}
	return nil
}

// close enters what went over the wire.
func (d *dialog) close(g *ledger) {
	_ = d.conn.Close()
	g.enter(d.flow.Client, Kind{Internet, UDP, d.flow.Family}, Counts{Up: d.sent, Down: d.received})
}
