package lab

import (
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

const (
	tcpHeader = 20

	// optionsSYN are those of a SYN (maximum segment size, timestamps, window
	// scale, padding), optionsData those of every later segment (timestamps).
	optionsSYN  = 20
	optionsData = 12
)

// count waits until both kernels have sent their last segment and adds up what
// each sent.
func (c *connection) count() (counts Counts, err error) {
	if counts.Up, _, err = c.client.sent(); err != nil {
		return counts, err
	}
	counts.Down, _, err = c.peer.sent()
	return counts, err
}

// sent gives what this end sent, once it has sent its last segment, and how many
// segments of that were sent more than once.
func (s *stream) sent() (t Traffic, resent uint64, err error) {
	info, err := s.finalInfo()
	if err != nil {
		return t, 0, err
	}
	header := uint64(headerSize(s.family()) + tcpHeader)
	t.Packets = uint64(info.Segs_out)
	t.Bytes = info.Bytes_sent + t.Packets*(header+optionsData)
	if syns := 1 + s.resent; s.opened { // they are among the segments
		t.Bytes += syns * (optionsSYN - optionsData)
	} else { // they were sent before there was a socket to count them
		t = t.plus(Traffic{Bytes: syns * (header + optionsSYN), Packets: syns})
	}
	return t, uint64(info.Total_retrans), nil
}

// stateClosed is TCP_CLOSE of the kernel's tcp_states.h. A socket reaches it
// when its part is done, even if a TIME_WAIT remains.
const stateClosed = 7

// finalInfo reads TCP_INFO once the connection has ended at this side.
func (s *stream) finalInfo() (*unix.TCPInfo, error) {
	for deadline := time.Now().Add(closeTimeout); ; time.Sleep(time.Millisecond) {
		info, err := tcpInfo(s.TCPConn)
		switch {
		case err != nil:
			return nil, err
		case info.State == stateClosed:
			return info, nil
		case time.Now().After(deadline):
			return nil, fmt.Errorf("connection does not end, state %d", info.State)
		}
	}
}

func tcpInfo(conn *net.TCPConn) (info *unix.TCPInfo, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	ctlErr := raw.Control(func(fd uintptr) {
		info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	})
	if ctlErr != nil {
		return nil, ctlErr
	}
	if err != nil {
		return nil, fmt.Errorf("read TCP_INFO: %w", err)
	}
	return info, nil
}
