package kernel

import (
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"

	"router-monitoring/exporter/internal/sample"
)

// forwardLayout is that of the table of family inet.
var forwardLayout = layout{
	sets: []elementSet{
		{name: "upload_ipv4", class: sample.Internet, direction: sample.Upload},
		{name: "upload_ipv6", class: sample.Internet, direction: sample.Upload, ipv6: true},
		{name: "download_ipv4", class: sample.Internet, direction: sample.Download},
		{name: "download_ipv6", class: sample.Internet, direction: sample.Download, ipv6: true},
		{name: "local_upload_ipv4", class: sample.Local, direction: sample.Upload},
		{name: "local_upload_ipv6", class: sample.Local, direction: sample.Upload, ipv6: true},
		{name: "local_download_ipv4", class: sample.Local, direction: sample.Download},
		{name: "local_download_ipv6", class: sample.Local, direction: sample.Download, ipv6: true},
	},
	counters: append(clientCounters(), counterPair(counterRouter, func(a *sample.Accounting) *sample.ByDirection { return &a.Router })...),
}

// forwardRuleset counts in the forward hook, right after the filter chains, so
// that what they drop does not count. Classes go by interface: LAN↔WAN is
// Internet; LAN↔anything else is local, counted for both ends where both are
// LANs. A packet that leaves by the interface it came from (br_netfilter shows
// bridged frames here) is neither. Without a known WAN nothing can be told
// apart and only empty chains stand; so it is where the device hook counts the
// clients, and only the router's own traffic is left to count here.
func forwardRuleset(n sample.Network, clients bool) ruleset {
	var rs ruleset
	base := ruleChain{name: "forward", base: &ruleBase{hook: nftables.ChainHookForward, priority: *nftables.ChainPriorityFilter + 10}}
	if clients && len(n.WAN) > 0 {
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
		c.rules = append(c.rules, rule(oif(w), count(directed(counterForwarded, sample.Upload)), goTo(chainUpload(sample.Internet, ethernet))))
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
		c.rules = append(c.rules, rule(iif(w), count(directed(counterForwarded, sample.Download)), goTo(chainDownload(sample.Internet))))
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
		c.rules = append(c.rules, rule(within(p, sample.Upload), count(directed(counterOverflow, sample.Upload)), accept()))
	}
	c.rules = append(c.rules, rule(count(directed(counterOutside, sample.Upload))))
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
			rule(within(p, sample.Download), answered(), count(directed(counterOverflow, sample.Download)), accept()),
			rule(within(p, sample.Download), count(directed(counterUnsolicited, sample.Download)), accept()))
	}
	c.rules = append(c.rules, rule(count(directed(counterOutside, sample.Download))))
	return c
}

// routerChain counts the router's own Internet traffic: before the filter on
// the way in (dropped scans used the line too), after it on the way out.
func routerChain(d sample.Direction, wan []string) ruleChain {
	c := ruleChain{name: "router_upload", base: &ruleBase{hook: nftables.ChainHookOutput, priority: *nftables.ChainPriorityFilter + 10}}
	match := oif
	if d == sample.Download {
		c = ruleChain{name: "router_download", base: &ruleBase{hook: nftables.ChainHookInput, priority: *nftables.ChainPriorityFilter - 10}}
		match = iif
	}
	for _, w := range wan {
		c.rules = append(c.rules, rule(match(w), count(directed(counterRouter, d))))
	}
	return c
}

func chainDownload(c sample.Class) string { return className(c) + "_download" }

func chainUpload(c sample.Class, ethernet bool) string {
	return className(c) + "_upload" + bareSuffix(ethernet)
}

func chainFromLAN(ethernet bool) string { return "from_lan" + bareSuffix(ethernet) }

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
