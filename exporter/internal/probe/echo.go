package probe

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// family is IPv4 or IPv6 with its own protocol for the same echo.
type family struct {
	name           string
	domain, proto  int
	request, reply byte // types of message
}

var (
	// RFC 792.
	ipv4 = &family{"IPv4", unix.AF_INET, unix.IPPROTO_ICMP, 8, 0}
	// RFC 4443, section 4.
	ipv6 = &family{"IPv6", unix.AF_INET6, unix.IPPROTO_ICMPV6, 128, 129}
)

// headerSize is that of an echo message: type and code, a byte each, then
// checksum, identifier and sequence number, two bytes each with the high one
// first. What follows is sent back as it is.
const headerSize = 8

// token is what a probe carries to be told from all others; nobody who does not
// see it can make up its answer.
type token [16]byte

// echo is what is of interest in an echo message.
type echo struct {
	sequence uint16
	token    token
}

// marshal makes a request. Checksum and identifier are left to the kernel.
func (e echo) marshal(f *family) []byte {
	b := make([]byte, headerSize, headerSize+len(e.token))
	b[0] = f.request
	binary.BigEndian.PutUint16(b[6:], e.sequence)
	return append(b, e.token[:]...)
}

// parseReply reads the answer to a request of ours.
func parseReply(f *family, b []byte) (e echo, ok bool) {
	if len(b) != headerSize+len(e.token) || b[0] != f.reply || b[1] != 0 {
		return e, false
	}
	return echo{binary.BigEndian.Uint16(b[6:]), token(b[headerSize:])}, true
}
