package lease

import (
	"net/netip"
	"slices"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// book is what files say, in the order they say it: a later word about an
// address replaces an earlier one.
type book struct {
	leases map[netip.Addr]sample.Lease
	bad    int
	full   bool // leases were left out
}

func newBook() *book { return &book{leases: map[netip.Addr]sample.Lease{}} }

// put adds a lease, expired ones too, for they replace older words.
func (b *book) put(l sample.Lease) {
	l.Expires = l.Expires.UTC()
	if _, known := b.leases[l.Addr]; !known && len(b.leases) >= maxLeases {
		b.full = true
		return
	}
	b.leases[l.Addr] = l
}

// merge adds the leases of another file. Two servers, or one that moved its
// file, can tell of one address: the lease that lasts longer is the later one.
func (b *book) merge(leases []sample.Lease) {
	for _, l := range leases {
		if old, known := b.leases[l.Addr]; !known || outlasts(l, old) {
			b.put(l)
		}
	}
}

func outlasts(l, old sample.Lease) bool {
	return !old.Expires.IsZero() && (l.Expires.IsZero() || l.Expires.After(old.Expires))
}

func (b *book) remove(a netip.Addr) { delete(b.leases, a) }

// current gives the leases that are in force.
func (b *book) current(now time.Time) []sample.Lease {
	var out []sample.Lease
	for _, l := range b.leases {
		if l.Expires.IsZero() || !l.Expires.Before(now) {
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b sample.Lease) int { return a.Addr.Compare(b.Addr) })
	return out
}

// nextExpiry is when the first of the leases ends, zero if none does.
func nextExpiry(leases []sample.Lease) time.Time {
	var next time.Time
	for _, l := range leases {
		if !l.Expires.IsZero() && (next.IsZero() || l.Expires.Before(next)) {
			next = l.Expires
		}
	}
	return next
}

// parseAddr reads an address that one device can have.
func parseAddr(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	return a, err == nil && leasable(a)
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

func leasable(a netip.Addr) bool {
	return a.Zone() == "" && !a.Is4In6() && !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast() && a != broadcast
}

// seconds reads a point in time as the seconds since 1970; 0 is the zero time.
// Beyond the year 9999 JSON and people cannot write it, so it counts as never.
func seconds(s uint64) time.Time {
	const year9999 = 253402300799
	if s > year9999 || s == 0 {
		return time.Time{}
	}
	return time.Unix(int64(s), 0)
}
