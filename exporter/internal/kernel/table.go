package kernel

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/google/nftables"
	"github.com/google/nftables/userdata"
	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/sample"
)

// table is one nftables table of ours. It stays when the exporter stops and is
// adopted by the next one.
type table struct {
	*nftables.Table
	layout
	hook   sample.Hook
	size   uint32 // of each set
	writer *writer

	dumpers  [2]*dumper // the second one reads IPv6 where there is much to read
	elements [2]int     // of IPv4 and IPv6 in the last reading

	epoch  string // as last seen whole; empty when the table has to be looked at
	handle uint64 // the kernel's number of that table, never given twice
	seeded map[netip.Addr]struct{}
}

// tableState is what the kernel holds of a table.
type tableState struct {
	handle uint64 // 0: no such table
	flags  uint32
	epoch  string // empty: a table without one, not made by us or half made
	rules  []ruleComment
	chains []string
}

// fits tells whether the table holds exactly these rules.
func (s tableState) fits(want ruleset) bool {
	return slices.Equal(byChain(s.rules), byChain(want.comments())) && len(s.chains) == len(want)
}

// forget makes the next look at the table start afresh.
func (t *table) forget() { t.epoch, t.handle = "", 0 }

// make makes the table without rules. Its own handle is part of the epoch that it
// holds, so that takes two transactions.
func (t *table) make(exists bool) (tableState, error) {
	if exists {
		t.writer.DelTable(t.Table)
		if err := t.writer.Flush(); err != nil {
			return tableState{}, fmt.Errorf("replace table %s: %w", t.Name, err)
		}
	}
	if err := t.create(); err != nil {
		return tableState{}, err
	}
	state, err := t.readTable()
	if err != nil {
		return tableState{}, err
	}
	clear(t.seeded)
	t.writer.owned[state.handle] = t.writer.owning
	state.epoch = t.epochPrefix(state.handle) + token()
	t.addCounter(state.epoch)
	for _, c := range t.counters {
		t.addCounter(c.name)
	}
	var sets []*nftables.Set
	for i := range t.sets {
		s := &t.sets[i]
		sets = append(sets, &nftables.Set{Table: t.Table, Name: s.name, KeyType: s.keyType(), Dynamic: true, Counter: true, Size: t.size})
	}
	if t.seen {
		for _, ipv6 := range []bool{false, true} {
			sets = append(sets, &nftables.Set{Table: t.Table, Name: seenSet(ipv6), KeyType: addressType(ipv6), Dynamic: true, Size: t.size})
		}
	}
	for _, s := range sets {
		if err := t.writer.AddSet(s, nil); err != nil {
			return tableState{}, fmt.Errorf("create set %s: %w", s.Name, err)
		}
	}
	if err := t.writer.Flush(); err != nil {
		return tableState{}, fmt.Errorf("fill table %s: %w", t.Name, err)
	}
	return state, nil
}

func (t *table) create() error {
	if t.writer.owning {
		return t.writer.own(t.Table)
	}
	t.writer.CreateTable(t.Table)
	if err := t.writer.Flush(); err != nil {
		return fmt.Errorf("create table %s: %w", t.Name, err)
	}
	return nil
}

func (t *table) addCounter(name string) {
	t.writer.AddObj(&nftables.CounterObj{Table: t.Table, Name: name})
}

// addRules adds the replacement of all rules to the transaction: no packet meets
// half of them. Chains that are no longer wanted stay, without rules: one that is
// deleted would go on counting by its old rules until the transaction is over.
func (t *table) addRules(want ruleset) {
	t.writer.FlushTable(t.Table)
	comments := want.comments()
	for _, c := range want {
		chain := &nftables.Chain{Table: t.Table, Name: c.name}
		if c.base != nil {
			chain.Type, chain.Hooknum, chain.Priority, chain.Device = nftables.ChainTypeFilter, c.base.hook, &c.base.priority, c.base.device.Name
		}
		t.writer.AddChain(chain)
		for _, exprs := range c.rules {
			comment := userdata.AppendString(nil, userdata.TypeComment, comments[0].comment)
			t.writer.AddRule(&nftables.Rule{Table: t.Table, Chain: chain, Exprs: exprs, UserData: comment})
			comments = comments[1:]
		}
	}
}

// dropChains adds the deletion of the chains that are no longer wanted to the
// transaction.
func (t *table) dropChains(have tableState, want ruleset) {
	for _, name := range have.chains {
		if !slices.ContainsFunc(want, func(c ruleChain) bool { return c.name == name }) {
			t.writer.DelChain(&nftables.Chain{Table: t.Table, Name: name})
		}
	}
}

// remove deletes the table.
func (t *table) remove() error {
	t.forget()
	t.writer.DelTable(t.Table)
	if err := t.writer.Flush(); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("delete table %s: %w", t.Name, explain(err))
	}
	return nil
}

// chunk is how many elements go into one message, whose attributes end at 64 KiB.
const chunk = 256

// seed makes places for the downloads of addresses that had none so far.
func (t *table) seed(addrs []netip.Addr) error {
	addrs = t.unseeded(addrs)
	for _, set := range t.seedSets() {
		var elements []nftables.SetElement
		for _, addr := range addrs {
			if addressType(addr.Is6()) == set.KeyType {
				elements = append(elements, nftables.SetElement{Key: addr.AsSlice()})
			}
		}
		for some := range slices.Chunk(elements, chunk) {
			if err := t.writer.SetAddElements(set, some); err != nil {
				return fmt.Errorf("add addresses to set %s: %w", set.Name, err)
			}
			if err := t.writer.Flush(); err != nil && !errors.Is(err, unix.ENFILE) {
				return fmt.Errorf("add addresses to set %s: %w", set.Name, err)
			}
		}
	}
	for _, addr := range addrs {
		t.seeded[addr] = struct{}{}
	}
	return nil
}

// seedSets are those that let an address receive.
func (t *table) seedSets() (sets []*nftables.Set) {
	if t.seen {
		return []*nftables.Set{t.seenSet(false), t.seenSet(true)}
	}
	for i := range t.sets {
		if s := &t.sets[i]; s.direction == sample.Download {
			sets = append(sets, &nftables.Set{Table: t.Table, Name: s.name, KeyType: s.keyType()})
		}
	}
	return sets
}

func (t *table) seenSet(ipv6 bool) *nftables.Set {
	return &nftables.Set{Table: t.Table, Name: seenSet(ipv6), KeyType: addressType(ipv6)}
}

// unseeded leaves out what was seeded before.
func (t *table) unseeded(addrs []netip.Addr) []netip.Addr {
	if len(t.seeded) > 2*int(t.size) {
		clear(t.seeded)
	}
	var fresh []netip.Addr
	for _, addr := range addrs {
		if _, done := t.seeded[addr]; !done {
			fresh = append(fresh, addr)
		}
	}
	return fresh
}

// drain deletes elements and returns those that are gone.
func (t *table) drain(elements []sample.Element) (gone []sample.Element, err error) {
	for i := range t.sets {
		s := &t.sets[i]
		var here []sample.Element
		for _, e := range elements {
			if e.Hook == t.hook && e.Class == s.class && e.Direction == s.direction && e.Bare == s.bare && e.Addr.Is6() == s.ipv6 {
				here = append(here, e)
			}
		}
		for some := range slices.Chunk(here, chunk) {
			if err := t.deleteElements(s, some); err != nil {
				return gone, fmt.Errorf("drain set %s: %w", s.name, explain(err))
			}
			gone = append(gone, some...)
		}
	}
	return gone, nil
}

// deleteElements deletes all of them or, on an error, none.
func (t *table) deleteElements(s *elementSet, elements []sample.Element) error {
	set := &nftables.Set{Table: t.Table, Name: s.name, KeyType: s.keyType()}
	var keys, addrs []nftables.SetElement
	for _, e := range elements {
		keys = append(keys, nftables.SetElement{Key: s.encodeKey(e)})
		if t.seen && s.direction == sample.Upload {
			addrs = append(addrs, nftables.SetElement{Key: e.Addr.AsSlice()})
		}
		delete(t.seeded, e.Addr)
	}
	slices.SortFunc(addrs, func(a, b nftables.SetElement) int { return bytes.Compare(a.Key, b.Key) })
	addrs = slices.CompactFunc(addrs, func(a, b nftables.SetElement) bool { return bytes.Equal(a.Key, b.Key) })
	err := t.writer.SetDeleteElements(set, keys)
	if len(addrs) > 0 { // added first, so that one that is gone is no error
		err = errors.Join(err, t.writer.SetAddElements(t.seenSet(s.ipv6), addrs), t.writer.SetDeleteElements(t.seenSet(s.ipv6), addrs))
	}
	if err != nil {
		return err
	}
	return t.writer.Flush()
}

// recognise tells whether a table was made by this program, in this boot and
// under this handle, and whether its sets have the wanted size and its flags the
// wanted protection as well.
func (t *table) recognise(s tableState) (ours, fits bool) {
	protected := s.flags&tablePersist != 0
	if strings.HasPrefix(s.epoch, t.epochPrefix(s.handle)) {
		return true, protected == t.writer.owning
	}
	var size int
	rest, ok := strings.CutPrefix(s.epoch, epochName+layoutVersion+"_")
	if _, err := fmt.Sscanf(rest, "%d_", &size); !ok || err != nil {
		return false, false
	}
	return strings.HasPrefix(s.epoch, epochPrefix(uint32(size), s.handle)), false
}

// epochPrefix is the part of an epoch that must fit the table that holds it:
// layout, size of the sets, boot and table handle. `nft list ruleset` saved and
// loaded again brings back names and old counters, but never the handle and the
// boot, and so cannot pass for the table that was counting.
func epochPrefix(size uint32, handle uint64) string {
	return fmt.Sprintf("%s%s_%d_%s_%d_", epochName, layoutVersion, size, bootID(), handle)
}

func (t *table) epochPrefix(handle uint64) string { return epochPrefix(t.size, handle) }

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
