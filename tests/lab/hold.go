package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// Held is a number of connections that are open at the same time.
type Held struct {
	lab   *Lab
	flow  Flow
	ends  ends
	conns []*connection
}

// Hold opens n connections of the flow's client, protocol and family. A UDP
// "connection" is a datagram and its answer: connection tracking remembers it
// for nf_conntrack_udp_timeout, 30 s unless a test changes it. TCP connections
// last until Close, which also enters them into the truth.
func (l *Lab) Hold(ctx context.Context, f Flow, n int) (*Held, error) {
	if err := f.complete(); err != nil {
		return nil, fmt.Errorf("hold connections of %s: %w", f.Client, err)
	}
	e, err := l.ends(f)
	if err != nil {
		return nil, fmt.Errorf("hold connections: %w", err)
	}
	h := &Held{lab: l, flow: f, ends: e}
	open := h.openTCP
	if f.Proto == UDP {
		open = h.openUDP
	}
	if err := open(ctx, n); err != nil {
		return nil, errors.Join(fmt.Errorf("hold %d connections of %s: %w", n, f.Client, err), h.Close())
	}
	return h, nil
}

func (h *Held) openTCP(ctx context.Context, n int) error {
	listener, err := h.ends.listener.listenTCP(h.flow.Family, h.flow.Inbound)
	if err != nil {
		return err
	}
	defer listener.Close()
	for len(h.conns) < n {
		if err := ctx.Err(); err != nil {
			return err
		}
		c, err := connectTo(listener, h.ends)
		if err != nil {
			return fmt.Errorf("connection %d: %w", len(h.conns)+1, err)
		}
		h.conns = append(h.conns, c)
	}
	return nil
}

func (h *Held) openUDP(ctx context.Context, n int) error {
	listener, err := h.ends.listener.listenUDP(h.flow.Family, h.flow.Inbound)
	if err != nil {
		return err
	}
	defer listener.Close()
	to := netip.AddrPortFrom(h.ends.target, listener.LocalAddr().(*net.UDPAddr).AddrPort().Port())
	// Kept open until all are there: a port that is free again would be given to
	// the next one, which would be the same connection.
	var opened []*net.UDPConn
	defer func() {
		for _, conn := range opened {
			_ = conn.Close()
		}
		one := datagrams(h.flow.Family, requestPayload, uint64(len(opened)))
		h.lab.record(h.ends.client, h.ends.peer, h.flow, Counts{Up: one, Down: one})
	}()
	for len(opened) < n {
		if err := ctx.Err(); err != nil {
			return err
		}
		conn, err := h.ends.opener.dialUDP(to)
		if err != nil {
			return err
		}
		opened = append(opened, conn)
		if err := exchange(conn, listener); err != nil {
			return fmt.Errorf("connection %d: %w", len(opened), err)
		}
	}
	return nil
}

// exchange sends a datagram there and back.
func exchange(opener, listener *net.UDPConn) error {
	from, err := request(opener, listener)
	if err != nil {
		return err
	}
	if _, err := listener.WriteToUDPAddrPort(make([]byte, requestPayload), from); err != nil {
		return fmt.Errorf("send answer: %w", err)
	}
	_, err = opener.Read(make([]byte, requestPayload))
	return err
}

// Close ends the TCP connections in an orderly way and enters what they sent
// into the truth.
func (h *Held) Close() error {
	var failed error
	for _, c := range h.conns {
		err := errors.Join(c.client.CloseWrite(), c.peer.CloseWrite())
		counts, countErr := c.count()
		failed = errors.Join(failed, err, countErr)
		h.lab.record(h.ends.client, h.ends.peer, h.flow, counts)
		c.close()
	}
	h.conns = nil
	return failed
}
