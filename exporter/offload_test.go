package main

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"router-monitoring/tests/lab"
)

// offload is a flowtable of the router and the network it is in.
type offload struct {
	name string
	topology
	devices string
	partly  bool // much is not offloaded
}

var offloads = []offload{
	{"ports of the bridge", bridgeLAN, "port0, port1, wan0", false},
	{"some ports of the bridge", bridgeLAN, "port0, wan0", true},
	{"bridge", bridgeLAN, "br-lan, wan0", false},
	{"plain interface", plainLAN, "lan0, wan0", false},
	{"one of two LANs", guests, "br-lan, wan0", true},
	{"port forwards", portForwards, "br-lan, wan0", false},
	{"VLANs", vlans, "trunk.10, trunk.20, wan0", false},
	{"parent of VLANs", vlans, "trunk, wan0", false},
	{"ports of a bridge with VLANs", bridgeVLANs, "port0, port1, wan0", false},
	{"bridge with VLANs", bridgeVLANs, "br0, wan0", true},
}

// TestOffload counts while a flowtable takes established connections away from
// the forward hook, and moves there and back as the flowtable comes and goes.
func TestOffload(t *testing.T) {
	for _, o := range offloads {
		t.Run(o.name, func(t *testing.T) {
			n := o.build(t)
			n.needFlowtables(t)
			n.start(t)
			n.reload(t, n.config("auto"))
			n.waitForHook(t, "forward")
			for _, hook := range []string{"device", "forward", "device"} {
				t.Run(hook, func(t *testing.T) {
					offloaded := hook == "device"
					n.setFlowtable(t, offloaded, o.devices)
					n.waitForHook(t, hook)
					n.countInForwardHook(t)
					before := n.Truth()
					n.checkCounting(t)
					n.checkOffload(t, offloaded, o.partly, before)
					if bypass := n.scrape(t).value("network_exporter_flowtable_bypass"); bypass != 0 {
						t.Errorf("network_exporter_flowtable_bypass is %v where every packet is counted", bypass)
					}
				})
			}
			n.checkTotals(t)
		})
	}
}

// TestForwardHookUnderFlowtable is told of, for there the forward hook was asked for.
func TestForwardHookUnderFlowtable(t *testing.T) {
	n := bridgeLAN.build(t)
	n.needFlowtables(t)
	n.start(t)
	n.waitForHook(t, "forward")
	const bypass = "network_exporter_flowtable_bypass"
	if v := n.scrape(t).value(bypass); v != 0 {
		t.Errorf("%s is %v without a flowtable", bypass, v)
	}
	for _, present := range []bool{true, false} {
		n.setFlowtable(t, present, "br-lan, wan0")
		eventually(t, fmt.Sprintf("%s tells that a flowtable is there: %v", bypass, present), func() bool {
			return n.scrape(t).value(bypass) == map[bool]float64{true: 1, false: 0}[present]
		})
	}
}

// TestOffloadUnderLoad puts a flowtable in and out while every client sends and
// receives, and tells what was lost or counted twice.
func TestOffloadUnderLoad(t *testing.T) {
	n := busyTopology(t)
	n.needFlowtables(t)
	n.start(t)
	n.reload(t, n.config("auto"))
	n.waitForHook(t, "forward")
	for _, hook := range []string{"device", "forward", "device", "forward"} {
		n.underLoad(t, hook, 0, func() {
			n.setFlowtable(t, hook == "device", "br-lan, br-guest, wan0")
			n.waitForHook(t, hook)
		})
	}
}

// needFlowtables ends the test on a kernel that has none.
func (n *network) needFlowtables(t *testing.T) {
	t.Helper()
	if err := n.LoadRuleset("table inet probe { flowtable f { hook ingress priority filter; devices = { lo }; }; }\ndelete table inet probe"); err != nil {
		lacks(t, err)
	}
}

// setFlowtable hands established connections to a flowtable of these devices, or
// no more.
func (n *network) setFlowtable(t *testing.T, present bool, devices string) {
	t.Helper()
	rules := "table inet fast\ndelete table inet fast\n"
	if present {
		rules += fmt.Sprintf(`table inet fast {
			flowtable f { hook ingress priority filter; devices = { %s }; }
			chain forward {
				type filter hook forward priority filter - 5;
				ct state established flow add @f
			}
		}`, devices)
	}
	if err := n.LoadRuleset(rules); err != nil {
		t.Fatal(err)
	}
}

// countInForwardHook makes a counter of what the forward hook sees.
func (n *network) countInForwardHook(t *testing.T) {
	t.Helper()
	if err := n.LoadRuleset(`
		table inet witness
		delete table inet witness
		table inet witness {
			counter forwarded { }
			chain forward { type filter hook forward priority 5; counter name "forwarded"; }
		}`); err != nil {
		t.Fatal(err)
	}
}

// checkOffload checks that packets really went, or did not go, past the forward
// hook, and that connection tracking says so.
func (n *network) checkOffload(t *testing.T, want, partly bool, before map[string]lab.Truth) {
	t.Helper()
	var sent float64
	for _, h := range n.Clients {
		all, was := n.Truth()[h.Name].Sum(lab.Kind{Class: lab.Internet}), before[h.Name].Sum(lab.Kind{Class: lab.Internet})
		sent += float64(all.Up.Packets + all.Down.Packets - was.Up.Packets - was.Down.Packets)
	}
	seen := readCounter(t, "inet", "witness", "forwarded")
	share := float64(seen.packets) / sent
	t.Logf("the forward hook saw %d packets, %.0f%% of the %.0f to and from the Internet", seen.packets, 100*share, sent)
	if want && !partly && share > 0.25 || !want && share < 1 {
		t.Errorf("the forward hook saw %.0f%% of all packets, with a flowtable: %v", 100*share, want)
	}
	for _, family := range []string{"ipv4", "ipv6"} {
		out, err := exec.Command("conntrack", "-L", "-f", family).Output()
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(out), "[OFFLOAD]"); want != (n > 0) {
			t.Errorf("%s: %d connections are offloaded, with a flowtable: %v", family, n, want)
		}
	}
}
