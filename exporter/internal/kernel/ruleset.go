package kernel

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"

	"router-monitoring/exporter/internal/sample"
)

// elementSet is one dynamic set: the kernel adds an element with a counter of
// its own for the first packet of an address and counts every later one there.
type elementSet struct {
	name      string
	class     sample.Class
	direction sample.Direction
	ipv6      bool
}

// elementSets are all sets of the table. Upload keys are MAC and source
// address, download keys the destination address alone.
var elementSets = []elementSet{
	{"upload_ipv4", sample.Internet, sample.Upload, false},
	{"upload_ipv6", sample.Internet, sample.Upload, true},
	{"download_ipv4", sample.Internet, sample.Download, false},
	{"download_ipv6", sample.Internet, sample.Download, true},
	{"local_upload_ipv4", sample.Local, sample.Upload, false},
	{"local_upload_ipv6", sample.Local, sample.Upload, true},
	{"local_download_ipv4", sample.Local, sample.Download, false},
	{"local_download_ipv6", sample.Local, sample.Download, true},
}

func setName(c sample.Class, d sample.Direction, ipv6 bool) string {
	for _, s := range elementSets {
		if s.class == c && s.direction == d && s.ipv6 == ipv6 {
			return s.name
		}
	}
	panic("kernel: no such element set")
}

// keyType describes a set's key. A concatenation pads each part to 4 bytes, so
// an upload key is MAC(6) pad(2) address(4 or 16).
func (s elementSet) keyType() nftables.SetDatatype {
	addr := nftables.TypeIPAddr
	if s.ipv6 {
		addr = nftables.TypeIP6Addr
	}
	if s.direction == sample.Download {
		return addr
	}
	return nftables.MustConcatSetType(nftables.TypeEtherAddr, addr)
}

// Named counters of the table, one for each direction.
var (
	counterForwarded   = [sample.Directions]string{"forwarded_upload", "forwarded_download"}
	counterRouter      = [sample.Directions]string{"router_upload", "router_download"}
	counterOverflow    = [sample.Directions]string{"overflow_upload", "overflow_download"}
	counterOutside     = [sample.Directions]string{"outside_upload", "outside_download"}
	counterUnsolicited = [sample.Directions]string{"unsolicited_upload", "unsolicited_download"}
	namedCounters      = [][sample.Directions]string{counterForwarded, counterRouter, counterOverflow, counterOutside, counterUnsolicited}
)

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
}

// fingerprint identifies the ruleset; it is kept in every rule's comment, so a
// running kernel can be asked what it runs.
func (rs ruleset) fingerprint() string {
	h := sha256.New()
	for _, c := range rs {
		fmt.Fprintf(h, "chain %s", c.name)
		if c.base != nil {
			fmt.Fprintf(h, " hook %d priority %d", *c.base.hook, c.base.priority)
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

// forwardRuleset counts in the forward hook, right after the filter chains, so
// that what they drop does not count. Classes go by interface: LAN↔WAN is
// Internet; LAN↔anything else is local, counted for both ends where both are
// LANs. A packet that leaves by the interface it came from (br_netfilter shows
// bridged frames here) is neither. Without a known WAN nothing can be told
// apart and only empty chains stand.
func forwardRuleset(n sample.Network) ruleset {
	var rs ruleset
	base := ruleChain{name: "forward", base: &ruleBase{nftables.ChainHookForward, *nftables.ChainPriorityFilter + 10}}
	if len(n.WAN) > 0 {
		for _, class := range []sample.Class{sample.Internet, sample.Local} {
			rs = append(rs, downloadChain(class, n.Subnets))
			for _, ethernet := range linkKinds(n.LAN) {
				rs = append(rs, uploadChain(class, ethernet, n.Subnets))
			}
		}
		for _, ethernet := range linkKinds(n.LAN) {
			rs = append(rs, fromLAN(ethernet, n))
		}
		rs = append(rs, toLAN(n))
		for _, l := range n.LAN {
			base.rules = append(base.rules, rule(iif(l.Name), jump(chainFromLAN(l.Ethernet))))
		}
		for _, l := range n.LAN {
			base.rules = append(base.rules, rule(oif(l.Name), jump("to_lan")))
		}
	}
	return append(rs, base, routerChain(sample.Download, n.WAN), routerChain(sample.Upload, n.WAN))
}

// fromLAN sorts what a client sends: to the Internet, or to another local
// network. Upload chains for Internet end with a verdict; local ones return,
// for the packet may be another client's download.
func fromLAN(ethernet bool, n sample.Network) ruleChain {
	c := ruleChain{name: chainFromLAN(ethernet)}
	for _, w := range n.WAN {
		c.rules = append(c.rules, rule(oif(w), count(counterForwarded[sample.Upload]), goTo(chainUpload(sample.Internet, ethernet))))
	}
	for _, l := range n.LAN {
		if l.Ethernet == ethernet {
			c.rules = append(c.rules, rule(iif(l.Name), oif(l.Name), accept()))
		}
	}
	c.rules = append(c.rules, rule(goTo(chainUpload(sample.Local, ethernet))))
	return c
}

// toLAN sorts what a client receives.
func toLAN(n sample.Network) ruleChain {
	c := ruleChain{name: "to_lan"}
	for _, w := range n.WAN {
		c.rules = append(c.rules, rule(iif(w), count(counterForwarded[sample.Download]), goTo(chainDownload(sample.Internet))))
	}
	c.rules = append(c.rules, rule(goTo(chainDownload(sample.Local))))
	return c
}

// uploadChain counts by MAC and source address. Where frames carry no MAC
// (WireGuard, PPP) the MAC part of the key is zero. What passes the counting
// rules found no place: a full set makes an update fail without a word, and
// the packet goes on to the next rule.
func uploadChain(class sample.Class, ethernet bool, subnets []netip.Prefix) ruleChain {
	c := ruleChain{name: chainUpload(class, ethernet)}
	done := expr.VerdictAccept
	if class == sample.Local {
		done = expr.VerdictReturn
	}
	for _, p := range subnets {
		r := rule(within(p, sample.Upload), uploadKey(p, ethernet), update(setName(class, sample.Upload, p.Addr().Is6())), verdict(done))
		c.rules = append(c.rules, r)
	}
	if class == sample.Local {
		return c
	}
	for _, p := range subnets {
		c.rules = append(c.rules, rule(within(p, sample.Upload), count(counterOverflow[sample.Upload]), accept()))
	}
	c.rules = append(c.rules, rule(count(counterOutside[sample.Upload])))
	return c
}

// downloadChain counts by destination address. An address that has an element
// is counted by the lookup alone: nft_lookup runs the counter of the element it
// finds (since Linux 5.7). A new element needs a packet of a connection that the
// client has answered, so that a scan of an IPv6 prefix from outside fills
// nothing; see also Seed.
func downloadChain(class sample.Class, subnets []netip.Prefix) ruleChain {
	c := ruleChain{name: chainDownload(class)}
	set := func(p netip.Prefix) string { return setName(class, sample.Download, p.Addr().Is6()) }
	for _, p := range subnets {
		c.rules = append(c.rules, rule(within(p, sample.Download), address(p, sample.Download), isIn(set(p)), accept()))
	}
	for _, p := range subnets {
		c.rules = append(c.rules, rule(within(p, sample.Download), answered(), address(p, sample.Download), update(set(p)), accept()))
	}
	if class == sample.Local {
		return c
	}
	for _, p := range subnets {
		c.rules = append(c.rules,
			rule(within(p, sample.Download), answered(), count(counterOverflow[sample.Download]), accept()),
			rule(within(p, sample.Download), count(counterUnsolicited[sample.Download]), accept()))
	}
	c.rules = append(c.rules, rule(count(counterOutside[sample.Download])))
	return c
}

// routerChain counts the router's own Internet traffic: before the filter on
// the way in (dropped scans used the line too), after it on the way out.
func routerChain(d sample.Direction, wan []string) ruleChain {
	c := ruleChain{name: "router_upload", base: &ruleBase{nftables.ChainHookOutput, *nftables.ChainPriorityFilter + 10}}
	match := oif
	if d == sample.Download {
		c = ruleChain{name: "router_download", base: &ruleBase{nftables.ChainHookInput, *nftables.ChainPriorityFilter - 10}}
		match = iif
	}
	for _, w := range wan {
		c.rules = append(c.rules, rule(match(w), count(counterRouter[d])))
	}
	return c
}

func chainDownload(c sample.Class) string { return className(c) + "_download" }

func chainUpload(c sample.Class, ethernet bool) string {
	return className(c) + "_upload" + bareSuffix(ethernet)
}

func chainFromLAN(ethernet bool) string { return "from_lan" + bareSuffix(ethernet) }

func className(c sample.Class) string {
	return [sample.Classes]string{"internet", "local"}[c]
}

func bareSuffix(ethernet bool) string {
	if ethernet {
		return ""
	}
	return "_without_mac"
}

// linkKinds tells whether there are LAN links with a MAC (true), without one
// (false), or both.
func linkKinds(lan []sample.Link) []bool {
	var seen [2]bool
	for _, l := range lan {
		if l.Ethernet {
			seen[0] = true
		} else {
			seen[1] = true
		}
	}
	var kinds []bool
	for i, ethernet := range []bool{true, false} {
		if seen[i] {
			kinds = append(kinds, ethernet)
		}
	}
	return kinds
}
