package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sys/unix"
)

// internet is the far end of flows whose clients are on another machine. The
// client orders a flow and decides when it ends; then it asks for an account.
type internet struct {
	udp      *net.UDPConn
	tcp      *net.TCPListener
	inFlight *semaphore.Weighted
	sessions map[netip.AddrPort]*session // flows of datagrams; serveUDP's alone
	accounts sync.Map                    // of TCP connections: ID to a channel with one account
}

// ServeInternet serves flows at an address, UDP and TCP, IPv4 and IPv6, until
// the context is done. Segmentation offload is turned off on the interface
// toward the router, as in a lab.
func ServeInternet(ctx context.Context, listen, iface string) error {
	s := &internet{
		inFlight: semaphore.NewWeighted(backlog),
		sessions: map[netip.AddrPort]*session{},
	}
	if err := s.open(listen, iface); err != nil {
		return fmt.Errorf("serve the internet: %w", err)
	}
	defer s.tcp.Close()
	defer s.udp.Close()
	failed := make(chan error, 2)
	go func() { failed <- s.serveUDP() }()
	go func() { failed <- s.serveTCP() }()
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return fmt.Errorf("serve the internet: %w", err)
	}
}

func (s *internet) open(listen, iface string) error {
	link, err := netlink.LinkByName(iface)
	if err != nil {
		return fmt.Errorf("find interface %s toward the router: %w", iface, err)
	}
	if err := netlink.LinkSetGSOMaxSegs(link, 1); err != nil {
		return fmt.Errorf("turn segmentation offload of %s off: %w", iface, err)
	}
	addr, err := net.ResolveTCPAddr("tcp", listen)
	if err != nil {
		return fmt.Errorf("listen address %q: %w", listen, err)
	}
	if s.tcp, err = net.ListenTCP("tcp", addr); err != nil {
		return err
	}
	if s.udp, err = net.ListenUDP("udp", &net.UDPAddr{IP: addr.IP, Port: addr.Port}); err != nil {
		return err
	}
	return enlarge(s.udp)
}

// enlarge gives a socket room for all that can be under way to it, as far as the
// user may. The kernel charges a datagram with 2,304 bytes on a veth pair, with
// more behind a VLAN, a tunnel or a virtual machine's NIC.
func enlarge(conn *net.UDPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	const enough = 8 << 20
	ctlErr := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, enough)
	})
	if errors.Is(err, unix.EPERM) {
		err = conn.SetReadBuffer(enough)
	}
	if err = errors.Join(ctlErr, err); err != nil {
		return fmt.Errorf("enlarge receive buffer: %w", err)
	}
	return nil
}
