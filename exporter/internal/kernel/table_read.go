package kernel

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/google/nftables/userdata"
	"github.com/mdlayher/netlink"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/sample"
)

// read reads all counters of the table. Reading resets nothing. It fails where the
// table is gone or not the one that was seen last.
//
// Downloads are read before uploads, so that an address which answered is
// already there with its MAC. Elements may occur twice when the kernel inserted
// others meanwhile; the larger counter holds.
func (t *table) read() (sample.Accounting, error) {
	if t.epoch == "" {
		return sample.Accounting{}, ErrTableGone
	}
	acct := sample.Accounting{Hook: t.hook, Epoch: strings.TrimPrefix(t.epoch, epochName)}
	var before sample.Accounting
	if err := t.readCounters(&before, nil); err != nil {
		return sample.Accounting{}, t.lost(err)
	}
	if err := t.readSets(&acct); err != nil {
		return sample.Accounting{}, t.lost(err)
	}
	if err := t.readCounters(&acct, nil); err != nil {
		return sample.Accounting{}, t.lost(err)
	}
	for d, t := range acct.Forwarded {
		if b := before.Forwarded[d]; t.Bytes >= b.Bytes && t.Packets >= b.Packets { // else somebody reset it
			acct.Meanwhile[d] = sample.Traffic{Bytes: t.Bytes - b.Bytes, Packets: t.Packets - b.Packets}
		}
	}
	// Handles are never reused: the same one at the end means the same table throughout.
	state, err := t.readTable()
	if err == nil && state.handle != t.handle {
		err = ErrTableGone
	}
	return acct, t.lost(err)
}

// lost notes that the table must be looked at again before the next reading.
func (t *table) lost(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOENT), errors.Is(err, ErrTableGone):
		t.forget()
		return ErrTableGone
	}
	return explain(err)
}

func (t *table) inspect() (tableState, error) {
	state, err := t.readTable()
	if errors.Is(err, unix.ENOENT) {
		return tableState{}, nil
	}
	if err != nil {
		return tableState{}, err
	}
	if err := t.readCounters(nil, &state.epoch); err != nil {
		return tableState{}, err
	}
	if state.chains, err = t.readChains(); err != nil {
		return tableState{}, err
	}
	state.rules, err = t.readRules()
	return state, err
}

// readTable reads the table's own handle and flags.
func (t *table) readTable() (state tableState, err error) {
	req := t.request(unix.NFT_MSG_GETTABLE, netlink.Acknowledge, attr{unix.NFTA_TABLE_NAME, t.Name})
	_, err = t.dumpers[0].dump(req, func(data []byte) error {
		for typ, value := range payload(data) {
			switch typ {
			case nftaTableHandle:
				state.handle = be64(value)
			case unix.NFTA_TABLE_FLAGS:
				state.flags = be32(value)
			}
		}
		return nil
	})
	if err != nil {
		return tableState{}, fmt.Errorf("read table %s: %w", t.Name, err)
	}
	return state, nil
}

// readCounters adds the named counters to acct and finds the epoch among them,
// where one is asked for.
func (t *table) readCounters(acct *sample.Accounting, epoch *string) error {
	req := t.request(unix.NFT_MSG_GETOBJ, netlink.Dump, attr{unix.NFTA_OBJ_TABLE, t.Name})
	_, err := t.dumpers[0].dump(req, func(data []byte) error {
		var name []byte
		var n sample.Traffic
		for typ, value := range payload(data) {
			switch typ {
			case unix.NFTA_OBJ_NAME:
				name = bytes.TrimRight(value, "\x00")
			case unix.NFTA_OBJ_DATA:
				n = counter(value)
			}
		}
		if epoch != nil && bytes.HasPrefix(name, []byte(epochName)) {
			*epoch = string(name)
		}
		for i := range t.counters {
			if c := &t.counters[i]; acct != nil && c.name == string(name) {
				to := c.of(acct)
				n = withoutHeaders(n, c.framed)
				to.Bytes += n.Bytes
				to.Packets += n.Packets
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read counters of table %s: %w", t.Name, err)
	}
	return nil
}

// withoutHeaders takes off the Ethernet headers of packets counted with them.
func withoutHeaders(n sample.Traffic, framed bool) sample.Traffic {
	if framed {
		n.Bytes -= min(n.Bytes, ethernetHeader*n.Packets)
	}
	return n
}

// readChains lists the names of the table's chains; the kernel dumps those of all
// tables of the family.
func (t *table) readChains() (chains []string, err error) {
	interrupted, err := t.dumpers[0].dump(t.request(unix.NFT_MSG_GETCHAIN, netlink.Dump), func(data []byte) error {
		var table, name string
		for typ, value := range payload(data) {
			switch typ {
			case unix.NFTA_CHAIN_TABLE:
				table = text(value)
			case unix.NFTA_CHAIN_NAME:
				name = text(value)
			}
		}
		if table == t.Name {
			chains = append(chains, name)
		}
		return nil
	})
	if interrupted {
		return nil, unix.EINTR
	}
	if err != nil {
		return nil, fmt.Errorf("read chains of table %s: %w", t.Name, err)
	}
	return chains, nil
}

func (t *table) readRules() ([]ruleComment, error) {
	var rules []ruleComment
	req := t.request(unix.NFT_MSG_GETRULE, netlink.Dump, attr{unix.NFTA_RULE_TABLE, t.Name})
	interrupted, err := t.dumpers[0].dump(req, func(data []byte) error {
		var r ruleComment
		for typ, value := range payload(data) {
			switch typ {
			case unix.NFTA_RULE_CHAIN:
				r.chain = text(value)
			case unix.NFTA_RULE_USERDATA:
				r.comment, _ = userdata.GetString(value, userdata.TypeComment)
			}
		}
		rules = append(rules, r)
		return nil
	})
	if interrupted {
		return nil, unix.EINTR
	}
	if err != nil {
		return nil, fmt.Errorf("read rules of table %s: %w", t.Name, err)
	}
	return rules, nil
}

// manyElements are worth two processors: the kernel takes a microsecond for each.
const manyElements = 1000

// readSets reads all elements, with many of them IPv4 and IPv6 side by side.
func (t *table) readSets(acct *sample.Accounting) error {
	room := t.elements
	room[0] += room[1] // for the others behind
	var found [2][]sample.Element
	readFamily := func(i int) error {
		found[i] = make([]sample.Element, 0, room[i])
		for j := range t.sets {
			s := &t.sets[len(t.sets)-1-j]
			if s.ipv6 != (i == 1) {
				continue
			}
			if err := t.readElements(t.dumpers[i], s, &found[i]); err != nil {
				return fmt.Errorf("read set %s: %w", s.name, err)
			}
		}
		t.elements[i] = len(found[i])
		return nil
	}
	var beside errgroup.Group
	inTurn := t.elements[0]+t.elements[1] < manyElements
	if !inTurn {
		beside.Go(func() error { return readFamily(1) })
	}
	err := readFamily(0)
	if inTurn && err == nil {
		err = readFamily(1)
	}
	err = cmp.Or(err, beside.Wait())
	acct.Elements = append(found[0], found[1]...)
	return err
}

// readElements appends the set's elements.
func (t *table) readElements(d *dumper, s *elementSet, to *[]sample.Element) error {
	req := t.request(unix.NFT_MSG_GETSETELEM, netlink.Dump,
		attr{unix.NFTA_SET_ELEM_LIST_TABLE, t.Name}, attr{unix.NFTA_SET_ELEM_LIST_SET, s.name})
	_, err := d.dump(req, func(data []byte) error {
		for typ, list := range payload(data) {
			if typ != unix.NFTA_SET_ELEM_LIST_ELEMENTS {
				continue
			}
			for _, b := range attrs(list) {
				if e, ok := s.element(b); ok {
					e.Hook = t.hook
					*to = append(*to, e)
				}
			}
		}
		return nil
	})
	return err
}

// element decodes NFTA_LIST_ELEM: a key and a counter.
func (s *elementSet) element(b []byte) (e sample.Element, ok bool) {
	e.Class, e.Direction, e.Bare = s.class, s.direction, s.bare
	for typ, value := range attrs(b) {
		switch typ {
		case unix.NFTA_SET_ELEM_KEY:
			for t, key := range attrs(value) {
				if t == unix.NFTA_DATA_VALUE {
					ok = s.decodeKey(key, &e)
				}
			}
		case unix.NFTA_SET_ELEM_EXPR:
			for t, data := range attrs(value) {
				if t == unix.NFTA_EXPR_DATA {
					e.Traffic = withoutHeaders(counter(data), s.framed)
				}
			}
		}
	}
	return e, ok
}

func (s *elementSet) decodeKey(key []byte, e *sample.Element) (ok bool) {
	if s.direction == sample.Upload {
		if len(key) < 8 {
			return false
		}
		copy(e.MAC[:], key)
		key = key[8:]
	}
	e.Addr, ok = netip.AddrFromSlice(key)
	return ok && e.Addr.Is6() == s.ipv6
}

func (s *elementSet) encodeKey(e sample.Element) []byte {
	if s.direction == sample.Download {
		return e.Addr.AsSlice()
	}
	return append(append(e.MAC[:len(e.MAC):len(e.MAC)], 0, 0), e.Addr.AsSlice()...)
}

// counter decodes the data of a counter expression or object.
func counter(b []byte) (t sample.Traffic) {
	for typ, value := range attrs(b) {
		switch typ {
		case unix.NFTA_COUNTER_BYTES:
			t.Bytes = be64(value)
		case unix.NFTA_COUNTER_PACKETS:
			t.Packets = be64(value)
		}
	}
	return t
}

const nftaTableHandle = 4 // NFTA_TABLE_HANDLE, linux/netfilter/nf_tables.h

type attr struct {
	typ   uint16
	value string // sent with a closing zero byte
}

func (t *table) request(typ uint16, flags netlink.HeaderFlags, attributes ...attr) netlink.Message {
	return request(byte(t.Family), typ, flags, attributes...)
}

// request builds a message of the nftables subsystem.
func request(family byte, typ uint16, flags netlink.HeaderFlags, attributes ...attr) netlink.Message {
	data := []byte{family, unix.NFNETLINK_V0, 0, 0}
	for _, at := range attributes {
		data = appendAttr(data, at.typ, append([]byte(at.value), 0))
	}
	return netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | typ), Flags: flags},
		Data:   data,
	}
}

func appendAttr(data []byte, typ uint16, value []byte) []byte {
	n := unix.NLA_HDRLEN + len(value)
	data = binary.NativeEndian.AppendUint16(data, uint16(n))
	data = binary.NativeEndian.AppendUint16(data, typ)
	data = append(data, value...)
	return append(data, make([]byte, align4(n)-n)...)
}

// payload walks the attributes behind the 4-byte nfgenmsg.
func payload(data []byte) func(func(uint16, []byte) bool) {
	return attrs(data[min(4, len(data)):])
}

func text(b []byte) string { return strings.TrimRight(string(b), "\x00") }

func be64(b []byte) uint64 {
	if len(b) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

func be32(b []byte) uint32 {
	if len(b) != 4 {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}
