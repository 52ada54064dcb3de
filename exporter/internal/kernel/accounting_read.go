package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/google/nftables/userdata"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/sample"
)

// Read reads all counters. Reading resets nothing. It fails where the table is
// gone or not the one that Ensure saw last: call Ensure and read again.
//
// Downloads are read before uploads, so that an address which answered is
// already there with its MAC. Elements may occur twice when the kernel inserted
// others meanwhile; the larger counter holds.
func (a *Accounting) Read() (sample.Accounting, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.epoch == "" {
		return sample.Accounting{}, ErrTableGone
	}
	acct := sample.Accounting{Epoch: strings.TrimPrefix(a.epoch, epochName)}
	var before sample.Accounting
	if err := a.readCounters(func(name string, t sample.Traffic) { place(&before, name, t) }); err != nil {
		return sample.Accounting{}, a.lost(err)
	}
	for i := range elementSets {
		s := &elementSets[len(elementSets)-1-i]
		if err := a.readElements(s, &acct); err != nil {
			return sample.Accounting{}, a.lost(fmt.Errorf("read set %s: %w", s.name, err))
		}
	}
	if err := a.readCounters(func(name string, t sample.Traffic) { place(&acct, name, t) }); err != nil {
		return sample.Accounting{}, a.lost(err)
	}
	for d, t := range acct.Forwarded {
		if b := before.Forwarded[d]; t.Bytes >= b.Bytes && t.Packets >= b.Packets { // else somebody reset it
			acct.Meanwhile[d] = sample.Traffic{Bytes: t.Bytes - b.Bytes, Packets: t.Packets - b.Packets}
		}
	}
	// Handles are never reused: the same one at the end means the same table throughout.
	handle, err := a.readHandle()
	if err == nil && handle != a.handle {
		err = ErrTableGone
	}
	return acct, a.lost(err)
}

// lost notes that the table must be looked at again before the next reading.
func (a *Accounting) lost(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOENT), errors.Is(err, ErrTableGone):
		a.epoch = ""
		return ErrTableGone
	}
	return explain(err)
}

// place puts a named counter where it belongs.
func place(acct *sample.Accounting, name string, t sample.Traffic) {
	for d := range sample.Directions {
		switch name {
		case counterForwarded[d]:
			acct.Forwarded[d] = t
		case counterRouter[d]:
			acct.Router[d] = t
		case counterOverflow[d]:
			acct.Overflow[d] = t
		case counterOutside[d]:
			acct.Outside[d] = t
		case counterUnsolicited[d]:
			acct.Unsolicited[d] = t
		}
	}
}

// tableState is what the kernel holds of the table.
type tableState struct {
	handle uint64 // 0: no such table
	epoch  string // empty: a table without one, not made by us or half made
	rules  []ruleComment
}

func (a *Accounting) inspect() (tableState, error) {
	handle, err := a.readHandle()
	if errors.Is(err, unix.ENOENT) {
		return tableState{}, nil
	}
	if err != nil {
		return tableState{}, err
	}
	state := tableState{handle: handle}
	err = a.readCounters(func(name string, _ sample.Traffic) {
		if strings.HasPrefix(name, epochName) {
			state.epoch = name
		}
	})
	if err != nil {
		return tableState{}, err
	}
	state.rules, err = a.readRules()
	return state, err
}

// readHandle asks for NFTA_TABLE_HANDLE.
func (a *Accounting) readHandle() (handle uint64, err error) {
	req := a.request(unix.NFT_MSG_GETTABLE, netlink.Acknowledge, attr{unix.NFTA_TABLE_NAME, a.table.Name})
	_, err = a.dumper.dump(req, func(data []byte) error {
		for typ, value := range payload(data) {
			if typ == nftaTableHandle {
				handle = be64(value)
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("read table %s: %w", a.table.Name, err)
	}
	return handle, nil
}

// readCounters calls fn for each named counter.
func (a *Accounting) readCounters(fn func(name string, t sample.Traffic)) error {
	req := a.request(unix.NFT_MSG_GETOBJ, netlink.Dump, attr{unix.NFTA_OBJ_TABLE, a.table.Name})
	_, err := a.dumper.dump(req, func(data []byte) error {
		var name string
		var t sample.Traffic
		for typ, value := range payload(data) {
			switch typ {
			case unix.NFTA_OBJ_NAME:
				name = text(value)
			case unix.NFTA_OBJ_DATA:
				t = counter(value)
			}
		}
		fn(name, t)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read counters of table %s: %w", a.table.Name, err)
	}
	return nil
}

func (a *Accounting) readRules() ([]ruleComment, error) {
	var rules []ruleComment
	req := a.request(unix.NFT_MSG_GETRULE, netlink.Dump, attr{unix.NFTA_RULE_TABLE, a.table.Name})
	interrupted, err := a.dumper.dump(req, func(data []byte) error {
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
		return nil, fmt.Errorf("read rules of table %s: %w", a.table.Name, err)
	}
	return rules, nil
}

// readElements appends the set's elements.
func (a *Accounting) readElements(s *elementSet, acct *sample.Accounting) error {
	req := a.request(unix.NFT_MSG_GETSETELEM, netlink.Dump,
		attr{unix.NFTA_SET_ELEM_LIST_TABLE, a.table.Name}, attr{unix.NFTA_SET_ELEM_LIST_SET, s.name})
	_, err := a.dumper.dump(req, func(data []byte) error {
		for typ, list := range payload(data) {
			if typ != unix.NFTA_SET_ELEM_LIST_ELEMENTS {
				continue
			}
			for _, b := range attrs(list) {
				if e, ok := s.element(b); ok {
					acct.Elements = append(acct.Elements, e)
				}
			}
		}
		return nil
	})
	return err
}

// element decodes NFTA_LIST_ELEM: a key and a counter.
func (s *elementSet) element(b []byte) (e sample.Element, ok bool) {
	e.Class, e.Direction = s.class, s.direction
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
					e.Traffic = counter(data)
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

// request builds a message of the nftables subsystem for family inet.
func (a *Accounting) request(typ uint16, flags netlink.HeaderFlags, attributes ...attr) netlink.Message {
	data := []byte{unix.NFPROTO_INET, unix.NFNETLINK_V0, 0, 0}
	for _, at := range attributes {
		n := unix.NLA_HDRLEN + len(at.value) + 1
		data = binary.NativeEndian.AppendUint16(data, uint16(n))
		data = binary.NativeEndian.AppendUint16(data, at.typ)
		data = append(data, at.value...)
		data = append(data, make([]byte, align4(n)-n+1)...)
	}
	return netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | typ), Flags: flags},
		Data:   data,
	}
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
