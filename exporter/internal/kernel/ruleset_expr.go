package kernel

import (
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/sample"
)

// The words the ruleset is written in: each is the bytecode nft itself makes of
// the statement named in its comment, except where a comment says why not.

const (
	keyRegister  = unix.NFT_REG32_00     // a set key starts here; a MAC fills two registers
	addrRegister = unix.NFT_REG32_00 + 2 // the address behind a MAC
	workRegister = unix.NFT_REG32_00 + 8 // for comparisons: clear of any key

	ctAnswered = expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED
)

func rule(parts ...[]expr.Any) []expr.Any {
	var r []expr.Any
	for _, p := range parts {
		r = append(r, p...)
	}
	return r
}

// iifname "name"
func iif(name string) []expr.Any { return interfaceName(expr.MetaKeyIIFNAME, name) }

// oifname "name"
func oif(name string) []expr.Any { return interfaceName(expr.MetaKeyOIFNAME, name) }

func interfaceName(key expr.MetaKey, name string) []expr.Any {
	var data [unix.IFNAMSIZ]byte
	copy(data[:unix.IFNAMSIZ-1], name)
	return []expr.Any{
		&expr.Meta{Key: key, Register: workRegister},
		&expr.Cmp{Op: expr.CmpOpEq, Register: workRegister, Data: data[:]},
	}
}

// within matches a packet's family and the client's address against a prefix:
// ip saddr 192.168.1.0/24
func within(p netip.Prefix, d sample.Direction) []expr.Any {
	proto := byte(unix.NFPROTO_IPV4)
	if p.Addr().Is6() {
		proto = unix.NFPROTO_IPV6
	}
	return append([]expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: workRegister},
		&expr.Cmp{Op: expr.CmpOpEq, Register: workRegister, Data: []byte{proto}},
	}, inPrefix(p, d)...)
}

// inPrefix matches the client's address of a packet of known family.
func inPrefix(p netip.Prefix, d sample.Direction) []expr.Any {
	load := addressLoad(p, d, workRegister)
	want := p.Masked().Addr().AsSlice()
	if p.Bits()%8 == 0 && p.Bits() != 0 { // compare only the bytes that count, as nft does
		load.Len = uint32(p.Bits() / 8)
		return []expr.Any{load, &expr.Cmp{Op: expr.CmpOpEq, Register: workRegister, Data: want[:load.Len]}}
	}
	return []expr.Any{load,
		&expr.Bitwise{SourceRegister: workRegister, DestRegister: workRegister, Len: load.Len, Mask: mask(p), Xor: make([]byte, load.Len)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: workRegister, Data: want}}
}

// meta protocol ip: what the netdev family has for a packet's family
func protocol(ipv6 bool) []expr.Any {
	ethertype := uint16(unix.ETH_P_IP)
	if ipv6 {
		ethertype = unix.ETH_P_IPV6
	}
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyPROTOCOL, Register: workRegister},
		&expr.Cmp{Op: expr.CmpOpEq, Register: workRegister, Data: binaryutil.BigEndian.PutUint16(ethertype)},
	}
}

// Where the two MACs are in an Ethernet header.
const (
	etherDestination = 0
	etherSource      = 6
)

// ether daddr 52:54:00:ff:01:00. At the ingress hook nft writes `meta iiftype ether`
// before it; at egress that matches nothing.
func ether(offset uint32, mac sample.MAC) []expr.Any {
	match := []expr.Any{
		&expr.Payload{Base: expr.PayloadBaseLLHeader, Offset: offset, Len: 6, DestRegister: workRegister},
		&expr.Cmp{Op: expr.CmpOpEq, Register: workRegister, Data: mac[:]},
	}
	if offset == etherDestination {
		return append(isEthernet(), match...)
	}
	return match
}

// meta iiftype ether
func isEthernet() []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyIIFTYPE, Register: workRegister},
		&expr.Cmp{Op: expr.CmpOpEq, Register: workRegister, Data: binaryutil.NativeEndian.PutUint16(unix.ARPHRD_ETHER)},
	}
}

func mask(p netip.Prefix) []byte {
	m := make([]byte, p.Addr().BitLen()/8)
	for i := range p.Bits() {
		m[i/8] |= 0x80 >> (i % 8)
	}
	return m
}

// addressLoad reads the client's address: the source of an upload, the
// destination of a download.
func addressLoad(p netip.Prefix, d sample.Direction, register uint32) *expr.Payload {
	offset, length := uint32(12), uint32(4) // RFC 791
	if p.Addr().Is6() {
		offset, length = 8, 16 // RFC 8200
	}
	if d == sample.Download {
		offset += length
	}
	return &expr.Payload{Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length, DestRegister: register}
}

// address loads a key of the address alone: ip daddr
func address(p netip.Prefix, d sample.Direction) []expr.Any {
	return []expr.Any{addressLoad(p, d, keyRegister)}
}

// uploadKey loads a key of MAC and address: ether saddr . ip saddr. nft writes
// `meta iiftype ether` before it, without which it cannot read a listing of
// these rules back. A link without a MAC gets 00:00:00:00:00:00 in its place.
func uploadKey(p netip.Prefix, ethernet bool) []expr.Any {
	load := addressLoad(p, sample.Upload, addrRegister)
	if !ethernet {
		return []expr.Any{&expr.Immediate{Register: keyRegister, Data: make([]byte, 6)}, load}
	}
	return append(isEthernet(),
		&expr.Payload{Base: expr.PayloadBaseLLHeader, Offset: etherSource, Len: 6, DestRegister: keyRegister}, load)
}

// update @set { key }
func update(set string) []expr.Any {
	return []expr.Any{&expr.Dynset{SrcRegKey: keyRegister, SetName: set, Operation: uint32(unix.NFT_DYNSET_OP_UPDATE)}}
}

// add @set { key }, of a set without counters. A full set makes the rest of the
// rule be skipped, so it stands alone in its rule.
func addTo(set string) []expr.Any {
	return []expr.Any{&expr.Dynset{SrcRegKey: keyRegister, SetName: set, Operation: uint32(unix.NFT_DYNSET_OP_ADD)}}
}

// isIn matches a key that the set holds, and counts the packet there: ip daddr @set
func isIn(set string) []expr.Any {
	return []expr.Any{&expr.Lookup{SourceRegister: keyRegister, SetName: set}}
}

// answered matches ct state established,related
func answered() []expr.Any {
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATE, Register: workRegister},
		&expr.Bitwise{SourceRegister: workRegister, DestRegister: workRegister, Len: 4,
			Mask: binaryutil.NativeEndian.PutUint32(ctAnswered), Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: workRegister, Data: make([]byte, 4)},
	}
}

// counter name "…"
func count(name string) []expr.Any {
	return []expr.Any{&expr.Objref{Type: int(nftables.ObjTypeCounter), Name: name}}
}

func verdict(kind expr.VerdictKind) []expr.Any { return []expr.Any{&expr.Verdict{Kind: kind}} }

// accept ends this table's part only: other tables' chains see the packet all the same.
func accept() []expr.Any { return verdict(expr.VerdictAccept) }

func jump(chain string) []expr.Any {
	return []expr.Any{&expr.Verdict{Kind: expr.VerdictJump, Chain: chain}}
}

func goTo(chain string) []expr.Any {
	return []expr.Any{&expr.Verdict{Kind: expr.VerdictGoto, Chain: chain}}
}
