package lab

import (
	"encoding/binary"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// frame builds an Ethernet frame with a UDP datagram in it.
func frame(src, dst net.HardwareAddr, from netip.Addr, to netip.AddrPort, payload []byte) []byte {
	udpLen := udpHeader + len(payload)
	b := make([]byte, 0, 14+40+udpLen)
	b = append(b, dst...)
	b = append(b, src...)
	if from.Is4() {
		b = binary.BigEndian.AppendUint16(b, unix.ETH_P_IP)
		b = appendIPv4(b, from, to.Addr(), udpLen)
	} else {
		b = binary.BigEndian.AppendUint16(b, unix.ETH_P_IPV6)
		b = append(b, 0x60, 0, 0, 0)
		b = binary.BigEndian.AppendUint16(b, uint16(udpLen))
		b = append(b, unix.IPPROTO_UDP, 64)
		b = append(b, from.AsSlice()...)
		b = append(b, to.Addr().AsSlice()...)
	}
	return appendUDP(b, from, to, payload)
}

func appendIPv4(b []byte, from, to netip.Addr, udpLen int) []byte {
	start := len(b)
	b = append(b, 0x45, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(20+udpLen))
	b = append(b, 0, 0, 0, 0, 64, unix.IPPROTO_UDP, 0, 0)
	b = append(b, from.AsSlice()...)
	b = append(b, to.AsSlice()...)
	binary.BigEndian.PutUint16(b[start+10:], ^fold(sum16(0, b[start:])))
	return b
}

// appendUDP adds the datagram with its checksum, without which connection
// tracking calls it invalid.
func appendUDP(b []byte, from netip.Addr, to netip.AddrPort, payload []byte) []byte {
	start := len(b)
	length := uint16(udpHeader + len(payload))
	b = binary.BigEndian.AppendUint16(b, spoofedSourcePort)
	b = binary.BigEndian.AppendUint16(b, to.Port())
	b = binary.BigEndian.AppendUint16(b, length)
	b = append(b, 0, 0)
	b = append(b, payload...)

	sum := uint32(unix.IPPROTO_UDP) + uint32(length)
	sum = sum16(sum, from.AsSlice())
	sum = sum16(sum, to.Addr().AsSlice())
	sum = sum16(sum, b[start:])
	check := ^fold(sum)
	if check == 0 { // zero means "no checksum" (RFC 768)
		check = 0xffff
	}
	binary.BigEndian.PutUint16(b[start+6:], check)
	return b
}

// sum16 adds up 16-bit words for the Internet checksum (RFC 1071).
func sum16(sum uint32, b []byte) uint32 {
	for len(b) >= 2 {
		sum += uint32(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	return sum
}

func fold(sum uint32) uint16 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}
