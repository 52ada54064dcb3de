package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Spoof is a series of datagrams with forged sources.
type Spoof struct {
	Sources []netip.Addr     // one family; each sends one datagram per round
	Rounds  int              // default 1
	Payload int              // default 64
	MAC     net.HardwareAddr // default: the client's own
}

// maxSpoofed4 keeps the router able to find a free port for every source behind
// its one IPv4 address.
const maxSpoofed4 = 40_000

// Sources gives n addresses of a prefix, beginning with its host part first. The
// router drops packets that carry an address of its own as their source.
func Sources(p netip.Prefix, first, n int) []netip.Addr {
	addrs := make([]netip.Addr, n)
	for i := range addrs {
		addrs[i] = nth(p, first+i)
	}
	return addrs
}

// Spoof lets a client send frames of its own making to the internet host, which
// must receive every one; what is returned passed the router. It is not part of
// Truth, since no client owns these addresses.
func (l *Lab) Spoof(ctx context.Context, client string, s Spoof) (Traffic, error) {
	h := l.Client(client)
	if h == nil {
		return Traffic{}, fmt.Errorf("spoof: no client %q in the lab", client)
	}
	if err := s.complete(h); err != nil {
		return Traffic{}, fmt.Errorf("spoof from %s: %w", client, err)
	}
	sent, err := l.spoof(ctx, h, s)
	if err != nil {
		return sent, fmt.Errorf("spoof from %s: %w", client, err)
	}
	return sent, nil
}

func (s *Spoof) complete(h *Host) error {
	setDefault(&s.Rounds, 1)
	setDefault(&s.Payload, 64)
	if s.MAC == nil {
		s.MAC = h.MAC
	}
	if len(s.Sources) == 0 {
		return errors.New("no sources given")
	}
	is4 := s.Sources[0].Is4()
	for _, a := range s.Sources {
		if a.Is4() != is4 {
			return errors.New("sources of both families")
		}
	}
	switch {
	case s.Payload < 1 || s.Payload > MaxPayload:
		return fmt.Errorf("payload %d is not within 1 and %d bytes", s.Payload, MaxPayload)
	case len(s.MAC) != 6:
		return fmt.Errorf("%s is no Ethernet address", s.MAC)
	case is4 && len(s.Sources) > maxSpoofed4:
		return fmt.Errorf("%d IPv4 sources are more than the router can masquerade (%d)", len(s.Sources), maxSpoofed4)
	}
	return nil
}

func (l *Lab) spoof(ctx context.Context, h *Host, s Spoof) (Traffic, error) {
	family := familyOf(s.Sources[0])
	sink, err := l.Internet.listenUDP(family, 0)
	if err != nil {
		return Traffic{}, err
	}
	defer sink.Close()
	to := netip.AddrPortFrom(l.Internet.Addr(family), sink.LocalAddr().(*net.UDPAddr).AddrPort().Port())

	fd, dst, err := h.packetSocket()
	if err != nil {
		return Traffic{}, err
	}
	defer unix.Close(fd)

	n := 0
	send := func(payload []byte) (int, error) {
		source := s.Sources[n%len(s.Sources)]
		n++
		return len(payload), unix.Sendto(fd, frame(s.MAC, h.gateway, source, to, payload), 0, dst)
	}
	f := Flow{Family: family, Payload: s.Payload, Packets: len(s.Sources) * s.Rounds}
	sent, err := l.transfer(ctx, f, send, sink)
	return datagrams(family, s.Payload, sent), err
}

// packetSocket opens a raw socket on the host's eth0 that takes whole frames.
func (h *Host) packetSocket() (fd int, dst *unix.SockaddrLinklayer, err error) {
	err = h.Do(func() error {
		eth0, err := net.InterfaceByName("eth0")
		if err != nil {
			return fmt.Errorf("find eth0: %w", err)
		}
		dst = &unix.SockaddrLinklayer{Ifindex: eth0.Index}
		// Protocol 0: it sends, and is handed no copies of what arrives.
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return fmt.Errorf("open packet socket: %w", err)
		}
		return nil
	})
	return fd, dst, err
}

const spoofedSourcePort = 40000
