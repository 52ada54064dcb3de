package kernel

import "slices"

// natFlow is what a rule's conditions leave of the packets that come in.
type natFlow struct {
	protocols spans
	ports     spans  // of destination
	inside    string // name of the interface they come in on; empty for any
}

var anyFlow = natFlow{protocols: spans{{0, 255}}, ports: spans{{0, 65535}}}

// spans are disjoint ranges of numbers.
type spans []span

// span is a range with both ends.
type span struct{ first, last int }

// and gives what both hold.
func (s spans) and(t spans) (both spans) {
	for _, a := range s {
		for _, b := range t {
			if c := (span{max(a.first, b.first), min(a.last, b.last)}); c.first <= c.last {
				both = append(both, c)
			}
		}
	}
	return both
}

// not gives all numbers up to most but those of a span.
func (a span) not(most int) (rest spans) {
	if a.first > 0 {
		rest = append(rest, span{0, a.first - 1})
	}
	if a.last < most {
		rest = append(rest, span{a.last + 1, most})
	}
	return rest
}

// count tells how many numbers they hold.
func (s spans) count() (n int) {
	for _, a := range s {
		n += a.last - a.first + 1
	}
	return n
}

// field is a part of a packet, or of what is known of it, that a mapping depends on.
type field uint8

const (
	unknownField  field = iota
	constantField       // no part of the packet
	protocolField       // of transport
	portField           // of destination
	inNameField         // of the interface it came in on
	inIndexField        // the same
	numFields
)

// Greatest values of the fields that are numbers.
var fieldMost = [numFields]int{protocolField: 255, portField: 65535}

// size is the length of a field in bytes.
func (f field) size() int {
	return [numFields]int{protocolField: 1, portField: 2, inNameField: 16, inIndexField: 4}[f]
}

// narrow keeps of the flow what has a number within the spans in the field.
func (f *natFlow) narrow(where field, to spans) {
	switch where {
	case protocolField:
		f.protocols = f.protocols.and(to)
	case portField:
		f.ports = f.ports.and(to)
	}
}

func (f *natFlow) empty() bool { return len(f.protocols) == 0 || len(f.ports) == 0 }

// cell is one byte of the kernel's registers.
type cell struct {
	field field
	n     byte // which byte of the field, counted from 0; of a constant, its value
}

// registers are the kernel's 64 bytes: as 4 registers of 16 bytes, NFT_REG_1 to 4,
// and at the same place as 16 registers of 4 bytes, NFT_REG32_00 to 15, from number
// 8 on.
type registers [64]cell

// at gives the cells of n bytes from a register on; fewer where there are no more.
func (r *registers) at(register uint32, n int) []cell {
	start := len(r)
	switch {
	case register >= 1 && register <= 4:
		start = int(register-1) * 16
	case register >= 8 && register <= 23:
		start = int(register-8) * 4
	}
	return r[start : start+max(0, min(n, len(r)-start))]
}

// load notes that a field, or something unknown, was put into a register.
func (r *registers) load(register uint32, f field, n int) {
	for i := range r.at(register, n) {
		r.at(register, n)[i] = cell{f, byte(i)}
	}
}

// set notes that constant bytes were put into a register.
func (r *registers) set(register uint32, data []byte) {
	for i := range r.at(register, len(data)) {
		r.at(register, len(data))[i] = cell{constantField, data[i]}
	}
}

// constant gives n bytes if all of them are known.
func (r *registers) constant(register uint32, n int) ([]byte, bool) {
	var b []byte
	for _, c := range r.at(register, n) {
		if c.field == constantField {
			b = append(b, c.n)
		}
	}
	return b, len(b) == n
}

// position finds where a whole field lies among the cells, -1 if it does not.
func position(cells []cell, f field) int {
	i := slices.Index(cells, cell{f, 0})
	if i < 0 || i+f.size() > len(cells) || cells[i+f.size()-1] != (cell{f, byte(f.size() - 1)}) {
		return -1
	}
	return i
}

// ofInterface reports a cell that tells the interface a packet came in on.
func ofInterface(c cell) bool { return c.field == inNameField || c.field == inIndexField }

// touches reports cells that hold any part of the protocol or the port.
func touches(cells []cell) bool {
	return slices.ContainsFunc(cells, func(c cell) bool { return c.field == protocolField || c.field == portField })
}
