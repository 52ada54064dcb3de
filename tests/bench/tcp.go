package main

import (
	"golang.org/x/sys/unix"
)

// segment is the payload of a TCP packet of 1,500 bytes.
const segment = 1448

// stream is a TCP connection from the LAN to the internet whose segments are
// packets of the MTU's size.
type stream struct{ from, to int }

func (r *router) openStream() (s stream, err error) {
	s = stream{-1, -1}
	listener := -1
	err = r.Internet.Do(func() (err error) {
		if listener, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		if err := unix.Bind(listener, &unix.SockaddrInet4{Port: 9}); err != nil {
			return err
		}
		return unix.Listen(listener, 1)
	})
	defer unix.Close(listener)
	if err != nil {
		return s, err
	}
	err = r.lan.Do(func() (err error) {
		if s.from, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		// Others, such as BBR, may set a timer for each packet, which in a virtual
		// machine costs more than all else.
		if err := unix.SetsockoptString(s.from, unix.IPPROTO_TCP, unix.TCP_CONGESTION, "reno"); err != nil {
			return err
		}
		return unix.Connect(s.from, &unix.SockaddrInet4{Port: 9, Addr: r.Internet.IPv4.As4()})
	})
	if err != nil {
		return s, err
	}
	s.to, _, err = unix.Accept4(listener, unix.SOCK_CLOEXEC)
	return s, err
}

func (s stream) close() {
	_ = unix.Close(s.from)
	_ = unix.Close(s.to)
}

// transfer sends n packets of the MTU's size and gives the nanoseconds that each
// took on its way from one program to the other. The kernel does all of it within
// one call at each end, and the data is dropped where it arrives.
func (s stream) transfer(n int) (float64, error) {
	data := make([]byte, n*segment)
	written := make(chan error, 1)
	go func() {
		_, err := pinned(func() error {
			for left := data; len(left) > 0; {
				n, err := unix.Write(s.from, left)
				if err != nil {
					return err
				}
				left = left[n:]
			}
			return nil
		})
		written <- err
	}()
	took, err := pinned(func() error {
		for left := data; len(left) > 0; {
			n, _, err := unix.Recvfrom(s.to, left, unix.MSG_TRUNC|unix.MSG_WAITALL)
			if err != nil {
				return err
			}
			left = left[n:]
		}
		return nil
	})
	if err == nil {
		err = <-written
	}
	return float64(took.Nanoseconds()) / float64(n), err
}
