package kernel

import (
	"bytes"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// natSet is what a rule looks up in: a set, or a map where its elements have data.
type natSet struct {
	keyLength int // in bytes
	elements  []natElement
}

// natElement is an element of a set or an interval of it.
type natElement struct {
	first, last []byte // the key, both ends included
	data        []byte // in a map of values
	verdict     natVerdict
	any         bool // it stands for all keys that have no element
}

const (
	nftaSetKeyLen     = 5  // NFTA_SET_KEY_LEN, linux/netfilter/nf_tables.h
	nftaSetElemKeyEnd = 10 // NFTA_SET_ELEM_KEY_END
	setElemCatchAll   = 2  // NFT_SET_ELEM_CATCHALL
)

// readSet reads a set, its elements only where want says so of its keys' length.
func (p *PortMappings) readSet(set natName, want func(keyLength int) bool) (*natSet, error) {
	s, interval := &natSet{}, false
	req := request(set.family, unix.NFT_MSG_GETSET, netlink.Acknowledge,
		attr{unix.NFTA_SET_TABLE, set.table}, attr{unix.NFTA_SET_NAME, set.name})
	_, err := p.dumper.dump(req, func(data []byte) error {
		for typ, value := range payload(data) {
			switch typ {
			case nftaSetKeyLen:
				s.keyLength = int(be32(value))
			case unix.NFTA_SET_FLAGS:
				interval = be32(value)&unix.NFT_SET_INTERVAL != 0
			}
		}
		return nil
	})
	if err != nil || !want(s.keyLength) {
		return s, err
	}
	var raw []rawElement
	most := maxNATElements
	if interval {
		most *= 2
	}
	req = request(set.family, unix.NFT_MSG_GETSETELEM, netlink.Dump,
		attr{unix.NFTA_SET_ELEM_LIST_TABLE, set.table}, attr{unix.NFTA_SET_ELEM_LIST_SET, set.name})
	_, err = p.dumper.dump(req, func(data []byte) error {
		for _, b := range attrs(find(data[min(4, len(data)):], unix.NFTA_SET_ELEM_LIST_ELEMENTS)) {
			if len(raw) == most {
				return errManyElements
			}
			raw = append(raw, parseElement(b))
		}
		return nil
	})
	s.elements = elements(raw, interval)
	return s, err
}

// rawElement is one as the kernel has it: an interval of a set whose keys are no
// concatenation is two of them.
type rawElement struct {
	natElement
	end bool // it is the first key behind an interval
}

func parseElement(b []byte) (e rawElement) {
	for typ, value := range attrs(b) {
		switch typ {
		case unix.NFTA_SET_ELEM_KEY:
			e.first = bytes.Clone(find(value, unix.NFTA_DATA_VALUE))
		case nftaSetElemKeyEnd:
			e.last = bytes.Clone(find(value, unix.NFTA_DATA_VALUE))
		case unix.NFTA_SET_ELEM_DATA:
			e.data = bytes.Clone(find(value, unix.NFTA_DATA_VALUE))
			e.verdict = parseVerdict(find(value, unix.NFTA_DATA_VERDICT))
		case unix.NFTA_SET_ELEM_FLAGS:
			e.end = be32(value)&unix.NFT_SET_ELEM_INTERVAL_END != 0
			e.any = be32(value)&setElemCatchAll != 0
		}
	}
	return e
}

// elements joins the two ends of intervals. The kernel gives them in any order.
func elements(raw []rawElement, interval bool) (all []natElement) {
	slices.SortFunc(raw, func(a, b rawElement) int {
		if c := bytes.Compare(a.first, b.first); c != 0 || a.end == b.end {
			return c
		}
		if a.end {
			return -1
		}
		return 1
	})
	for i, e := range raw {
		switch {
		case e.end:
			continue
		case e.any || e.last != nil:
		case !interval:
			e.last = e.first
		case i+1 < len(raw):
			e.last = before(raw[i+1].first)
		default: // up to the greatest key there is
			e.last = bytes.Repeat([]byte{0xff}, len(e.first))
		}
		all = append(all, e.natElement)
	}
	return all
}

// before is the key in front of another one, as numbers go.
func before(key []byte) []byte {
	key = bytes.Clone(key)
	for i := len(key) - 1; i >= 0; i-- {
		key[i]--
		if key[i] != 0xff {
			break
		}
	}
	return key
}
