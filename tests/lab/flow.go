package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// MaxPayload keeps a datagram in one packet.
const MaxPayload = 1400

// defaultPayload is about what QUIC and video calls use.
const defaultPayload = 1200

// Flow is a stream of data between a client and another host. What is left
// empty gets a useful value.
type Flow struct {
	Client string `yaml:"-"` // whose truth it is; RouterName for the router's own traffic
	Peer   string `yaml:"peer"`

	Proto       Proto     `yaml:"proto"`
	Family      Family    `yaml:"family"`
	Direction   Direction `yaml:"direction"`
	Rate        Rate      `yaml:"rate"`        // 0: as fast as it goes without loss
	Payload     int       `yaml:"payload"`     // of a datagram, or of a TCP write
	Connections int       `yaml:"connections"` // the rate is shared among them

	// The first limit that is reached ends the flow; one of them is needed.
	Packets  int           `yaml:"-"` // datagrams, UDP only
	Bytes    int64         `yaml:"-"` // payload of a TCP connection
	Duration time.Duration `yaml:"-"`

	// Inbound makes the other end open the flow, to this port of the client.
	// From the internet it needs a PortForward.
	Inbound uint16 `yaml:"-"`

	// Target is where the opener finds the other end, if not at that one's own
	// address: hairpin NAT leads there.
	Target netip.Addr `yaml:"-"`

	// Answered lets an upload over UDP begin with a datagram in each direction,
	// so that connection tracking takes it for established.
	Answered bool `yaml:"-"`
}

// complete fills in what was left empty and refuses what makes no sense.
func (f *Flow) complete() error {
	setDefault(&f.Peer, InternetName)
	setDefault(&f.Proto, UDP)
	setDefault(&f.Family, IPv4)
	setDefault(&f.Direction, Up)
	setDefault(&f.Payload, defaultPayload)
	setDefault(&f.Connections, 1)
	switch {
	case f.Proto != UDP && f.Proto != TCP:
		return fmt.Errorf("proto %q is neither tcp nor udp", f.Proto)
	case f.Family != IPv4 && f.Family != IPv6:
		return fmt.Errorf("family %d is neither 4 nor 6", f.Family)
	case f.Direction != Up && f.Direction != Down:
		return fmt.Errorf("direction %q is neither up nor down", f.Direction)
	case f.Payload < 1 || f.Payload > MaxPayload:
		return fmt.Errorf("payload %d is not within 1 and %d bytes", f.Payload, MaxPayload)
	case f.Connections < 1:
		return fmt.Errorf("connections %d is not a positive number", f.Connections)
	case f.Peer == f.Client:
		return fmt.Errorf("peer %q is the client itself", f.Peer)
	}
	return nil
}

// setDefault gives an empty field its value.
func setDefault[T comparable](field *T, value T) {
	var empty T
	if *field == empty {
		*field = value
	}
}

// familyOf tells an address's family; IPv4 may be written as IPv6 has it.
func familyOf(a netip.Addr) Family {
	if a.Unmap().Is4() {
		return IPv4
	}
	return IPv6
}

// headerSize is that of the IP header without options.
func headerSize(f Family) int {
	if f == IPv6 {
		return 40
	}
	return 20
}

// ends are the two hosts of a flow and who opens it.
type ends struct {
	client, peer     *Host
	opener, listener *Host
	target           netip.Addr // where the opener finds the listener
}

func (l *Lab) ends(f Flow) (e ends, err error) {
	if e.client, err = l.host(f.Client); err != nil {
		return e, err
	}
	if e.peer, err = l.host(f.Peer); err != nil {
		return e, err
	}
	e.opener, e.listener = e.client, e.peer
	if f.Inbound != 0 {
		e.opener, e.listener = e.peer, e.client
	}
	e.target = e.listener.Addr(f.Family)
	if e.opener == l.Internet && f.Family == IPv4 {
		e.target = l.Router.IPv4 // the client hides behind the router
	}
	if f.Target.IsValid() {
		e.target = f.Target
	}
	return e, nil
}

// pacer spreads bytes evenly over time.
type pacer struct {
	rate Rate
	due  time.Time
}

const (
	// maxLag is what a late sender may catch up at once; a longer stall is lost.
	maxLag = 50 * time.Millisecond

	// step is what a sender may be early: waking up for less costs more than
	// the smoother flow is worth.
	step = 10 * time.Millisecond
)

// wait blocks until the next n bytes may be sent.
func (p *pacer) wait(ctx context.Context, n int) error {
	if p.rate == 0 {
		return ctx.Err()
	}
	if earliest := time.Now().Add(-maxLag); p.due.Before(earliest) {
		p.due = earliest
	}
	p.due = p.due.Add(p.rate.timeFor(n))
	early := time.Until(p.due)
	if early < step {
		return ctx.Err()
	}
	timer := time.NewTimer(early)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// stopAfter derives the context that ends sending.
func (f Flow) stopAfter(ctx context.Context) (context.Context, context.CancelFunc) {
	if f.Duration > 0 {
		return context.WithTimeout(ctx, f.Duration)
	}
	return context.WithCancel(ctx)
}

// errPlayOver is why Play stops its flows before their time.
var errPlayOver = errors.New("play is over")

// stopped is the error of a flow that stopped sending: none if its own time was
// up or Play was told to end.
func stopped(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, errPlayOver) {
		return cause
	}
	return nil
}

// listenUDP opens a datagram socket on the host.
func (h *Host) listenUDP(f Family, port uint16) (conn *net.UDPConn, err error) {
	err = h.Do(func() error {
		conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(h.Addr(f), port)))
		if err != nil {
			return err
		}
		return enlarge(conn)
	})
	return conn, err
}

// dialUDP opens a connected datagram socket on the host.
func (h *Host) dialUDP(to netip.AddrPort) (conn *net.UDPConn, err error) {
	err = h.Do(func() error {
		conn, err = net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
		if err != nil {
			return err
		}
		return enlarge(conn)
	})
	return conn, err
}
