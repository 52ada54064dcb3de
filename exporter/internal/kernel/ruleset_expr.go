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

// within matches the client's address against a prefix: ip saddr 192.168.1.0/24
func within(p netip.Prefix, d sample.Direction) []expr.Any {
	proto := byte(unix.NFPROTO_IPV4)
	if p.Addr().Is6() {
		proto = unix.NFPROTO_IPV6
	}
	m := []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: workRegister},
		&expr.Cmp{Op: expr.CmpOpEq, Register: workRegister, Data: []byte{proto}},
	}
	load := addressLoad(p, d, workRegister)
	want := p.Masked().Addr().AsSlice()
	if p.Bits()%8 == 0 && p.Bits() != 0 { // compare only the bytes that count, as nft does
		load.Len = uint32(p.Bits() / 8)
		return append(m, load, &expr.Cmp{Op: expr.CmpOpEq, Register: workRegister, Data: want[:load.Len]})
	}
	return append(m, load,
		&expr.Bitwise{SourceRegister: workRegister, DestRegister: workRegister, Len: load.Len, Mask: mask(p), Xor: make([]byte, load.Len)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: workRegister, Data: want})
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
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyIIFTYPE, Register: workRegister},
		&expr.Cmp{Op: expr.CmpOpEq, Register: workRegister, Data: binaryutil.NativeEndian.PutUint16(unix.ARPHRD_ETHER)},
		&expr.Payload{Base: expr.PayloadBaseLLHeader, Offset: 6, Len: 6, DestRegister: keyRegister},
		load,
	}
}

// update @set { key }
func update(set string) []expr.Any {
	return []expr.Any{&expr.Dynset{SrcRegKey: keyRegister, SetName: set, Operation: uint32(unix.NFT_DYNSET_OP_UPDATE)}}
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
