package lab

import (
	_ "embed"
	"fmt"
	"os/exec"
	"strings"
)

//go:embed router.nft
var routerRules string

// loadRouterRules loads the firewall for the LANs of the profile.
func (l *Lab) loadRouterRules() error {
	names := make([]string, len(l.Profile.LANs))
	for i, lan := range l.Profile.LANs {
		names[i] = fmt.Sprintf("%q", lan.Name)
	}
	return l.LoadRuleset(fmt.Sprintf("define lan = { %s }\n%s", strings.Join(names, ", "), routerRules))
}

// LoadRuleset feeds text to `nft -f` on the router, on top of what is loaded.
func (l *Lab) LoadRuleset(text string) error {
	nft, err := lookTool("nft")
	if err != nil {
		return fmt.Errorf("load ruleset: %w", err)
	}
	cmd := exec.Command(nft, "-f", "-")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("load ruleset: %w: %s", err, out)
	}
	return nil
}

// ReloadRuleset does what a firewall reload of NixOS does: everything is
// flushed, tables of other programs too, and the router's own rules come back.
// Port forwardings are gone afterwards.
func (l *Lab) ReloadRuleset() error {
	if err := l.LoadRuleset("flush ruleset"); err != nil {
		return err
	}
	return l.loadRouterRules()
}

// PortForward lets the internet reach a client: the router's IPv4 address and
// the client's own IPv6 address, both on the same port.
func (l *Lab) PortForward(proto Proto, port uint16, client string) error {
	h := l.Client(client)
	if h == nil {
		return fmt.Errorf("forward port %d: no client %q in the lab", port, client)
	}
	return l.LoadRuleset(fmt.Sprintf(`
		add rule ip nat prerouting iifname %[1]q %[2]s dport %[3]d dnat to %[4]s:%[3]d
		add rule inet filter forward iifname %[1]q ip6 daddr %[5]s %[2]s dport %[3]d accept
	`, WAN, proto, port, h.IPv4, h.IPv6))
}
