package kernel

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"

	"router-monitoring/exporter/internal/sample"
)

// elementSet is one dynamic set: the kernel adds an element with a counter of
// its own for the first packet of an address and counts every later one there.
// Upload keys are MAC and source address, download keys the destination address
// alone.
type elementSet struct {
	name      string
	class     sample.Class
	direction sample.Direction
	ipv6      bool
	framed    bool // each packet was counted with its Ethernet header
	bare      bool // see sample.Element
}

// keyType describes a set's key. A concatenation pads each part to 4 bytes, so
// an upload key is MAC(6) pad(2) address(4 or 16).
func (s *elementSet) keyType() nftables.SetDatatype {
	if s.direction == sample.Download {
		return addressType(s.ipv6)
	}
	return nftables.MustConcatSetType(nftables.TypeEtherAddr, addressType(s.ipv6))
}

func addressType(ipv6 bool) nftables.SetDatatype {
	if ipv6 {
		return nftables.TypeIP6Addr
	}
	return nftables.TypeIPAddr
}

// layout is what a table holds beside its rules: sets and named counters, one of
// each for every direction.
type layout struct {
	sets     []elementSet
	seen     bool // it has sets of addresses that sent something, see seenSet
	counters []namedCounter
}

// namedCounter is a counter of the table and where in a reading it belongs.
type namedCounter struct {
	name   string
	of     func(*sample.Accounting) *sample.Traffic
	framed bool // each packet was counted with its Ethernet header
}

// Named counters come in pairs, with the direction behind the name.
const (
	counterForwarded   = "forwarded"
	counterRouter      = "router"
	counterOverflow    = "overflow"
	counterOutside     = "outside"
	counterUnsolicited = "unsolicited"
)

func directed(name string, d sample.Direction) string { return name + "_" + directionName(d) }

func counterPair(name string, of func(*sample.Accounting) *sample.ByDirection) (pair []namedCounter) {
	for d := range sample.Directions {
		pair = append(pair, namedCounter{directed(name, d), func(a *sample.Accounting) *sample.Traffic { return &of(a)[d] }, false})
	}
	return pair
}

// clientCounters are those beside the clients' elements.
func clientCounters() []namedCounter {
	return slices.Concat(
		counterPair(counterForwarded, func(a *sample.Accounting) *sample.ByDirection { return &a.Forwarded }),
		counterPair(counterOverflow, func(a *sample.Accounting) *sample.ByDirection { return &a.Overflow }),
		counterPair(counterOutside, func(a *sample.Accounting) *sample.ByDirection { return &a.Outside }),
		counterPair(counterUnsolicited, func(a *sample.Accounting) *sample.ByDirection { return &a.Unsolicited }))
}

func setName(c sample.Class, d sample.Direction, ipv6 bool) string {
	name := directionName(d) + familySuffix(ipv6)
	if c == sample.Local {
		name = "local_" + name
	}
	return name
}

func directionName(d sample.Direction) string {
	return [sample.Directions]string{"upload", "download"}[d]
}

func className(c sample.Class) string { return [sample.Classes]string{"internet", "local"}[c] }

func familySuffix(ipv6 bool) string {
	if ipv6 {
		return "_ipv6"
	}
	return "_ipv4"
}

func bareSuffix(ethernet bool) string {
	if ethernet {
		return ""
	}
	return "_without_mac"
}

// ruleset is what the table should hold: chains in an order in which each is
// made before it is jumped to.
type ruleset []ruleChain

type ruleChain struct {
	name  string
	base  *ruleBase // nil for a chain that is only jumped to
	rules [][]expr.Any
}

type ruleBase struct {
	hook     *nftables.ChainHook
	priority nftables.ChainPriority
	device   sample.Device // of the netdev family's hooks
}

// fingerprint identifies the ruleset; it is kept in every rule's comment, so a
// running kernel can be asked what it runs.
func (rs ruleset) fingerprint() string {
	h := sha256.New()
	for _, c := range rs {
		fmt.Fprintf(h, "chain %s", c.name)
		if c.base != nil {
			fmt.Fprintf(h, " hook %d priority %d device %v", *c.base.hook, c.base.priority, c.base.device)
		}
		for _, r := range c.rules {
			fmt.Fprintln(h)
			for _, e := range r {
				fmt.Fprintf(h, "%T%+v ", e, e)
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}

// comments lists chain and comment of each rule in the order of the rules.
func (rs ruleset) comments() []ruleComment {
	mark := rs.fingerprint()
	var out []ruleComment
	for _, c := range rs {
		for i := range c.rules {
			out = append(out, ruleComment{c.name, fmt.Sprintf("%s %d", mark, i)})
		}
	}
	return out
}

// ruleComment places one rule: its chain, and "fingerprint index".
type ruleComment struct{ chain, comment string }

// byChain sorts rules by chain and keeps the order inside each: the kernel dumps
// chains in the order in which they came to be.
func byChain(rules []ruleComment) []ruleComment {
	sorted := slices.Clone(rules)
	slices.SortStableFunc(sorted, func(a, b ruleComment) int { return strings.Compare(a.chain, b.chain) })
	return sorted
}
