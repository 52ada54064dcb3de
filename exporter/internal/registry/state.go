package registry

import (
	"net/netip"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// State is what outlives the process: everything of the registry that cannot be
// read from the kernel again.
type State struct {
	Began    time.Time // of records: what was seen soon after is no news
	Shutdown bool      // saved at an orderly end: nothing was shown afterwards
	Clients  []ClientState
	Elements []ElementState // the raw counters that the totals include

	Counters  sample.Accounting // the last reading, with its epoch and without elements
	Forwarded Book
	Router    Book
	Unattributed
	UnattributedBase Unattributed // what was counted when the shown counters last began at zero
	Forgotten        sample.ByDirection
	ForgottenBase    sample.ByDirection
	Conflicts        uint64
	Period           Period   // of the household
	Known            []uint64 // hashes of MACs that left
}

// ClientState is one client.
type ClientState struct {
	MACs      []sample.MAC
	Addrs     []AddrState
	Primary   netip.Addr
	Name      string // as a DHCP server last knew it
	FirstSeen time.Time
	LastSeen  time.Time
	Baseline  bool
	Totals    Totals
	Base      Totals // what was counted when the shown counters last began at zero
	Period    Period
}

// AddrState is one address of a client and how it came to it.
type AddrState struct {
	Addr  netip.Addr
	Trust uint8
	Seen  time.Time
}

// ElementState is the last raw value of one kernel counter.
type ElementState struct {
	sample.Element
	Changed time.Time // when it last counted
}

// Book is a total and the part of it that is no longer shown.
type Book struct{ Total, Base sample.ByDirection }

// Period is the use since a billing day.
type Period struct {
	Start time.Time          // midnight of the billing day, router's time zone
	Base  sample.ByDirection // lifetime totals at that moment
}
