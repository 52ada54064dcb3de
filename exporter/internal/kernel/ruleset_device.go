package kernel

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"

	"router-monitoring/exporter/internal/sample"
)

// deviceLayout is that of the table of family netdev. At the egress hook packets
// have their Ethernet header, which is counted too and taken off at reading; links
// that have none need sets and counters of their own.
var deviceLayout = makeDeviceLayout()

const (
	ethernetHeader = 14 // bytes of a MAC header; a VLAN's tag is not part of the packet yet
	framedSuffix   = "_with_header"
)

func makeDeviceLayout() layout {
	l := layout{seen: true}
	for _, s := range forwardLayout.sets {
		if s.direction == sample.Download {
			framed := s
			framed.name, framed.framed = s.name+framedSuffix, true
			l.sets = append(l.sets, framed)
			s.bare = true
		}
		l.sets = append(l.sets, s)
	}
	for _, c := range clientCounters() {
		l.counters = append(l.counters, c)
		if strings.HasSuffix(c.name, directionName(sample.Download)) {
			c.name, c.framed = c.name+framedSuffix, true
			l.counters = append(l.counters, c)
		}
	}
	return l
}

// seenSet holds the addresses that sent something. The netdev family knows no
// connections: who has sent something is who may be sent something.
func seenSet(ipv6 bool) string { return "seen" + familySuffix(ipv6) }

// hookedDevice is a device to count on.
type hookedDevice struct {
	sample.Device
	macs []sample.MAC // of the LAN interfaces above it: what the router sends and receives there
}

// hookedDevices chooses where to count: on the LAN interfaces themselves or, where
// a flowtable takes packets from a device underneath, there. No packet of a LAN
// passes two of them: bridges get either all of their ports or none.
func hookedDevices(lan []sample.Link, inFlowtable func(string) bool) []hookedDevice {
	var hooked []hookedDevice
	add := func(d sample.Device, mac sample.MAC) {
		i := slices.IndexFunc(hooked, func(h hookedDevice) bool { return h.Index == d.Index })
		if i < 0 {
			hooked, i = append(hooked, hookedDevice{Device: d}), len(hooked)
		}
		if !slices.Contains(hooked[i].macs, mac) {
			hooked[i].macs = append(hooked[i].macs, mac)
		}
	}
	covered := func(d sample.Device) bool { return inFlowtable(d.Name) }
	chosen := map[int]bool{} // LAN interfaces that are hooked themselves
	for _, l := range lan {
		chosen[l.Index] = !slices.ContainsFunc(l.Below, func(way []sample.Device) bool { return slices.ContainsFunc(way, covered) })
	}
	// A VLAN's packets pass the LAN interface it stands on as well.
	for _, l := range lan {
		for _, way := range l.Below {
			if slices.ContainsFunc(way, func(d sample.Device) bool { return chosen[d.Index] }) {
				chosen[l.Index] = false
			}
		}
	}
	for _, l := range lan {
		if chosen[l.Index] {
			add(sample.Device{Name: l.Name, Index: l.Index, Ethernet: l.Ethernet}, l.MAC)
			continue
		}
		for _, way := range l.Below {
			i := slices.IndexFunc(way, func(d sample.Device) bool { return chosen[d.Index] })
			if i < 0 {
				i = slices.IndexFunc(way, covered)
			}
			if i < 0 {
				i = len(way) - 1
			}
			add(way[i], l.MAC)
		}
	}
	slices.SortFunc(hooked, func(a, b hookedDevice) int { return cmp.Compare(a.Index, b.Index) })
	return hooked
}

// deviceRuleset counts where the LAN's packets come in and go out. The other end
// is told by its address: that of a LAN or of a network behind another interface
// makes traffic local, the router's own is no client's, all else is the Internet.
// Uploads are seen before the firewall, so what it drops counts. Only what is
// addressed to the router's MAC, or comes from it, is routed: what a bridge
// passes on between its ports is not counted, nor what leaves by the interface it
// came from.
//
// Uploads must come before every flowtable, whose priority is given.
func deviceRuleset(n sample.Network, devices []hookedDevice, flowtable nftables.ChainPriority) ruleset {
	if len(n.WAN) == 0 {
		return nil
	}
	var rs ruleset
	for _, kind := range linkKinds(n.LAN) {
		for _, d := range []sample.Direction{sample.Upload, sample.Download} {
			w := deviceWriter{n, d, kind}
			for _, ipv6 := range []bool{false, true} {
				rs = append(rs, w.local(ipv6), w.internet(ipv6), w.sort(ipv6))
			}
			rs = append(rs, w.entry())
		}
	}
	for _, dev := range devices {
		for _, d := range []sample.Direction{sample.Upload, sample.Download} {
			base := &ruleBase{hook: nftables.ChainHookIngress, priority: min(0, flowtable) - 1, device: dev.Device}
			mac := uint32(etherDestination)
			if d == sample.Download {
				base.hook, base.priority, mac = nftables.ChainHookEgress, *nftables.ChainPriorityFilter+10, etherSource
			}
			w := deviceWriter{n, d, dev.Ethernet}
			c := ruleChain{name: w.baseName(base), base: base}
			if !dev.Ethernet {
				c.rules = append(c.rules, rule(goTo(w.entryName())))
			} else {
				for _, m := range dev.macs {
					c.rules = append(c.rules, rule(ether(mac, m), goTo(w.entryName())))
				}
			}
			rs = append(rs, c)
		}
	}
	return rs
}

// deviceWriter writes the chains of one direction for links with or without an
// Ethernet header.
type deviceWriter struct {
	n         sample.Network
	direction sample.Direction
	ethernet  bool
}

// baseName tells chains apart by all that they hang on: a base chain cannot be
// changed, and one whose device was gone for a while may hang on nothing.
func (w deviceWriter) baseName(b *ruleBase) string {
	h := fnv.New32a()
	fmt.Fprintf(h, "%d %v", b.priority, b.device)
	name := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_' // not in the name of a chain
	}, b.device.Name)
	return fmt.Sprintf("%s_%s_%08x", [sample.Directions]string{"ingress", "egress"}[w.direction], name, h.Sum32())
}

func (w deviceWriter) entryName() string {
	return [sample.Directions]string{"from_lan", "to_lan"}[w.direction] + bareSuffix(w.ethernet)
}

func (w deviceWriter) chain(kind string, ipv6 bool) string {
	return kind + "_" + directionName(w.direction) + familySuffix(ipv6) + bareSuffix(w.ethernet)
}

// framed is the suffix of sets and counters.
func (w deviceWriter) framed() string {
	if w.direction == sample.Download && w.ethernet {
		return framedSuffix
	}
	return ""
}

func (w deviceWriter) set(c sample.Class, ipv6 bool) string {
	return setName(c, w.direction, ipv6) + w.framed()
}

func (w deviceWriter) counter(name string) string { return directed(name, w.direction) + w.framed() }

// other is the direction in which the other end is what a client is in this one.
func (w deviceWriter) other() sample.Direction { return sample.Upload + sample.Download - w.direction }

// entry leads to the chain of the packet's family; what is neither IPv4 nor IPv6
// passes.
func (w deviceWriter) entry() ruleChain {
	return ruleChain{name: w.entryName(), rules: [][]expr.Any{
		rule(protocol(false), goTo(w.chain("sort", false))),
		rule(protocol(true), goTo(w.chain("sort", true))),
	}}
}

// sort tells a packet of a client from others, and its class.
func (w deviceWriter) sort(ipv6 bool) ruleChain {
	c := ruleChain{name: w.chain("sort", ipv6)}
	for _, p := range ofFamily(w.n.Subnets, ipv6) {
		c.rules = append(c.rules, rule(inNetdev(p, w.direction), goTo(w.chain("internet", ipv6))))
	}
	// The client's end is outside the LAN's prefixes.
	c.rules = append(c.rules, w.passNotForwarded(ipv6, w.direction, true)...)
	c.rules = append(c.rules, w.passNotForwarded(ipv6, w.other(), true)...)
	for _, p := range ofFamily(w.n.Subnets, ipv6) {
		c.rules = append(c.rules, rule(inNetdev(p, w.other()), accept()))
	}
	c.rules = append(c.rules, rule(count(w.counter(counterForwarded)), count(w.counter(counterOutside))))
	return c
}

// passNotForwarded lets pass what is the router's own or never leaves its link
// and, if asked for, what is elsewhere or comes from nowhere.
func (w deviceWriter) passNotForwarded(ipv6 bool, end sample.Direction, elsewhere bool) (rules [][]expr.Any) {
	pass := func(p netip.Prefix) { rules = append(rules, rule(inNetdev(p, end), accept())) }
	for _, a := range w.n.Own {
		covered := slices.ContainsFunc(w.n.Subnets, func(p netip.Prefix) bool { return p.Contains(a) })
		if a.Is6() == ipv6 && !covered {
			pass(netip.PrefixFrom(a, a.BitLen()))
		}
	}
	pass(linkLocal[ipv6])
	if elsewhere {
		pass(unspecified[ipv6])
		for _, p := range ofFamily(w.n.Elsewhere, ipv6) {
			pass(p)
		}
	}
	return rules
}

var linkLocal = map[bool]netip.Prefix{
	false: netip.MustParsePrefix("169.254.0.0/16"), // RFC 3927
	true:  netip.MustParsePrefix("fe80::/10"),      // RFC 4291
}

// unspecified addresses are those of packets from a machine that has none yet, and
// of a bridge's own IGMP and MLD reports.
var unspecified = map[bool]netip.Prefix{
	false: netip.MustParsePrefix("0.0.0.0/8"), // RFC 1122
	true:  netip.PrefixFrom(netip.IPv6Unspecified(), 128),
}

// internet counts what goes to or comes from the Internet, once it is known not
// to be local. An address that has an element is counted by the lookup alone.
func (w deviceWriter) internet(ipv6 bool) ruleChain {
	c := ruleChain{name: w.chain("internet", ipv6)}
	for _, p := range slices.Concat(ofFamily(w.n.Subnets, ipv6), ofFamily(w.n.Elsewhere, ipv6)) {
		c.rules = append(c.rules, rule(inNetdev(p, w.other()), goTo(w.chain("local", ipv6))))
	}
	c.rules = append(c.rules, w.passNotForwarded(ipv6, w.other(), false)...)
	c.rules = append(c.rules, rule(count(w.counter(counterForwarded))))
	c.rules = append(c.rules, w.countIn(sample.Internet, ipv6)...)
	if w.direction == sample.Upload {
		c.rules = append(c.rules, rule(count(w.counter(counterOverflow))))
		return c
	}
	c.rules = append(c.rules,
		rule(w.address(ipv6), isIn(seenSet(ipv6)), count(w.counter(counterOverflow)), accept()),
		rule(count(w.counter(counterUnsolicited))))
	return c
}

// local counts what goes to or comes from another local network.
func (w deviceWriter) local(ipv6 bool) ruleChain {
	c := ruleChain{name: w.chain("local", ipv6)}
	for _, a := range w.n.Own {
		if a.Is6() == ipv6 {
			c.rules = append(c.rules, rule(inNetdev(netip.PrefixFrom(a, a.BitLen()), w.other()), accept()))
		}
	}
	for _, l := range w.n.LAN {
		reached := ofFamily(l.Reached, ipv6)
		for _, p := range reached {
			for _, q := range reached {
				c.rules = append(c.rules, rule(inNetdev(p, sample.Upload), inNetdev(q, sample.Download), accept()))
			}
		}
	}
	c.rules = append(c.rules, w.countIn(sample.Local, ipv6)...)
	return c
}

// countIn counts a packet at the element of its client. What passes these rules
// found no place.
func (w deviceWriter) countIn(class sample.Class, ipv6 bool) [][]expr.Any {
	set := w.set(class, ipv6)
	if w.direction == sample.Download {
		return [][]expr.Any{
			rule(w.address(ipv6), isIn(set), accept()),
			rule(w.address(ipv6), isIn(seenSet(ipv6)), update(set), accept()),
		}
	}
	key := rule(protocol(ipv6), uploadKey(anyAddress[ipv6], w.ethernet))
	return [][]expr.Any{
		rule(key, isIn(set), accept()),
		rule(w.address(ipv6), addTo(seenSet(ipv6))),
		rule(key, update(set), accept()),
	}
}

// address loads the key of a set of addresses.
func (w deviceWriter) address(ipv6 bool) []expr.Any {
	return rule(protocol(ipv6), address(anyAddress[ipv6], w.direction))
}

// inNetdev matches a packet's family and the address of one end against a prefix.
// The family is known in each chain; without it nft could not read a listing of
// these rules back.
func inNetdev(p netip.Prefix, d sample.Direction) []expr.Any {
	return rule(protocol(p.Addr().Is6()), inPrefix(p, d))
}

// anyAddress stands for a family.
var anyAddress = map[bool]netip.Prefix{
	false: netip.PrefixFrom(netip.IPv4Unspecified(), 0),
	true:  netip.PrefixFrom(netip.IPv6Unspecified(), 0),
}

func ofFamily(ps []netip.Prefix, ipv6 bool) (some []netip.Prefix) {
	for _, p := range ps {
		if p.Addr().Is6() == ipv6 {
			some = append(some, p)
		}
	}
	return some
}
