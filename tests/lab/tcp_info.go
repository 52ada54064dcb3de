package lab

import (
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// count waits until both kernels have sent their last segment and adds up what
// each sent.
func (c *connection) count(f Family) (counts Counts, err error) {
	up, err := sentBy(c.client, f, c.clientOpened)
	if err != nil {
		return counts, err
	}
	down, err := sentBy(c.peer, f, !c.clientOpened)
	return Counts{Up: up, Down: down}, err
}

// sentBy counts what one end sent, after it ended the connection.
func sentBy(conn *net.TCPConn, f Family, opened bool) (Traffic, error) {
	info, err := finalInfo(conn)
	if err != nil {
		return Traffic{}, err
	}
	header := uint64(headerSize(f) + tcpHeader)
	sent := Traffic{Packets: uint64(info.Segs_out)}
	sent.Bytes = info.Bytes_sent + sent.Packets*(header+optionsData)
	if opened { // its SYN is among the segments
		sent.Bytes += optionsSYN - optionsData
	} else { // its SYN was sent before there was a socket to count it
		sent = sent.plus(Traffic{Bytes: header + optionsSYN, Packets: 1})
	}
	return sent, nil
}

// stateClosed is TCP_CLOSE of the kernel's tcp_states.h. A socket reaches it
// when its part is done, even if a TIME_WAIT remains.
const stateClosed = 7

// finalInfo reads TCP_INFO once the connection has ended at this side.
func finalInfo(conn *net.TCPConn) (info *unix.TCPInfo, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(closeTimeout); ; time.Sleep(time.Millisecond) {
		ctlErr := raw.Control(func(fd uintptr) {
			info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		})
		switch {
		case ctlErr != nil:
			return nil, ctlErr
		case err != nil:
			return nil, fmt.Errorf("read TCP_INFO: %w", err)
		case info.State == stateClosed:
			return info, nil
		case time.Now().After(deadline):
			return info, fmt.Errorf("connection does not end, state %d", info.State)
		}
	}
}
