package kernel

import (
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"router-monitoring/exporter/internal/sample"
)

// loadRules feeds rules to nft in the test's namespace.
func loadRules(t testing.TB, rules string) {
	t.Helper()
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nft: %v %s", err, out)
	}
}

func openPortMappings(t testing.TB) *PortMappings {
	t.Helper()
	p, err := OpenPortMappings()
	must(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func lines(mappings []sample.PortMapping) (all []string) {
	for _, m := range mappings {
		line := m.Protocol + " " + m.External.String() + " -> " + netip.AddrPortFrom(m.Addr, 0).Addr().String() + " " + m.Internal.String()
		if m.Inside != "" {
			line += " from " + m.Inside
		}
		if m.Description != "" {
			line += " # " + m.Description
		}
		all = append(all, line)
	}
	return all
}

// TestPortMappings has nft load rules as people and programs write them. Names of
// protocols are numbers, since nft knows names only where /etc/protocols is.
func TestPortMappings(t *testing.T) {
	inChain := func(rules string) string {
		return "table inet t { chain p { type nat hook prerouting priority dstnat; " + rules + "\n}\n}"
	}
	for _, tt := range []struct {
		name, rules string
		want        []string
	}{
		{"port to another", inChain(`tcp dport 8080 dnat ip to 192.168.1.20:80 comment "web server"`),
			[]string{"tcp 8080 -> 192.168.1.20 80 # web server"}},
		{"port to the same", inChain(`udp dport 51820 dnat ip to 192.168.1.20`),
			[]string{"udp 51820 -> 192.168.1.20 51820"}},
		{"IPv6", `table ip6 t { chain p { type nat hook prerouting priority dstnat; tcp dport 443 dnat to [fd00:1::5]:8443
}
}`,
			[]string{"tcp 443 -> fd00:1::5 8443"}},
		{"range", inChain(`tcp dport 5000-5010 dnat ip to 192.168.1.20`),
			[]string{"tcp 5000-5010 -> 192.168.1.20 5000-5010"}},
		{"range to range", inChain(`tcp dport 5000-5010 dnat ip to 192.168.1.20:6000-6010`),
			[]string{"tcp 5000-5010 -> 192.168.1.20 6000-6010"}},
		{"list", inChain(`tcp dport { 443, 80 } dnat ip to 192.168.1.20`),
			[]string{"tcp 80 -> 192.168.1.20 80", "tcp 443 -> 192.168.1.20 443"}},
		{"list with ranges", inChain(`udp dport { 80, 3074-3079, 60000-65535 } dnat ip to 192.168.1.20`),
			[]string{"udp 80 -> 192.168.1.20 80", "udp 3074-3079 -> 192.168.1.20 3074-3079", "udp 60000-65535 -> 192.168.1.20 60000-65535"}},
		{"named set", "table inet t { set web { type inet_service; elements = { 80, 443 } }\nchain p { type nat hook prerouting priority dstnat; tcp dport @web dnat ip to 192.168.1.20\n}\n}",
			[]string{"tcp 80 -> 192.168.1.20 80", "tcp 443 -> 192.168.1.20 443"}},
		{"both protocols", inChain(`meta l4proto { 6, 17 } th dport 53 dnat ip to 192.168.1.5:5353`),
			[]string{"tcp 53 -> 192.168.1.5 5353", "udp 53 -> 192.168.1.5 5353"}},
		{"both protocols in one key", inChain(`meta l4proto . th dport { 6 . 53, 17 . 123 } dnat ip to 192.168.1.5`),
			[]string{"tcp 53 -> 192.168.1.5 53", "udp 123 -> 192.168.1.5 123"}},
		{"another protocol", inChain(`meta l4proto 47 dnat ip to 192.168.1.5`),
			[]string{"47 any -> 192.168.1.5 any"}},
		{"protocol of the IP header", `table ip t { chain p { type nat hook prerouting priority dstnat; ip protocol 17 dnat to 192.168.1.5
}
}`,
			[]string{"udp any -> 192.168.1.5 any"}},
		{"everything", inChain(`iifname "wan0" dnat ip to 192.168.1.5`),
			[]string{"any any -> 192.168.1.5 any from wan0"}},
		{"everything but", inChain(`tcp dport != 22 dnat ip to 192.168.1.5`),
			[]string{"tcp 0-21 -> 192.168.1.5 0-21", "tcp 23-65535 -> 192.168.1.5 23-65535"}},
		{"everything but a list", inChain(`tcp dport != { 22, 80-89 } dnat ip to 192.168.1.5:1`),
			[]string{"tcp 0-21 -> 192.168.1.5 1", "tcp 23-79 -> 192.168.1.5 1", "tcp 90-65535 -> 192.168.1.5 1"}},
		{"above and below", inChain("tcp dport > 65000 dnat ip to 192.168.1.5\ntcp dport < 3 dnat ip to 192.168.1.5"),
			[]string{"tcp 65001-65535 -> 192.168.1.5 65001-65535", "tcp 0-2 -> 192.168.1.5 0-2"}},
		{"other conditions", inChain(`iifname "wan0" ip saddr 198.51.100.0/24 ip daddr 203.0.113.2 tcp sport 1024-65535 tcp dport 8080 ct state new limit rate 5/second counter log prefix "x" meta mark set 1 dnat ip to 192.168.1.20:80`),
			[]string{"tcp 8080 -> 192.168.1.20 80 from wan0"}},
		{"other conditions with lists", inChain(`iifname != { "br-lan", "br-guest" } ip saddr { 198.51.100.1, 198.51.100.2 } ct state { new, untracked } tcp dport 8080 dnat ip to 192.168.1.20:80`),
			[]string{"tcp 8080 -> 192.168.1.20 80"}},
		{"both ports in one comparison", inChain(`tcp sport 5 tcp dport 99 dnat ip to 192.168.1.7`),
			[]string{"tcp 99 -> 192.168.1.7 99"}},
		{"addresses and port in one key", inChain(`ip daddr . tcp dport { 203.0.113.2 . 80 } dnat ip to 192.168.1.7`),
			[]string{"tcp 80 -> 192.168.1.7 80"}},
		{"ranges in one key", inChain(`ip saddr . tcp dport { 198.51.100.0/24 . 80-90 } dnat ip to 192.168.1.7`),
			[]string{"tcp 80-90 -> 192.168.1.7 80-90"}},
		{"map to addresses", inChain(`dnat ip to tcp dport map { 80 : 192.168.1.5, 81 : 192.168.1.6 }`),
			[]string{"tcp 80 -> 192.168.1.5 80", "tcp 81 -> 192.168.1.6 81"}},
		{"map to addresses and ports", inChain(`dnat ip to tcp dport map { 80 : 192.168.1.5 . 8080, 81 : 192.168.1.6 . 8081 }`),
			[]string{"tcp 80 -> 192.168.1.5 8080", "tcp 81 -> 192.168.1.6 8081"}},
		{"named map", "table ip t { map m { type inet_service : ipv4_addr; flags interval; elements = { 80-89 : 192.168.1.5 } }\nchain p { type nat hook prerouting priority dstnat; dnat to tcp dport map @m\n}\n}",
			[]string{"tcp 80-89 -> 192.168.1.5 80-89"}},
		{"map of ranges side by side", inChain(`dnat ip to tcp dport map { 80-89 : 192.168.1.5, 90-99 : 192.168.1.6 }`),
			[]string{"tcp 80-89 -> 192.168.1.5 80-89", "tcp 90-99 -> 192.168.1.6 90-99"}},
		{"map that was filled bit by bit", "table ip t { map m { type inet_service : ipv4_addr; flags interval\n}\nchain p { type nat hook prerouting priority dstnat; dnat to tcp dport map @m\n}\n}\n" +
			"add element ip t m { 90-99 : 192.168.1.6 }\nadd element ip t m { 80-89 : 192.168.1.5 }\nadd element ip t m { 70-79 : 192.168.1.7 }",
			[]string{"tcp 70-79 -> 192.168.1.7 70-79", "tcp 80-89 -> 192.168.1.5 80-89", "tcp 90-99 -> 192.168.1.6 90-99"}},
		{"map by another key", inChain(`tcp dport 80 dnat ip to ip saddr map { 198.51.100.1 : 192.168.1.5, 198.51.100.2 : 192.168.1.6 }`),
			[]string{"tcp 80 -> 192.168.1.5 80", "tcp 80 -> 192.168.1.6 80"}},
		{"two servers by turns", inChain(`tcp dport 80 dnat ip to numgen inc mod 2 map { 0 : 192.168.1.5, 1 : 192.168.1.6 }`),
			[]string{"tcp 80 -> 192.168.1.5 80", "tcp 80 -> 192.168.1.6 80"}},
		{"chains", "table ip t { chain web { tcp dport 80 dnat to 192.168.1.5\nreturn\n}\nchain wan { tcp dport 80-90 jump web\nudp dport 53 goto web\n}\n" +
			"chain p { type nat hook prerouting priority dstnat; iifname vmap { \"wan0\" : jump wan, \"br-lan\" : accept }\n}\n}",
			[]string{"tcp 80 -> 192.168.1.5 80 from wan0"}},
		{"chains by port", "table ip t { chain web { dnat to 192.168.1.5\n}\nchain p { type nat hook prerouting priority dstnat; tcp dport vmap { 80 : jump web, 90-99 : goto web }\n}\n}",
			[]string{"tcp 80 -> 192.168.1.5 80", "tcp 90-99 -> 192.168.1.5 90-99"}},
		{"from the LAN", inChain(`iifname { "br-lan", "br-guest" } udp dport 53 dnat ip to 192.168.1.5`),
			[]string{"udp 53 -> 192.168.1.5 53 from br-guest", "udp 53 -> 192.168.1.5 53 from br-lan"}},
		{"interfaces by the beginning of their names", inChain(`iifname "ppp*" udp dport 53 dnat ip to 192.168.1.5`),
			[]string{"udp 53 -> 192.168.1.5 53"}},
		{"interface by index", inChain(`iif "lo" udp dport 53 dnat ip to 192.168.1.5`),
			[]string{"udp 53 -> 192.168.1.5 53 from lo"}},

		{"no client: redirect", inChain(`tcp dport 80 redirect to :8080`), nil},
		{"no client: a range of addresses", inChain(`tcp dport 80 dnat ip to 192.168.1.5-192.168.1.9`), nil},
		{"no client: a network", "table ip t { chain p { type nat hook prerouting priority dstnat; dnat ip prefix to ip daddr map { 203.0.113.0/24 : 192.168.1.0/24 }\n}\n}", nil},
		{"no client: outgoing", "table ip t { chain o { type nat hook output priority -100; tcp dport 80 dnat to 192.168.1.5\n}\nchain p { type nat hook postrouting priority srcnat; masquerade\n}\n}", nil},
		{"not understood: all protocols but one", inChain(`meta l4proto != 6 dnat ip to 192.168.1.5`), nil},
		{"not understood: part of the port", inChain(`tcp dport & 1 == 1 dnat ip to 192.168.1.5`), nil},
		{"not understood: port before translation", inChain(`meta l4proto 6 ct original proto-dst 80 dnat ip to 192.168.1.5`), nil},
		{"not understood: changed port", inChain(`tcp dport set 81 dnat ip to 192.168.1.5`), nil},
		{"nothing", "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			isolate(t)
			loadRules(t, tt.rules)
			p := openPortMappings(t)
			got, err := p.Read()
			must(t, err)
			if diff := cmp.Diff(tt.want, lines(got)); diff != "" {
				t.Errorf("mappings (-want +got):\n%s", diff)
			}
		})
	}
}
