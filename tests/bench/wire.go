package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"router-monitoring/tests/lab"
)

// wire puts frames on the eth0 of a host, many with one system call: what the
// router does with them then takes nearly all the time. The frames lie in a ring
// that is shared with the kernel (packet_mmap(7), PACKET_TX_RING, version 2).
type wire struct {
	fd   int
	ring []byte
	next int // slot
}

const (
	slotSize   = 128 // a header and a frame of 64 bytes
	slots      = 16384
	headerSize = 32 // of a slot: struct tpacket2_hdr, whose first words are status and length
)

// openWire fills the ring with the frames, over and over.
func openWire(h *lab.Host, frames [][]byte) (*wire, error) {
	w := &wire{fd: -1}
	err := h.Do(func() error {
		eth0, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		// Protocol 0: it sends, and is handed no copies of what arrives.
		if w.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		if err := unix.SetsockoptInt(w.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V2); err != nil {
			return err
		}
		const block = 4096
		req := unix.TpacketReq{Block_size: block, Block_nr: slots * slotSize / block, Frame_size: slotSize, Frame_nr: slots}
		if err := unix.SetsockoptTpacketReq(w.fd, unix.SOL_PACKET, unix.PACKET_TX_RING, &req); err != nil {
			return err
		}
		if w.ring, err = unix.Mmap(w.fd, 0, slots*slotSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
			return err
		}
		return unix.Bind(w.fd, &unix.SockaddrLinklayer{Ifindex: eth0.Index})
	})
	if err != nil {
		w.close()
		return nil, fmt.Errorf("open the wire of %s: %w", h.Name, err)
	}
	for i := range slots {
		slot, frame := w.ring[i*slotSize:], frames[i%len(frames)]
		binary.NativeEndian.PutUint32(slot[4:], uint32(len(frame)))
		copy(slot[headerSize:slotSize], frame)
	}
	return w, nil
}

// send sends the next n frames and returns when the kernel is done with them.
func (w *wire) send(n int) error {
	for range n {
		binary.NativeEndian.PutUint32(w.ring[w.next*slotSize:], unix.TP_STATUS_SEND_REQUEST)
		w.next = (w.next + 1) % slots
	}
	return unix.Sendto(w.fd, nil, 0, nil)
}

func (w *wire) close() {
	if w.ring != nil {
		_ = unix.Munmap(w.ring)
	}
	_ = unix.Close(w.fd)
}

// pinned runs fn on one CPU and gives the time it took. The kernel then does the
// router's work on that CPU too, in between. Where it may, it keeps programs of
// ordinary priority off that CPU meanwhile.
func pinned(fn func() error) (took time.Duration, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with its affinity
		var cpu unix.CPUSet
		cpu.Set(runtime.NumCPU() - 1)
		if err = unix.SchedSetaffinity(0, &cpu); err != nil {
			return
		}
		_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0)
		start := time.Now()
		err = fn()
		took = time.Since(start)
	}()
	<-done
	return took, err
}

// datagram builds a frame of 64 bytes with a UDP datagram in it.
func datagram(src, dst net.HardwareAddr, from, to netip.AddrPort) []byte {
	const size = 64
	b := append(append(make([]byte, 0, size), dst...), src...)
	headers := 14 + 20
	if from.Addr().Is6() {
		headers = 14 + 40
	}
	length := uint16(size - headers) // of the datagram
	if from.Addr().Is4() {
		b = binary.BigEndian.AppendUint16(b, unix.ETH_P_IP)
		b = append(b, 0x45, 0, 0, size-14, 0, 0, 0, 0, 64, unix.IPPROTO_UDP, 0, 0)
	} else {
		b = binary.BigEndian.AppendUint16(b, unix.ETH_P_IPV6)
		b = append(b, 0x60, 0, 0, 0, byte(length>>8), byte(length), unix.IPPROTO_UDP, 64)
	}
	b = append(append(b, from.Addr().AsSlice()...), to.Addr().AsSlice()...)
	addrs := b[headers-2*from.Addr().BitLen()/8:]
	if from.Addr().Is4() {
		binary.BigEndian.PutUint16(b[14+10:], ^sum(0, b[14:]))
	}
	pseudo := sum(uint32(unix.IPPROTO_UDP)+uint32(length), addrs)
	b = binary.BigEndian.AppendUint16(b, from.Port())
	b = binary.BigEndian.AppendUint16(b, to.Port())
	b = binary.BigEndian.AppendUint16(b, length)
	b = append(b, make([]byte, size-len(b))...)
	binary.BigEndian.PutUint16(b[headers+6:], ^sum(uint32(pseudo), b[headers:]))
	return b
}

// sum adds up 16-bit words for the Internet checksum (RFC 1071).
func sum(s uint32, b []byte) uint16 {
	for ; len(b) >= 2; b = b[2:] {
		s += uint32(binary.BigEndian.Uint16(b))
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}
