package lab

import (
	"fmt"
	"net"
	"net/netip"
	"time"
)

// connection is a TCP connection with both of its ends in our hands.
type connection struct {
	client, peer *stream
}

func (c *connection) close() {
	_ = c.client.Close()
	_ = c.peer.Close()
}

// connect opens the flow's connection.
func connect(e ends, f Flow) (*connection, error) {
	listener, err := e.listener.listenTCP(f.Family, f.Inbound)
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	return connectTo(listener, e)
}

// connectTo opens a connection to a listener of the flow's listening end.
func connectTo(listener *net.TCPListener, e ends) (*connection, error) {
	port := listener.Addr().(*net.TCPAddr).AddrPort().Port()
	opened, err := e.opener.dialTCP(netip.AddrPortFrom(e.target, port))
	if err != nil {
		return nil, err
	}
	if err := listener.SetDeadline(time.Now().Add(closeTimeout)); err != nil {
		return nil, err
	}
	accepted, err := accept(listener)
	if err != nil {
		_ = opened.Close()
		return nil, fmt.Errorf("accept: %w", err)
	}
	if e.opener == e.client {
		return &connection{client: opened, peer: accepted}, nil
	}
	return &connection{client: accepted, peer: opened}, nil
}

func accept(listener *net.TCPListener) (*stream, error) {
	conn, err := listener.AcceptTCP()
	if err != nil {
		return nil, err
	}
	return newStream(conn, false)
}

func (h *Host) listenTCP(f Family, port uint16) (ln *net.TCPListener, err error) {
	err = h.Do(func() error {
		ln, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(h.Addr(f), port)))
		return err
	})
	return ln, err
}

func (h *Host) dialTCP(to netip.AddrPort) (*stream, error) {
	var conn net.Conn
	err := h.Do(func() (err error) {
		d := net.Dialer{Timeout: closeTimeout, KeepAlive: -1}
		conn, err = d.Dial("tcp", to.String())
		return err
	})
	if err != nil {
		return nil, err
	}
	return newStream(conn.(*net.TCPConn), true)
}
