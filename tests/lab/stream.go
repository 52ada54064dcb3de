package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// stream is one end of a TCP connection.
type stream struct {
	*net.TCPConn
	opened bool   // by this end
	resent uint64 // segments of the handshake that this end sent more than once
}

// newStream takes over a connection that nothing was sent over yet: all that was
// sent more than once until now is handshake.
func newStream(conn *net.TCPConn, opened bool) (*stream, error) {
	info, err := tcpInfo(conn)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &stream{conn, opened, uint64(info.Total_retrans)}, nil
}

func (s *stream) family() Family {
	return familyOf(s.RemoteAddr().(*net.TCPAddr).AddrPort().Addr())
}

// send sends the flow's data until one of its limits or until the other end has
// enough, and waits for that end's goodbye.
func (s *stream) send(ctx context.Context, f Flow) error {
	ctx, enough := context.WithCancelCause(ctx)
	defer enough(nil)
	goodbye := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, s)
		enough(errPlayOver)
		goodbye <- err
	}()
	err := s.write(ctx, f)
	err = errors.Join(err, s.CloseWrite(), s.SetReadDeadline(time.Now().Add(drainTimeout)))
	return errors.Join(err, <-goodbye)
}

// receive takes in what the other end sends until that says goodbye. It says so
// first when the context ends.
func (s *stream) receive(ctx context.Context) error {
	goOn := context.AfterFunc(ctx, func() {
		_ = s.CloseWrite()
		_ = s.SetReadDeadline(time.Now().Add(drainTimeout))
	})
	_, err := io.Copy(io.Discard, s)
	if goOn() {
		err = errors.Join(err, s.CloseWrite())
	}
	return err
}

// write sends the flow's data at its rate until one of its limits.
func (s *stream) write(ctx context.Context, f Flow) error {
	stop, cancel := f.stopAfter(ctx)
	defer cancel()
	// A peer that stops reading must not hold us beyond the end.
	defer context.AfterFunc(stop, func() {
		_ = s.SetWriteDeadline(time.Now().Add(drainTimeout))
	})()
	pace := pacer{rate: f.Rate}
	buf := make([]byte, f.writeSize())
	for left := f.Bytes; f.Bytes == 0 || left > 0; left -= int64(len(buf)) {
		if f.Bytes != 0 && left < int64(len(buf)) {
			buf = buf[:left]
		}
		if err := pace.wait(stop, len(buf)); err != nil {
			return stopped(ctx)
		}
		if _, err := s.Write(buf); err != nil {
			return fmt.Errorf("send: %w", err)
		}
	}
	return nil
}

// writeSize is some 10 ms worth of data, so that a slow flow trickles and a fast
// one does not cost a system call for each segment.
func (f Flow) writeSize() int {
	const most = 64 << 10
	if f.Rate == 0 {
		return most
	}
	return max(f.Payload, min(int(f.Rate/8/100), most))
}
