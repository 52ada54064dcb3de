package config

import (
	"fmt"
	"net/netip"
	"strings"

	"router-monitoring/exporter/internal/sample"
)

func parseMAC(s string) (sample.MAC, error) {
	mac, err := sample.ParseMAC(clip(s))
	switch {
	case err != nil:
		return mac, err
	case mac.IsZero():
		return mac, fmt.Errorf("%q is the MAC address of no device", s)
	case mac.IsGroup():
		return mac, fmt.Errorf("%q is a multicast address, which no device owns", s)
	}
	return mac, nil
}

func parseAddr(s string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		return addr, fmt.Errorf("%q is not an IP address like 192.168.1.5 or fd00::5", clip(s))
	case addr.Zone() != "":
		return addr, fmt.Errorf("%q has a zone; write it without %q", clip(s), clip("%"+addr.Zone()))
	case addr.Is4In6():
		return addr, fmt.Errorf("%q is an IPv4 address in IPv6 form; write %s", s, addr.Unmap())
	}
	return addr, nil
}

func parseClientAddr(s string) (netip.Addr, error) {
	addr, err := parseAddr(s)
	if err == nil && !addr.IsGlobalUnicast() {
		return addr, fmt.Errorf("%s (loopback, link-local, multicast or the like) is no address a client reaches the Internet with; give its mac or another ip", addr)
	}
	return addr, err
}

func parseTarget(s string) (netip.Addr, error) {
	addr, err := parseAddr(s)
	if err == nil && !addr.IsGlobalUnicast() {
		return addr, fmt.Errorf("%s (loopback, link-local, multicast or the like) says nothing of the Internet; name an address out there", addr)
	}
	return addr, err
}

func parsePrefix(s string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return prefix, fmt.Errorf("%q is not a subnet like 192.168.1.0/24 or fd00::/64", clip(s))
	case prefix.Addr().Is4In6():
		return prefix, fmt.Errorf("%q is an IPv4 subnet in IPv6 form; write it as IPv4", s)
	case prefix.Bits() == 0:
		return prefix, fmt.Errorf("%s covers every address; name smaller subnets", prefix)
	case prefix != prefix.Masked():
		return prefix, fmt.Errorf("%s is an address within a subnet; write %s", prefix, prefix.Masked())
	}
	return prefix, nil
}

func parseSubnet(s string) (netip.Prefix, error) {
	prefix, err := parsePrefix(s)
	if err == nil && !prefix.Addr().IsGlobalUnicast() {
		return prefix, fmt.Errorf("%s (loopback, link-local, multicast or the like) is no subnet clients reach the Internet from; remove it", prefix)
	}
	return prefix, err
}

// parseExcluded reads a prefix, or an address as the prefix of it alone.
func parseExcluded(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		return parsePrefix(s)
	}
	addr, err := parseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(addr, addr.BitLen()), nil
}
