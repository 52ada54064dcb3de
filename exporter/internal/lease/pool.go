package lease

import (
	"net/netip"
	"slices"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// held are the leases of one file, in the order of their addresses.
type held struct {
	format Format
	leases []sample.Lease
}

// Pool counts the addresses from first to last, both included, that have a lease
// at now, and tells which kind of server gives them out: the one whose files have
// most of these leases. Without any it is the one that all files are of; else empty.
func (r Reading) Pool(first, last netip.Addr, now time.Time) (leases int, server Format) {
	most := 0
	counts := map[Format]int{}
	for _, h := range r.held {
		counts[h.format] += countLeases(h.leases, first, last, now)
		if counts[h.format] > most {
			most, server = counts[h.format], h.format
		}
	}
	if most == 0 {
		server = r.onlyFormat()
	}
	return countLeases(r.Leases, first, last, now), server
}

func countLeases(leases []sample.Lease, first, last netip.Addr, now time.Time) (n int) {
	start, _ := slices.BinarySearchFunc(leases, first, func(l sample.Lease, a netip.Addr) int { return l.Addr.Compare(a) })
	for _, l := range leases[start:] {
		if last.Less(l.Addr) {
			break
		}
		if l.Expires.IsZero() || !l.Expires.Before(now) {
			n++
		}
	}
	return n
}

// onlyFormat is the format of all files, empty if they have several or none.
func (r Reading) onlyFormat() (format Format) {
	for _, f := range r.Files {
		switch {
		case f.Format == Auto || f.Format == format:
		case format != "":
			return ""
		default:
			format = f.Format
		}
	}
	return format
}
