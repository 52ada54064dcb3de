package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// complete fills in what was left empty and refuses what cannot work.
func (p *Profile) complete() error {
	setDefault(&p.Scale, 1)
	if p.Scale < 0 {
		return fmt.Errorf("scale %g is negative", p.Scale)
	}
	if err := p.completeLANs(); err != nil {
		return err
	}
	// Copied, because a profile may be used for several labs.
	p.Clients = append([]Client(nil), p.Clients...)
	taken := map[string]string{RouterName: "the router", InternetName: "the internet host"}
	for i := range p.Clients {
		c := &p.Clients[i]
		if err := p.completeClient(i, c, taken); err != nil {
			return fmt.Errorf("client %q: %w", c.Name, err)
		}
	}
	return p.checkPeers()
}

func (p *Profile) completeLANs() error {
	if len(p.LANs) == 0 {
		p.LANs = []LAN{BrLAN}
		for _, c := range p.Clients {
			if c.LAN == BrGuest.Name {
				p.LANs = append(p.LANs, BrGuest)
				break
			}
		}
	}
	p.LANs = append([]LAN(nil), p.LANs...)
	for i := range p.LANs {
		lan := &p.LANs[i]
		setDefault(&lan.Type, Bridge)
		parent, vlan := lan.parent()
		isVLAN := lan.Type == VLAN || lan.Type == BridgeVLAN
		switch {
		case !slices.Contains([]LANType{Bridge, Port, VLAN, BridgeVLAN, Routed, WireGuard}, lan.Type):
			return fmt.Errorf("lan %s: there is no type %q", lan.Name, lan.Type)
		case isVLAN != strings.Contains(lan.Name, ".") || isVLAN && (parent == "" || vlan == 0):
			return fmt.Errorf("lan %s: a VLAN, and nothing else, is named like eth0.10", lan.Name)
		case lan.Type == Routed && i == 0:
			return fmt.Errorf("lan %s: it is behind the first LAN and cannot be the first", lan.Name)
		case lan.Name == "" || len(lan.Name) > 15:
			return fmt.Errorf("lan %q: a name needs 1 to 15 characters", lan.Name)
		case !lan.IPv4.Addr().Is4():
			return fmt.Errorf("lan %s: ip is missing or not an IPv4 address with prefix length", lan.Name)
		case !lan.IPv6.Addr().Is6():
			return fmt.Errorf("lan %s: ipv6 is missing or not an IPv6 address with prefix length", lan.Name)
		}
	}
	return nil
}

func (p *Profile) lan(name string) (LAN, int, error) {
	for i, lan := range p.LANs {
		if lan.Name == name {
			return lan, i, nil
		}
	}
	return LAN{}, 0, fmt.Errorf("lan %q is not in the profile", name)
}

var clientName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// completeClient checks one client; taken maps names, MACs and addresses to who
// has them.
func (p *Profile) completeClient(i int, c *Client, taken map[string]string) error {
	if !clientName.MatchString(c.Name) {
		return errors.New("name is not a host name in lower case")
	}
	setDefault(&c.LAN, p.LANs[0].Name)
	lan, lanIndex, err := p.lan(c.LAN)
	if err != nil {
		return err
	}
	setDefault(&c.MAC, MAC{0x52, 0x54, 0, byte(lanIndex), byte(i >> 8), byte(i)})
	setDefault(&c.IPv4, nth(lan.IPv4, i+firstClient))
	setDefault(&c.IPv6, nth(lan.IPv6, i+firstClient))
	switch {
	case !lan.IPv4.Contains(c.IPv4):
		return fmt.Errorf("ip %s is not in %s", c.IPv4, lan.IPv4.Masked())
	case !lan.IPv6.Contains(c.IPv6):
		return fmt.Errorf("ipv6 %s is not in %s", c.IPv6, lan.IPv6.Masked())
	case c.MAC[0]&1 != 0:
		return fmt.Errorf("mac %s is a group address", c.MAC)
	}
	taken[lan.IPv4.Addr().String()], taken[lan.IPv6.Addr().String()] = "the router", "the router"
	for _, key := range []string{c.Name, c.MAC.String(), c.IPv4.String(), c.IPv6.String()} {
		if owner, ok := taken[key]; ok {
			return fmt.Errorf("%s belongs to %s already", key, owner)
		}
		taken[key] = c.Name
	}
	return p.completeFlows(c)
}

// firstClient is the host part of the first derived address.
const firstClient = 10

// nth gives an address of the prefix by its host part.
func nth(p netip.Prefix, n int) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := len(b) - 1; n > 0 && i >= 0; i-- {
		n += int(b[i])
		b[i] = byte(n)
		n >>= 8
	}
	addr, _ := netip.AddrFromSlice(b)
	return addr
}

func (p *Profile) completeFlows(c *Client) error {
	c.Flows = append([]Flow(nil), c.Flows...)
	for i := range c.Flows {
		f := &c.Flows[i]
		f.Client = c.Name
		if err := f.complete(); err != nil {
			return fmt.Errorf("flow %d: %w", i+1, err)
		}
		if f.Rate == 0 {
			return fmt.Errorf("flow %d: rate is missing", i+1)
		}
	}
	return nil
}

func (p *Profile) checkPeers() error {
	known := map[string]bool{InternetName: true}
	for _, c := range p.Clients {
		known[c.Name] = true
	}
	for _, c := range p.Clients {
		for i, f := range c.Flows {
			if !known[f.Peer] {
				return fmt.Errorf("client %q: flow %d: no peer %q in the profile", c.Name, i+1, f.Peer)
			}
		}
	}
	return nil
}
