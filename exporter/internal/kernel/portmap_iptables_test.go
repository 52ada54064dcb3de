package kernel

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPortMappingsOfIPTables has iptables-nft load rules as NixOS without nftables
// writes them (networking.nat.forwardPorts) and as people do.
func TestPortMappingsOfIPTables(t *testing.T) {
	isolate(t)
	for _, command := range []string{
		"iptables-nft -t nat -N nixos-nat-pre",
		"iptables-nft -t nat -A PREROUTING -j nixos-nat-pre",
		"iptables-nft -t nat -A nixos-nat-pre -i wan0 -p tcp --dport 8080 -j DNAT --to-destination 192.168.1.20:80",
		"iptables-nft -t nat -A nixos-nat-pre -p udp --dport 5000:5010 -m comment --comment game -j DNAT --to-destination 192.168.1.20",
		"iptables-nft -t nat -A nixos-nat-pre -p udp --dport 6000:6010 -j DNAT --to-destination 192.168.1.20:7000-7010",
		"iptables-nft -t nat -A nixos-nat-pre -m addrtype --dst-type LOCAL -p 47 -j DNAT --to-destination 192.168.1.21",
		"iptables-nft -t nat -A nixos-nat-pre -p tcp -m multiport --dports 1,2 -j DNAT --to-destination 192.168.1.22",
		"iptables-nft -t nat -A nixos-nat-pre -p tcp --dport 3 -j DNAT --to-destination 192.168.1.22-192.168.1.25",
		"iptables-nft -t nat -A nixos-nat-pre -p tcp --dport 4 -j REDIRECT --to-ports 5",
		"ip6tables-nft -t nat -A PREROUTING -p tcp --dport 443 -j DNAT --to-destination [fd00:1::5]:8443",
	} {
		args := strings.Fields(command)
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v %s", command, err, out)
		}
	}
	got, err := openPortMappings(t).Read()
	must(t, err)
	want := []string{
		"tcp 8080 -> 192.168.1.20 80 from wan0",
		"udp 5000-5010 -> 192.168.1.20 5000-5010 # game",
		"udp 6000-6010 -> 192.168.1.20 7000-7010",
		"47 any -> 192.168.1.21 any",
		"tcp 443 -> fd00:1::5 8443",
	}
	if diff := cmp.Diff(want, lines(got)); diff != "" {
		t.Errorf("mappings (-want +got):\n%s", diff)
	}
}
