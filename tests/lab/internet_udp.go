package lab

import (
	"context"
	"errors"
	"net/netip"
)

// session is the internet's end of a flow of datagrams.
type session struct {
	*wire
	end  context.CancelCauseFunc
	done chan error // of a download: why sending ended
	err  error      // why the flow failed
}

// serveUDP takes in what all clients send. One socket serves all of them: while
// another one for each flow were bound and not yet connected, it would take in
// what is meant for others.
func (s *internet) serveUDP() error {
	buf := make([]byte, MaxPayload+1)
	for {
		n, from, err := s.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			return err
		}
		s.take(buf[:n], from)
	}
}

// take hands a datagram to its session. Outside of one there are orders, and
// questions for the account of a TCP connection.
func (s *internet) take(datagram []byte, from netip.AddrPort) {
	current, known := s.sessions[from]
	if !known {
		current = s.newSession(from, Flow{Family: familyOf(from.Addr())})
	}
	m, err := current.take(datagram)
	switch {
	case err != nil:
		current.fail(err)
	case m == nil:
	case m.Order != nil:
		s.begin(m, from)
	case m.AccountOf == "":
	case known:
		delete(s.sessions, from)
		go current.conclude()
	default:
		go s.answer(current, m.AccountOf)
	}
}

func (s *internet) newSession(from netip.AddrPort, f Flow) *session {
	return &session{wire: newWire(f, s.inFlight, func(b []byte) (int, error) {
		return s.udp.WriteToUDPAddrPort(b, from)
	})}
}

// begin does what was ordered. A flow that the client left open gives way.
func (s *internet) begin(m *message, from netip.AddrPort) {
	if old := s.sessions[from]; old != nil {
		old.end(errPlayOver)
	}
	f, err := m.Order.flow(UDP, familyOf(from.Addr()))
	n := s.newSession(from, f)
	n.received = datagrams(f.Family, m.size, 1)
	n.fail(errors.Join(err, n.tell(message{})))
	s.sessions[from] = n

	ctx, end := context.WithCancelCause(context.Background())
	n.end, n.done = end, make(chan error, 1)
	if n.err != nil || f.Direction == Up {
		n.done <- nil
		return
	}
	go func() {
		err := n.flight.send(ctx, f, n.write)
		n.flight.abandon()
		n.done <- err
	}()
}

// fail keeps the first error, for the account.
func (n *session) fail(err error) {
	if n.err == nil {
		n.err = err
	}
}

// conclude ends the flow and gives its account.
func (n *session) conclude() {
	n.end(errPlayOver)
	n.fail(<-n.done)
	a := account{Sent: n.sent, Received: n.received}
	if n.err != nil {
		a.Error = n.err.Error()
	}
	_ = n.tell(message{Account: &a}) // if it is lost, the client tells so
}

// answer gives the account of a TCP connection.
func (s *internet) answer(n *session, id string) {
	a := account{Error: "no connection with this ID"}
	if waiting, ok := s.accounts.LoadAndDelete(id); ok {
		a = <-waiting.(chan account)
	}
	_ = n.tell(message{Account: &a})
}
