package lab

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
)

const (
	tunnelPort = "51820"
	tunnelName = "wg0" // at the peers
)

// tunnelUnderlay is where peers reach the router (RFC 5737): a line for each.
var tunnelUnderlay = netip.MustParsePrefix("198.51.100.0/24")

// keys are a WireGuard identity.
type keys struct{ private, public string }

func newKeys() (keys, error) {
	k, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return keys{}, err
	}
	encode := base64.StdEncoding.EncodeToString
	return keys{encode(k.Bytes()), encode(k.PublicKey().Bytes())}, nil
}

// addTunnel makes the router's end of a tunnel.
func (l *Lab) addTunnel(lan LAN) error {
	k, err := newKeys()
	if err != nil {
		return err
	}
	l.tunnelKey = k.public
	if err := l.Router.addWireGuard(lan.Name, k, "listen-port", tunnelPort); err != nil {
		return err
	}
	if !l.Profile.Offload { // WireGuard merges the TCP segments that it decrypts
		if _, err := l.Router.Exec(context.Background(), "ethtool", "-K", lan.Name, "gro", "off"); err != nil {
			return err
		}
	}
	return l.Router.configure(lan.Name, lan.IPv4, lan.IPv6)
}

// addPeer makes a client a peer of the router's tunnel.
func (l *Lab) addPeer(i int, h *Host, lan LAN) error {
	h.MAC = nil // inside a tunnel there is none
	port := fmt.Sprintf("access%d", i)
	remote, err := l.addPair(l.Router, h, port, nil)
	if err != nil {
		return err
	}
	defer remote.Close()
	here, there := netip.PrefixFrom(nth(tunnelUnderlay, 2*i), 31), netip.PrefixFrom(nth(tunnelUnderlay, 2*i+1), 31)
	if err := l.Router.configure(port, here); err != nil {
		return err
	}
	if _, err := remote.configureEth0(there); err != nil {
		return err
	}
	k, err := newKeys()
	if err != nil {
		return err
	}
	if err := h.addWireGuard(tunnelName, k, "listen-port", tunnelPort, "peer", l.tunnelKey,
		"endpoint", here.Addr().String()+":"+tunnelPort, "allowed-ips", "0.0.0.0/0,::/0"); err != nil {
		return err
	}
	if _, err := l.Router.Exec(context.Background(), "wg", "set", lan.Name, "peer", k.public,
		"endpoint", there.Addr().String()+":"+tunnelPort, "allowed-ips", h.IPv4.String()+","+h.IPv6.String()); err != nil {
		return err
	}
	link, err := remote.configureDevice(tunnelName, netip.PrefixFrom(h.IPv4, lan.IPv4.Bits()), netip.PrefixFrom(h.IPv6, lan.IPv6.Bits()))
	if err != nil {
		return err
	}
	return addDefaultRoutes(remote.Handle, link, lan.IPv4.Addr(), lan.IPv6.Addr())
}

// addWireGuard makes a tunnel interface; settings are those of `wg set`.
func (h *Host) addWireGuard(name string, k keys, settings ...string) error {
	handle, err := h.netlink()
	if err != nil {
		return err
	}
	defer handle.Close()
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.Group = name, linkGroup
	if err := handle.LinkAdd(&netlink.Wireguard{LinkAttrs: attrs}); err != nil {
		return fmt.Errorf("add %s on %s: %w", name, h.Name, err)
	}
	file, err := os.CreateTemp("", "lab-key")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	if _, err := file.WriteString(k.private); err != nil {
		return err
	}
	_, err = h.Exec(context.Background(), "wg", append([]string{"set", name, "private-key", file.Name()}, settings...)...)
	return err
}
