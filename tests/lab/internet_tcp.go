package lab

import (
	"context"
	"encoding/json"
	"io"
	"time"
)

// forgetAfter is how long an account waits to be asked for.
const forgetAfter = 10 * time.Minute

func (s *internet) serveTCP() error {
	for {
		conn, err := accept(s.tcp)
		if err != nil {
			return err
		}
		go s.serveStream(conn)
	}
}

// serveStream serves one connection and keeps its account. One without an order,
// such as a probe of the port makes, is closed.
func (s *internet) serveStream(conn *stream) {
	defer conn.Close()
	o := readOrder(conn)
	if o == nil {
		return
	}
	waiting := make(chan account, 1)
	s.accounts.Store(o.ID, waiting)
	waiting <- playStream(conn, o)
	time.AfterFunc(forgetAfter, func() { s.accounts.Delete(o.ID) })
}

// readOrder gives the order that a connection begins with. What is read beyond
// it is an upload's data, which nobody looks at.
func readOrder(conn *stream) *order {
	var m message
	if conn.SetReadDeadline(time.Now().Add(closeTimeout)) != nil ||
		json.NewDecoder(io.LimitReader(conn, MaxPayload)).Decode(&m) != nil ||
		conn.SetReadDeadline(time.Time{}) != nil {
		return nil
	}
	return m.Order
}

// playStream is the internet's part of a flow.
func playStream(conn *stream, o *order) (a account) {
	f, err := o.flow(TCP, conn.family())
	switch {
	case err != nil:
	case f.Direction == Down:
		err = conn.send(context.Background(), f)
	default:
		err = conn.receive(context.Background())
	}
	if err == nil {
		a.Sent, a.Resent, err = conn.sent()
	}
	if err != nil {
		a.Error = err.Error()
	}
	return a
}
