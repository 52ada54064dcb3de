package kernel

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/userdata"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/sample"
)

// Accounting owns one nftables table of family inet, in which the kernel counts
// each client's packets and bytes. It writes no rule anywhere else. The table
// stays when the exporter stops and is adopted by the next one.
type Accounting struct {
	table *nftables.Table
	size  uint32 // of each set

	mu     sync.Mutex // one change or reading at a time
	nft    *nftables.Conn
	dumper *dumper
	epoch  string // of the table as last seen whole; empty when it has to be looked at
	handle uint64 // the kernel's number of that table, never given twice
	seeded map[netip.Addr]struct{}
}

// Outcome tells what Ensure found and did.
type Outcome string

// Outcomes of Ensure, in the order of how much was changed.
const (
	Unchanged Outcome = "unchanged" // the table is as it should be
	Outdated  Outcome = "outdated"  // it has sets of another size, see Ensure
	Updated   Outcome = "updated"   // rules replaced, counters kept
	Installed Outcome = "installed" // table made anew, counters begin at zero
)

// ErrTableGone is answered where the table is missing or is not the one that
// Ensure last saw: counters read from it would belong to something else.
var ErrTableGone = errors.New("the table is gone or was replaced")

// OpenAccounting opens the netlink sockets, in the network namespace of the
// calling thread, for a table of the given name. Each of its sets holds at most
// size addresses (the kernel allots memory for all of them at once). Nothing is
// installed before Ensure.
func OpenAccounting(table string, size int) (*Accounting, error) {
	nft, err := nftables.New(nftables.WithSockOptions(prepareSocket))
	if err != nil {
		return nil, fmt.Errorf("open nftables: %w", err)
	}
	d, err := openDumper(unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("open nftables: %w", err)
	}
	return &Accounting{
		table: &nftables.Table{Name: table, Family: nftables.TableFamilyINet},
		size:  uint32(size), nft: nft, dumper: d, seeded: map[netip.Addr]struct{}{},
	}, nil
}

// prepareSocket readies the socket of one transaction: google/nftables opens one
// for each, so that no late answer is taken for another's. The kernel echoes every
// rule at once, which overruns a buffer of the default size from a dozen LAN
// prefixes on. Where larger buffers are refused the default ones have to do.
func prepareSocket(c *netlink.Conn) error {
	_ = c.SetReadBuffer(16 << 20)
	_ = c.SetWriteBuffer(4 << 20)
	return c.SetDeadline(time.Now().Add(dumpTimeout))
}

// Close closes the sockets and leaves the table in the kernel.
func (a *Accounting) Close() error { return a.dumper.Close() }

// Ensure makes the table fit the network: it adopts one that fits, replaces the
// rules of one that counts for other interfaces or prefixes (its counters stay),
// and makes anew one that is missing or is a copy restored from a saved ruleset.
// A second call changes nothing. A table of ours with sets of another size is
// left alone and can be read once more: then Replace it.
func (a *Accounting) Ensure(n sample.Network) (Outcome, error) { return a.ensure(n, false) }

// Replace does what Ensure does, but makes an outdated table anew.
func (a *Accounting) Replace(n sample.Network) (Outcome, error) { return a.ensure(n, true) }

func (a *Accounting) ensure(n sample.Network, replace bool) (Outcome, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	want := forwardRuleset(n)
	have, err := a.inspect()
	if err != nil {
		return Unchanged, explain(err)
	}
	outcome := Unchanged
	ours, fits := a.recognise(have)
	switch {
	case ours && !fits && !replace:
		outcome = Outdated
	case !fits:
		outcome, have, err = a.install(want, have.handle != 0)
	case !slices.Equal(byChain(have.rules), byChain(want.comments())):
		outcome, err = Updated, a.replaceRules(want)
	}
	a.epoch, a.handle = have.epoch, have.handle
	if err != nil {
		a.epoch = ""
		return outcome, explain(err)
	}
	return outcome, nil
}

// Seed makes a place, with counters at zero, for the downloads of addresses that
// are known to be in use, so that a connection opened from outside counts from
// its first packet. Addresses that have one already keep it; where a set is full
// nothing happens.
func (a *Accounting) Seed(addrs []netip.Addr) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.epoch == "" {
		return ErrTableGone
	}
	addrs = a.unseeded(addrs)
	for _, s := range elementSets {
		if s.direction != sample.Download {
			continue
		}
		var elements []nftables.SetElement
		for _, addr := range addrs {
			if addr.Is6() == s.ipv6 {
				elements = append(elements, nftables.SetElement{Key: addr.AsSlice()})
			}
		}
		for some := range slices.Chunk(elements, chunk) {
			set := &nftables.Set{Table: a.table, Name: s.name, KeyType: s.keyType()}
			if err := a.nft.SetAddElements(set, some); err != nil {
				return fmt.Errorf("add addresses to set %s: %w", s.name, err)
			}
			if err := a.nft.Flush(); err != nil && !errors.Is(err, unix.ENFILE) {
				return fmt.Errorf("add addresses to set %s: %w", s.name, err)
			}
		}
	}
	for _, addr := range addrs {
		a.seeded[addr] = struct{}{}
	}
	return nil
}

// chunk is how many elements go into one message, whose attributes end at 64 KiB.
const chunk = 256

// Drain deletes elements whose counters the caller has read, and returns those
// that are gone. The kernel cannot read and delete at once: a packet that comes
// between the reading and the deletion is lost, which is why only elements idle
// for long are drained.
func (a *Accounting) Drain(elements []sample.Element) (gone []sample.Element, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.epoch == "" {
		return nil, ErrTableGone
	}
	for _, s := range elementSets {
		var here []sample.Element
		for _, e := range elements {
			if e.Class == s.class && e.Direction == s.direction && e.Addr.Is6() == s.ipv6 {
				here = append(here, e)
			}
		}
		for some := range slices.Chunk(here, chunk) {
			if err := a.deleteElements(s, some); err != nil {
				return gone, fmt.Errorf("drain set %s: %w", s.name, explain(err))
			}
			gone = append(gone, some...)
		}
	}
	return gone, nil
}

// deleteElements deletes all of them or, on an error, none.
func (a *Accounting) deleteElements(s elementSet, elements []sample.Element) error {
	set := &nftables.Set{Table: a.table, Name: s.name, KeyType: s.keyType()}
	var keys []nftables.SetElement
	for _, e := range elements {
		keys = append(keys, nftables.SetElement{Key: s.encodeKey(e)})
		delete(a.seeded, e.Addr)
	}
	if err := a.nft.SetDeleteElements(set, keys); err != nil {
		return err
	}
	return a.nft.Flush()
}

// unseeded leaves out what was seeded before.
func (a *Accounting) unseeded(addrs []netip.Addr) []netip.Addr {
	if len(a.seeded) > 2*int(a.size) {
		clear(a.seeded)
	}
	var fresh []netip.Addr
	for _, addr := range addrs {
		if _, done := a.seeded[addr]; !done {
			fresh = append(fresh, addr)
		}
	}
	return fresh
}

// Remove deletes the table.
func (a *Accounting) Remove() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.epoch = ""
	a.nft.DelTable(a.table)
	if err := a.nft.Flush(); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("delete table %s: %w", a.table.Name, explain(err))
	}
	return nil
}

// install makes the table in two steps, since its own handle is part of the
// epoch that it holds; nothing is counted between them.
func (a *Accounting) install(want ruleset, exists bool) (Outcome, tableState, error) {
	if exists {
		a.nft.DelTable(a.table)
	}
	a.nft.CreateTable(a.table)
	if err := a.nft.Flush(); err != nil {
		return Installed, tableState{}, fmt.Errorf("create table %s: %w", a.table.Name, err)
	}
	handle, err := a.readHandle()
	if err != nil {
		return Installed, tableState{}, err
	}
	clear(a.seeded)
	epoch := a.epochPrefix(handle) + token()
	a.addCounter(epoch)
	for _, pair := range namedCounters {
		for _, name := range pair {
			a.addCounter(name)
		}
	}
	for _, s := range elementSets {
		set := &nftables.Set{Table: a.table, Name: s.name, KeyType: s.keyType(), Dynamic: true, Counter: true, Size: a.size}
		if err := a.nft.AddSet(set, nil); err != nil {
			return Installed, tableState{}, fmt.Errorf("create set %s: %w", s.name, err)
		}
	}
	return Installed, tableState{handle: handle, epoch: epoch}, a.replaceRules(want)
}

func (a *Accounting) addCounter(name string) {
	a.nft.AddObj(&nftables.CounterObj{Table: a.table, Name: name})
}

// replaceRules sends all that is pending and the new rules as one transaction:
// no packet meets half of them.
func (a *Accounting) replaceRules(want ruleset) error {
	a.nft.FlushTable(a.table)
	comments := want.comments()
	for _, c := range want {
		chain := &nftables.Chain{Table: a.table, Name: c.name}
		if c.base != nil {
			chain.Type, chain.Hooknum, chain.Priority = nftables.ChainTypeFilter, c.base.hook, &c.base.priority
		}
		a.nft.AddChain(chain)
		for _, exprs := range c.rules {
			comment := userdata.AppendString(nil, userdata.TypeComment, comments[0].comment)
			a.nft.AddRule(&nftables.Rule{Table: a.table, Chain: chain, Exprs: exprs, UserData: comment})
			comments = comments[1:]
		}
	}
	if err := a.nft.Flush(); err != nil {
		return fmt.Errorf("write the rules of table %s: %w", a.table.Name, err)
	}
	return nil
}

// RemoveOurs deletes the table if this program made it.
func (a *Accounting) RemoveOurs() error {
	a.mu.Lock()
	have, err := a.inspect()
	a.mu.Unlock()
	if ours, _ := a.recognise(have); err != nil || !ours {
		return explain(err)
	}
	return a.Remove()
}

// recognise tells whether a table was made by this program, in this boot and
// under this handle, and whether its sets have the wanted size as well.
func (a *Accounting) recognise(t tableState) (ours, fits bool) {
	if strings.HasPrefix(t.epoch, a.epochPrefix(t.handle)) {
		return true, true
	}
	var size int
	rest, ok := strings.CutPrefix(t.epoch, epochName+layoutVersion+"_")
	if _, err := fmt.Sscanf(rest, "%d_", &size); !ok || err != nil {
		return false, false
	}
	return strings.HasPrefix(t.epoch, epochPrefix(uint32(size), t.handle)), false
}

// epochPrefix is the part of an epoch that must fit the table that holds it:
// layout, size of the sets, boot and table handle. `nft list ruleset` saved and
// loaded again brings back names and old counters, but never the handle and the
// boot, and so cannot pass for the table that was counting.
func epochPrefix(size uint32, handle uint64) string {
	return fmt.Sprintf("%s%s_%d_%s_%d_", epochName, layoutVersion, size, bootID(), handle)
}

func (a *Accounting) epochPrefix(handle uint64) string { return epochPrefix(a.size, handle) }

const (
	epochName     = "epoch_"
	layoutVersion = "v1" // of sets and counters; a new one makes the table anew
)

// token is random: no other table, namespace or boot has the same.
func token() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return hex.EncodeToString(b)
}

// bootID is the start of the kernel's random id of this boot, see random(4).
var bootID = sync.OnceValue(func() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil || len(b) < 8 {
		return "unknown"
	}
	return string(b[:8])
})

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
