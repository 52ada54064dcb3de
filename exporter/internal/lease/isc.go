package lease

import (
	"bufio"
	"io"
	"net/netip"
	"strconv"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// readISC reads the leases of ISC dhcpd, see dhcpd.leases(5):
//
//	lease 192.168.1.10 {
//	  ends 4 2026/11/26 12:00:00;
//	  binding state active;
//	  hardware ethernet 52:54:00:00:00:01;
//	  client-hostname "laptop";
//	}
//	ia-na "<IAID and DUID of the client>" {
//	  iaaddr fd00:1::10 {
//	    binding state active;
//	    ends 4 2026/11/26 12:00:00;
//	  }
//	}
//
// The file is a log: of several blocks about an address the last one holds, and
// a block of an identity association (ia-na, ia-ta) tells all of its addresses.
// Times are UTC.
func readISC(b *book, in *bufio.Reader) error {
	f := iscFile{book: b, holder: map[netip.Addr]string{}, held: map[string][]netip.Addr{}}
	lex := lexer{in}
	for {
		s, err := lex.next()
		if err == io.EOF {
			f.abandon()
			return nil
		}
		if err != nil {
			return err
		}
		f.use(s)
	}
}

// iscFile is the state of reading: which blocks are open, from the outside to
// the inside association, lease, others.
type iscFile struct {
	*book
	association *association
	lease       *iscLease
	others      int // open blocks whose content is of no interest

	// Of the associations: who holds an address, and which each one holds.
	holder map[netip.Addr]string
	held   map[string][]netip.Addr
}

type association struct {
	id  string // IAID and DUID
	mac sample.MAC
}

func (f *iscFile) use(s statement) {
	switch {
	case s.torn && f.lease != nil:
		f.lease.bad = true // counted at its end
	case s.torn:
		f.bad++
	}
	switch {
	case s.end == '{':
		f.open(s)
	case s.end == '}':
		f.close()
	case f.lease != nil && f.others == 0 && !s.torn:
		f.lease.use(s)
	}
}

func (f *iscFile) open(s statement) {
	switch kind := s.first(); {
	case kind == "lease", kind == "ia-na", kind == "ia-ta":
		f.abandon() // these stand within no other block
		if kind == "lease" {
			f.lease = newISCLease(s.word(1), sample.MAC{})
		} else {
			f.openAssociation(s.word(1))
		}
	case kind == "iaaddr" && f.association != nil && f.lease == nil && f.others == 0:
		f.lease = newISCLease(s.word(1), f.association.mac)
	default:
		f.others++
	}
}

// abandon leaves the blocks that lack their end.
func (f *iscFile) abandon() {
	if f.lease != nil || f.association != nil || f.others > 0 {
		f.bad++
	}
	f.lease, f.association, f.others = nil, nil, 0
}

func (f *iscFile) openAssociation(id string) {
	const iaid = 4 // bytes
	if raw, ok := parseHex(id); ok && len(raw) > iaid {
		id = string(raw) // the other way to write it
	}
	f.association = &association{id: id}
	if len(id) > iaid {
		f.association.mac = macOfDUID([]byte(id[iaid:]))
	}
	for _, a := range f.held[id] {
		if f.holder[a] == id {
			f.remove(a)
		}
	}
	delete(f.held, id)
}

func (f *iscFile) close() {
	switch {
	case f.others > 0:
		f.others--
	case f.lease != nil:
		f.enter(f.lease)
		f.lease = nil
	case f.association != nil:
		f.association = nil
	default:
		f.bad++
	}
}

func (f *iscFile) enter(l *iscLease) {
	switch {
	case l.bad:
		f.bad++
		return
	case !l.active:
		f.remove(l.Addr)
		return
	}
	l.Name = CleanName(l.name)
	f.put(l.Lease)
	if f.association != nil && !f.full {
		id := f.association.id
		f.holder[l.Addr] = id
		f.held[id] = append(f.held[id], l.Addr)
	}
}

// iscLease is a lease whose block is being read.
type iscLease struct {
	sample.Lease
	name   string
	known  bool // the name is what the client sent, not what DNS was told
	active bool
	bad    bool
}

// newISCLease begins a lease, active until it says otherwise: files of version
// 2 have no binding state.
func newISCLease(addr string, m sample.MAC) *iscLease {
	a, ok := parseAddr(addr)
	return &iscLease{Lease: sample.Lease{Addr: a, MAC: m}, active: true, bad: !ok}
}

func (l *iscLease) use(s statement) {
	switch {
	case s.begins("binding", "state"):
		l.active = s.word(2) == "active"
	case s.begins("abandoned"), s.begins("free"):
		l.active = false
	case s.begins("ends"):
		ends, ok := iscTime(s.words[1:])
		l.Expires, l.bad = ends, l.bad || !ok
	case s.begins("hardware", "ethernet"):
		hw, ok := parseHex(s.word(2))
		l.MAC, l.bad = macOf(htypeEthernet, hw), l.bad || !ok
	case s.begins("client-hostname"):
		l.name, l.known = s.word(1), true
	case s.begins("set", "ddns-fwd-name", "="), s.begins("set", "ddns-client-fqdn", "="):
		// A DHCPv6 client sends its name only this way.
		if !l.known {
			l.name = s.word(3)
		}
	}
}

// iscTime reads "never", "epoch SECONDS" or "WEEKDAY DATE TIME".
func iscTime(words []string) (time.Time, bool) {
	switch {
	case len(words) == 1 && words[0] == "never":
		return time.Time{}, true
	case len(words) == 2 && words[0] == "epoch":
		s, err := strconv.ParseUint(words[1], 10, 63)
		return seconds(s), err == nil && s > 0
	case len(words) == 3:
		t, err := time.Parse("2006/1/2 15:04:05", words[1]+" "+words[2])
		return t, err == nil
	}
	return time.Time{}, false
}
