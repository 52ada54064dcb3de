// Package kernel reads what the kernel knows about the network's clients, as
// plain samples, and owns the nftables table that counts their bytes. It is the
// only package that imports netlink libraries.
package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"sync"
	"syscall"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

const (
	// dumpBuffer holds any datagram of a dump: the kernel caps them at 32 KiB
	// (netlink_recvmsg, net/netlink/af_netlink.c), except where a subsystem asks
	// for more room for one object. A smaller buffer makes smaller datagrams and
	// slower dumps.
	dumpBuffer = 64 << 10

	// dumpTimeout bounds a whole dump. The kernel produces a dump inside the
	// read call, so only a very busy machine comes near it.
	dumpTimeout = 5 * time.Second
)

// errMalformed means that a message's length does not fit the datagram around it.
var errMalformed = errors.New("malformed netlink message")

// dumper streams the kernel's answers through one reused buffer, so memory does
// not grow with the size of the answer. (mdlayher/netlink's own ReceiveIter
// copies every datagram, even with MessageBufferSize set.)
//
// The socket is opened when first needed and again after any error: the rest of
// a half-read dump can never be taken for the answer to the next request.
type dumper struct {
	family int // unix.NETLINK_…

	mu   sync.Mutex
	conn *netlink.Conn // nil before the first request and after an error
	raw  syscall.RawConn
	buf  []byte

	// poll reads one datagram into buf; it is kept, since a fresh closure for
	// every read would be an allocation for every read.
	poll    func(fd uintptr) bool
	n       int
	readErr error
}

// openDumper opens a socket in the network namespace of the calling thread.
func openDumper(family int) (*dumper, error) {
	d := newDumper(family)
	return d, d.connect()
}

// newDumper leaves the socket to the first dump.
func newDumper(family int) *dumper {
	d := &dumper{family: family}
	d.poll = func(fd uintptr) bool {
		for d.n, d.readErr = unix.Read(int(fd), d.buf); d.readErr == unix.EINTR; {
			d.n, d.readErr = unix.Read(int(fd), d.buf)
		}
		return d.readErr != unix.EAGAIN
	}
	return d
}

// Close closes the socket. The dumper stays usable: the next dump opens it again.
func (d *dumper) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.disconnect()
}

// dump sends req and calls fn with the data of each message of the answer: what
// follows the netlink header, for nfnetlink its 4-byte nfgenmsg first. data is
// only valid during the call. The request must carry netlink.Dump, or
// netlink.Acknowledge where the answer is one message, for its end to be known.
//
// interrupted means that the kernel's table changed meanwhile in a way that may
// have lost or doubled entries (NLM_F_DUMP_INTR). An error number of the kernel
// is returned as unix.Errno, an error of fn as it is.
func (d *dumper) dump(req netlink.Message, fn func(data []byte) error) (interrupted bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer func() {
		if err != nil {
			_ = d.disconnect()
		}
	}()
	seq, err := d.send(req)
	if err != nil {
		return false, err
	}
	for {
		datagram, err := d.receive()
		if err != nil {
			return interrupted, err
		}
		done, intr, err := walkMessages(datagram, seq, fn)
		interrupted = interrupted || intr
		if done || err != nil {
			return interrupted, err
		}
	}
}

func (d *dumper) connect() error {
	conn, err := netlink.Dial(d.family, nil)
	if err != nil {
		return fmt.Errorf("open netlink socket: %w", err)
	}
	if d.raw, err = conn.SyscallConn(); err != nil {
		_ = conn.Close()
		return fmt.Errorf("open netlink socket: %w", err)
	}
	d.conn = conn
	if d.buf == nil {
		d.buf = make([]byte, dumpBuffer)
	}
	return nil
}

func (d *dumper) disconnect() error {
	if d.conn == nil {
		return nil
	}
	err := d.conn.Close()
	d.conn, d.raw = nil, nil
	return err
}

func (d *dumper) send(req netlink.Message) (seq uint32, err error) {
	if d.conn == nil {
		if err := d.connect(); err != nil {
			return 0, err
		}
	}
	if err := d.conn.SetDeadline(time.Now().Add(dumpTimeout)); err != nil {
		return 0, err
	}
	req.Header.Flags |= netlink.Request
	sent, err := d.conn.Send(req)
	return sent.Header.Sequence, err
}

func (d *dumper) receive() ([]byte, error) {
	if err := d.raw.Read(d.poll); err != nil {
		return nil, fmt.Errorf("receive netlink message: %w", err)
	}
	if d.readErr != nil {
		return nil, fmt.Errorf("receive netlink message: %w", d.readErr)
	}
	return d.buf[:d.n], nil
}

// walkMessages calls fn for each message of a datagram that answers request seq.
func walkMessages(b []byte, seq uint32, fn func([]byte) error) (done, interrupted bool, err error) {
	if len(b) < unix.NLMSG_HDRLEN {
		return false, false, errMalformed
	}
	for len(b) >= unix.NLMSG_HDRLEN {
		length := binary.NativeEndian.Uint32(b)
		if length < unix.NLMSG_HDRLEN || uint64(length) > uint64(len(b)) {
			return false, interrupted, errMalformed
		}
		header, data := b[:unix.NLMSG_HDRLEN], b[unix.NLMSG_HDRLEN:length]
		b = b[min(align4(int(length)), len(b)):]
		if binary.NativeEndian.Uint32(header[8:]) != seq {
			continue
		}
		if binary.NativeEndian.Uint16(header[6:])&unix.NLM_F_DUMP_INTR != 0 {
			interrupted = true
		}
		switch binary.NativeEndian.Uint16(header[4:]) {
		case unix.NLMSG_NOOP:
		case unix.NLMSG_OVERRUN:
			return false, interrupted, unix.ENOBUFS
		case unix.NLMSG_DONE, unix.NLMSG_ERROR: // with error number 0 an acknowledgement
			return true, interrupted, messageError(data)
		default:
			if err := fn(data); err != nil {
				return false, interrupted, err
			}
		}
	}
	return false, interrupted, nil
}

// messageError is the negated error number at the start of NLMSG_DONE and
// NLMSG_ERROR; a DONE without one is a success.
func messageError(data []byte) error {
	if len(data) < 4 {
		return nil
	}
	if errno := int32(binary.NativeEndian.Uint32(data)); errno != 0 {
		return unix.Errno(-errno)
	}
	return nil
}

// attrs walks netlink attributes: their types without the flag bits
// (NLA_TYPE_MASK) and their values, which are not copied. It ends at the first
// attribute whose length is impossible.
func attrs(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= unix.NLA_HDRLEN {
			length := int(binary.NativeEndian.Uint16(b))
			if length < unix.NLA_HDRLEN || length > len(b) {
				return
			}
			if !yield(binary.NativeEndian.Uint16(b[2:])&nlaTypeMask, b[unix.NLA_HDRLEN:length:length]) {
				return
			}
			b = b[min(align4(length), len(b)):]
		}
	}
}

const nlaTypeMask = ^uint16(unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)

// align4 rounds up to the alignment of netlink messages and attributes.
func align4(n int) int { return (n + 3) &^ 3 }
