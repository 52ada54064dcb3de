package kernel

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// loadMeta follows what is known of the packet into a register.
func (s *state) loadMeta(e expression) {
	to := e.number(unix.NFTA_META_DREG)
	s.load(to, unknownField, 16)
	switch e.number(unix.NFTA_META_KEY) {
	case unix.NFT_META_L4PROTO:
		s.load(to, protocolField, 1)
	case unix.NFT_META_IIFNAME:
		s.load(to, inNameField, 16)
	case unix.NFT_META_IIF:
		s.load(to, inIndexField, 4)
	}
}

// Where the packet says which transport protocol and which port: offsets in bytes
// into the headers of IPv4, IPv6, and TCP or UDP.
const (
	protocolOffset4 = 9
	protocolOffset6 = 6
	portOffset      = 2
)

// loadPayload follows a part of the packet into a register. A rule that changes
// the packet is not understood.
func (s *state) loadPayload(e expression) bool {
	if !e.has(unix.NFTA_PAYLOAD_DREG) {
		return false
	}
	to, offset, n := e.number(unix.NFTA_PAYLOAD_DREG), int(e.number(unix.NFTA_PAYLOAD_OFFSET)), int(e.number(unix.NFTA_PAYLOAD_LEN))
	s.load(to, unknownField, max(n, 16))
	put := func(f field, at int) {
		cells := s.at(to, n)
		for i := range f.size() {
			if at := at + i - offset; at >= 0 && at < len(cells) {
				cells[at] = cell{f, byte(i)}
			}
		}
	}
	switch e.number(unix.NFTA_PAYLOAD_BASE) {
	case unix.NFT_PAYLOAD_TRANSPORT_HEADER:
		put(portField, portOffset)
	case unix.NFT_PAYLOAD_NETWORK_HEADER:
		if offset == protocolOffset6 && n == 1 {
			put(protocolField, protocolOffset6)
		} else {
			put(protocolField, protocolOffset4)
		}
	}
	return true
}

// compare follows a comparison of a register with a constant.
func (w *walker) compare(s *state, e expression) bool {
	data, op := e.value(unix.NFTA_CMP_DATA), e.number(unix.NFTA_CMP_OP)
	cells := s.at(e.number(unix.NFTA_CMP_SREG), len(data))
	if op == unix.NFT_CMP_EQ {
		w.match(s, cells, data, data)
		return true
	}
	f, ok := wholeNumber(cells)
	if !ok {
		return !touches(cells)
	}
	n, most := bigEndian(data), fieldMost[f]
	s.narrow(f, map[uint32]spans{
		unix.NFT_CMP_NEQ: span{n, n}.not(most),
		unix.NFT_CMP_LT:  {{0, n - 1}},
		unix.NFT_CMP_LTE: {{0, n}},
		unix.NFT_CMP_GT:  {{n + 1, most}},
		unix.NFT_CMP_GTE: {{n, most}},
	}[op])
	return true
}

// wholeNumber finds the number that cells hold, the whole of it and nothing else.
func wholeNumber(cells []cell) (f field, ok bool) {
	for _, f := range []field{protocolField, portField} {
		if position(cells, f) == 0 && len(cells) == f.size() {
			return f, true
		}
	}
	return f, false
}

// inRange follows a comparison of a register with two constants.
func (s *state) inRange(e expression) bool {
	first, last := e.value(unix.NFTA_RANGE_FROM_DATA), e.value(unix.NFTA_RANGE_TO_DATA)
	cells := s.at(e.number(unix.NFTA_RANGE_SREG), len(first))
	f, ok := wholeNumber(cells)
	if !ok {
		return !touches(cells)
	}
	within := span{bigEndian(first), bigEndian(last)}
	if e.number(unix.NFTA_RANGE_OP) == unix.NFT_RANGE_NEQ {
		s.narrow(f, within.not(fieldMost[f]))
	} else {
		s.narrow(f, spans{within})
	}
	return true
}

// match keeps the packets for which the cells are within two keys.
func (w *walker) match(s *state, cells []cell, first, last []byte) {
	for _, f := range []field{protocolField, portField} {
		if i := position(cells, f); i >= 0 {
			s.narrow(f, spans{{bigEndian(first[i : i+f.size()]), bigEndian(last[i : i+f.size()])}})
		}
	}
	if i := slices.Index(cells, cell{inNameField, 0}); i >= 0 && bytes.Equal(first, last) {
		name := first[i:min(len(first), i+inNameField.size())]
		if name, _, whole := bytes.Cut(name, []byte{0}); whole { // else all names that begin so
			s.inside = string(name)
		}
	}
	if i := position(cells, inIndexField); i >= 0 && bytes.Equal(first, last) {
		s.inside = w.interfaceName(int(binary.NativeEndian.Uint32(first[i:])))
	}
}

func bigEndian(b []byte) (n int) {
	for _, octet := range b {
		n = n<<8 | int(octet)
	}
	return n
}

// destinations are the expressions that load what no mapping depends on, and the
// attribute with the register they load it into.
var destinations = map[string]uint16{"ct": 1, "fib": 1, "rt": 1, "socket": 2, "hash": 2, "numgen": 1, "osf": 1}

// pass reports an expression that leaves protocol and ports alone: it counts, logs,
// limits, or loads something else. The ports of a packet as conntrack first saw it,
// which have a direction, are not understood.
func (s *state) pass(e expression) bool {
	if to, ok := destinations[e.name]; ok {
		s.load(e.number(to), unknownField, 16)
		return e.name != "ct" || !e.has(unix.NFTA_CT_DIRECTION)
	}
	return strings.Contains(" counter limit quota log connlimit objref last dynset ", " "+e.name+" ")
}
