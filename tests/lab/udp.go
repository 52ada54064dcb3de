package lab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"
)

const (
	udpHeader = 8

	// backlog bounds the packets of all flows that are under way: a CPU queues
	// 1,000 (net.core.netdev_max_backlog) and drops the rest.
	backlog = 512

	// window bounds the packets of one flow: 64 of 2,304 bytes each, as the
	// kernel accounts them, stay below the 212,992 of a socket's buffer.
	window = 64

	requestPayload = 16
)

// lossTimeout is how long a packet may be under way on a busy machine.
var lossTimeout = 10 * time.Second

// datagrams is the size of n datagrams at the IP layer.
func datagrams(f Family, payload int, n uint64) Traffic {
	return Traffic{Bytes: n * uint64(payload+udpHeader+headerSize(f)), Packets: n}
}

// UDP sends datagrams and returns what passed the router, exactly: it fails
// unless every datagram arrived. A download begins with a request of the client,
// which is counted with it.
func (l *Lab) UDP(ctx context.Context, f Flow) (Counts, error) {
	f.Proto = UDP
	if err := f.complete(); err != nil {
		return Counts{}, fmt.Errorf("udp flow of %s: %w", f.Client, err)
	}
	if f.Packets == 0 && f.Duration == 0 {
		return Counts{}, fmt.Errorf("udp flow of %s: neither packets nor duration given", f.Client)
	}
	e, err := l.ends(f)
	if err != nil {
		return Counts{}, fmt.Errorf("udp flow: %w", err)
	}
	counts, err := l.udp(ctx, f, e)
	l.record(e.client, e.peer, f, counts)
	if err != nil {
		return counts, fmt.Errorf("udp flow of %s: %w", f.Client, err)
	}
	return counts, nil
}

func (l *Lab) udp(ctx context.Context, f Flow, e ends) (counts Counts, err error) {
	listener, err := e.listener.listenUDP(f.Family, f.Inbound)
	if err != nil {
		return counts, err
	}
	defer listener.Close()
	port := listener.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	opener, err := e.opener.dialUDP(netip.AddrPortFrom(e.target, port))
	if err != nil {
		return counts, err
	}
	defer opener.Close()

	sender := e.client
	if f.Direction == Down {
		sender = e.peer
	}
	send, receiver := opener.Write, listener
	if sender == e.listener || f.Answered {
		from, err := request(opener, listener)
		if err != nil {
			return counts, err
		}
		counts.add(e.opener == e.client, datagrams(f.Family, requestPayload, 1))
		reply := func(b []byte) (int, error) { return listener.WriteToUDPAddrPort(b, from) }
		if f.Answered {
			if err := answer(reply, opener); err != nil {
				return counts, err
			}
			counts.add(e.opener != e.client, datagrams(f.Family, requestPayload, 1))
		}
		if sender == e.listener {
			send, receiver = reply, opener
		}
	}
	sent, err := l.transfer(ctx, f, send, receiver)
	counts.add(sender == e.client, datagrams(f.Family, f.Payload, sent))
	return counts, err
}

// add enters traffic that the client sent or received.
func (c *Counts) add(up bool, t Traffic) {
	if up {
		c.Up = c.Up.plus(t)
	} else {
		c.Down = c.Down.plus(t)
	}
}

// request makes connection tracking know the flow and tells the listener whom to
// answer.
func request(opener, listener *net.UDPConn) (from netip.AddrPort, err error) {
	if _, err := opener.Write(make([]byte, requestPayload)); err != nil {
		return from, fmt.Errorf("send request: %w", err)
	}
	return receiveShort(listener)
}

func answer(reply func([]byte) (int, error), opener *net.UDPConn) error {
	if _, err := reply(make([]byte, requestPayload)); err != nil {
		return fmt.Errorf("answer request: %w", err)
	}
	_, err := receiveShort(opener)
	return err
}

func receiveShort(conn *net.UDPConn) (from netip.AddrPort, err error) {
	if err := conn.SetReadDeadline(time.Now().Add(lossTimeout)); err != nil {
		return from, err
	}
	if _, from, err = conn.ReadFromUDPAddrPort(make([]byte, requestPayload)); err != nil {
		return from, fmt.Errorf("receive request or its answer: %w", err)
	}
	return from, nil
}
