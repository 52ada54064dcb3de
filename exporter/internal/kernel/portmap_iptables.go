package kernel

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/sample"
)

// Attributes of the expressions "match" and "target", with which iptables-nft uses
// what nftables has no expression of its own for: linux/netfilter/nf_tables_compat.h,
// NFTA_MATCH_NAME and NFTA_TARGET_NAME and so on, the same for both.
const (
	nftaCompatName = 1
	nftaCompatRev  = 2
	nftaCompatInfo = 3
)

// passMatch reports a match of iptables that leaves protocol and ports alone. A
// comment is kept.
func (w *walker) passMatch(e expression) bool {
	switch text(find(e.data, nftaCompatName)) {
	case "comment":
		w.comment = unix.ByteSliceToString(find(e.data, nftaCompatInfo))
		return true
	case "addrtype", "mark", "connmark", "mac", "iprange", "limit", "hashlimit", "state":
		return true
	}
	return false
}

// Places in struct nf_nat_range2 and its forerunner nf_nat_range, which revisions 2
// and 1 of the target DNAT have: linux/netfilter/nf_nat.h. Flags are in the machine's
// byte order, ports in the network's.
const (
	rangeFlags    = 0
	rangeMinAddr  = 4
	rangeMaxAddr  = 20
	rangeMinPort  = 36
	rangeMaxPort  = 38
	rangeSize     = 40
	rangeHasAddr  = 1 // NF_NAT_RANGE_MAP_IPS
	rangeHasPorts = 2 // NF_NAT_RANGE_PROTO_SPECIFIED
)

// translateTarget notes the mappings that iptables' target DNAT makes.
func (w *walker) translateTarget(e expression, s state) error {
	info, length := find(e.data, nftaCompatInfo), map[byte]int{unix.NFPROTO_IPV4: 4, unix.NFPROTO_IPV6: 16}[w.chainName.family]
	if text(find(e.data, nftaCompatName)) != "DNAT" || e.number(nftaCompatRev) == 0 || len(info) < rangeSize {
		return nil
	}
	flags := binary.NativeEndian.Uint32(info[rangeFlags:])
	first, ok := netip.AddrFromSlice(info[rangeMinAddr : rangeMinAddr+length])
	last, _ := netip.AddrFromSlice(info[rangeMaxAddr : rangeMaxAddr+length])
	if !ok || first != last || flags&rangeHasAddr == 0 {
		return nil
	}
	if flags&rangeHasPorts == 0 {
		return w.found(s, first, nil)
	}
	return w.found(s, first, &sample.Ports{
		First: binary.BigEndian.Uint16(info[rangeMinPort:]), Last: binary.BigEndian.Uint16(info[rangeMaxPort:]),
	})
}
