package kernel

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// natRule is a rule of a chain that translates addresses, or is jumped to from one.
type natRule struct {
	expressions []expression
	comment     string // nft's, as it came; empty if there is none
}

// expression is a step of a rule.
type expression struct {
	name string
	data []byte // its attributes
}

// natVerdict is where a packet goes next.
type natVerdict struct {
	code  int32  // NFT_…; meaningless without ok
	chain string // of NFT_JUMP and NFT_GOTO
	ok    bool
}

func (v natVerdict) jumps() bool { return v.ok && (v.code == unix.NFT_JUMP || v.code == unix.NFT_GOTO) }

// parseRule decodes the attributes of a rule. It copies them.
func parseRule(b []byte) (r natRule) {
	for typ, value := range attrs(b) {
		switch typ {
		case unix.NFTA_RULE_USERDATA:
			r.comment = userComment(value)
		case unix.NFTA_RULE_EXPRESSIONS:
			for _, e := range attrs(bytes.Clone(value)) {
				r.expressions = append(r.expressions, expression{text(find(e, unix.NFTA_EXPR_NAME)), find(e, unix.NFTA_EXPR_DATA)})
			}
		}
	}
	return r
}

// userComment finds nft's comment in the user data of a rule, which the kernel
// keeps unread: bytes of type, length and value (libnftnl, include/libnftnl/udata.h;
// NFTNL_UDATA_RULE_COMMENT is 0), a text with its zero byte.
func userComment(b []byte) string {
	for len(b) >= 2 && len(b) >= 2+int(b[1]) {
		typ, value := b[0], b[2:2+int(b[1])]
		if typ == 0 {
			return text(value)
		}
		b = b[2+len(value):]
	}
	return ""
}

func parseVerdict(b []byte) (v natVerdict) {
	for typ, value := range attrs(b) {
		switch typ {
		case unix.NFTA_VERDICT_CODE:
			v.code, v.ok = int32(be32(value)), true
		case unix.NFTA_VERDICT_CHAIN:
			v.chain = text(value)
		}
	}
	return v
}

// number reads a number among the attributes of an expression, 0 if it has none.
func (e expression) number(typ uint16) uint32 { return be32(find(e.data, typ)) }

func (e expression) has(typ uint16) bool { return find(e.data, typ) != nil }

// value reads plain data among them.
func (e expression) value(typ uint16) []byte { return find(find(e.data, typ), unix.NFTA_DATA_VALUE) }

// find gives the first attribute of a type.
func find(b []byte, typ uint16) []byte {
	for t, value := range attrs(b) {
		if t == typ {
			return value
		}
	}
	return nil
}
