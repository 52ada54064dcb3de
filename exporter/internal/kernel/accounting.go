package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/sample"
)

// Accounting counts each client's packets and bytes in the kernel. It owns two
// nftables tables of one name and writes no rule anywhere else: one of family
// inet, for what passes the forward hook and for the router's own traffic; and,
// where packets bypass that hook, one of family netdev, which counts them on the
// LAN's devices. They stay when the exporter stops.
type Accounting struct {
	options AccountingOptions

	mu      sync.Mutex // one change or reading at a time
	writer  *writer
	dumpers [2]*dumper
	tables  [sample.Hooks]*table
	hook    sample.Hook // where clients are counted
	known   bool        // the hook was chosen once

	deviceFault error // why the kernel cannot count on devices; nil while nothing speaks against it
}

// AccountingOptions are what the owner decides.
type AccountingOptions struct {
	Table string // name of both tables
	Size  int    // most addresses in each set, for all of which the kernel allots memory at once

	// Hook is where to count; nil means behind the firewall, unless a flowtable
	// would hide packets there.
	Hook *sample.Hook

	// Protect keeps others from changing or flushing the tables, where the kernel
	// can (Linux 6.9).
	Protect bool
}

// ErrTableGone is answered where a table is missing or is not the one that
// Ensure last saw: counters read from it would belong to something else.
var ErrTableGone = errors.New("the table is gone or was replaced")

// OpenAccounting opens the netlink sockets in the network namespace of the
// calling thread. Nothing is installed before Ensure.
func OpenAccounting(o AccountingOptions) (*Accounting, error) {
	w, err := openWriter(o.Protect)
	if err != nil {
		return nil, err
	}
	a := &Accounting{options: o, writer: w}
	for i := range a.dumpers {
		if a.dumpers[i], err = openDumper(unix.NETLINK_NETFILTER); err != nil {
			return nil, errors.Join(fmt.Errorf("open nftables: %w", err), a.Close())
		}
	}
	for hook, family := range [sample.Hooks]nftables.TableFamily{nftables.TableFamilyINet, nftables.TableFamilyNetdev} {
		a.tables[hook] = &table{
			Table:  &nftables.Table{Name: o.Table, Family: family},
			layout: [sample.Hooks]layout{forwardLayout, deviceLayout}[hook],
			hook:   sample.Hook(hook), size: uint32(o.Size), dumpers: a.dumpers, writer: w, seeded: map[netip.Addr]struct{}{},
		}
	}
	return a, nil
}

// Close closes the sockets and leaves the tables in the kernel.
func (a *Accounting) Close() error {
	errs := []error{a.writer.Close()}
	for _, d := range a.dumpers {
		if d != nil {
			errs = append(errs, d.Close())
		}
	}
	return errors.Join(errs...)
}

// Read reads all tables there are. It fails where one is gone or not the one that
// Ensure saw last: call Ensure and read again.
func (a *Accounting) Read() ([]sample.Accounting, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var readings []sample.Accounting
	for _, t := range a.tables {
		if t.epoch == "" && t.hook == sample.AtDevice && a.hook == sample.AtForward {
			continue
		}
		r, err := t.read()
		if err != nil {
			return nil, err
		}
		readings = append(readings, r)
	}
	return readings, nil
}

// Retired reports a table that counts nothing any more and only waits for a last
// reading; then Retire it.
func (a *Accounting) Retired() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.hook == sample.AtForward && a.tables[sample.AtDevice].epoch != ""
}

// Retire deletes the table that Retired told of.
func (a *Accounting) Retire() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.hook != sample.AtForward {
		return nil
	}
	return a.tables[sample.AtDevice].remove()
}

// Seed makes a place, with counters at zero, for the downloads of addresses that
// are known to be in use, so that a connection opened from outside counts from
// its first packet. Addresses that have one already keep it; where a set is full
// nothing happens.
func (a *Accounting) Seed(addrs []netip.Addr) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.tables[a.hook]
	if t.epoch == "" {
		return ErrTableGone
	}
	return t.seed(addrs)
}

// Drain deletes elements whose counters the caller has read, and returns those
// that are gone. The kernel cannot read and delete at once: a packet that comes
// between the reading and the deletion is lost, which is why only elements idle
// for long are drained.
func (a *Accounting) Drain(elements []sample.Element) (gone []sample.Element, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range a.tables {
		if t.epoch == "" {
			continue
		}
		some, err := t.drain(elements)
		gone = append(gone, some...)
		if err != nil {
			return gone, err
		}
	}
	return gone, nil
}

// Remove deletes the tables.
func (a *Accounting) Remove() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var errs []error
	for _, t := range a.tables {
		errs = append(errs, t.remove())
	}
	return errors.Join(errs...)
}

// RemoveOurs deletes the tables if this program made them.
func (a *Accounting) RemoveOurs() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var errs []error
	for _, t := range a.tables {
		have, err := t.inspect()
		if ours, _ := t.recognise(have); err == nil && ours {
			err = t.remove()
		}
		errs = append(errs, explain(err))
	}
	return errors.Join(errs...)
}

// explain adds the remedy to errors that a router's owner can mend.
func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w: counting needs CAP_NET_ADMIN in the network namespace's own user namespace: run as root or give the service AmbientCapabilities=CAP_NET_ADMIN, and do not set PrivateUsers=", err)
	case errors.Is(err, unix.EPROTONOSUPPORT), errors.Is(err, unix.EAFNOSUPPORT), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%w: this kernel lacks nftables (needs Linux 5.7 or later with nf_tables, nf_tables_inet, nft_ct and nf_conntrack): load the modules or set accounting.enabled to false", err)
	}
	return err
}
