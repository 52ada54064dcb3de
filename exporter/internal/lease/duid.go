package lease

import (
	"encoding/hex"
	"strings"

	"router-monitoring/exporter/internal/sample"
)

// Hardware types (IANA "ARP Parameters") whose addresses are 48-bit MACs.
const (
	htypeEthernet = 1
	htypeIEEE802  = 6
)

// parseHex reads bytes written aa:bb:cc.
func parseHex(s string) ([]byte, bool) {
	raw, err := hex.DecodeString(strings.ReplaceAll(s, ":", ""))
	return raw, err == nil
}

// macOf gives the MAC that a hardware address is, zero for other kinds of link
// and for addresses that no device can have.
func macOf(htype int, hw []byte) sample.MAC {
	if htype != htypeEthernet && htype != htypeIEEE802 || len(hw) != 6 {
		return sample.MAC{}
	}
	m := sample.MAC(hw)
	if m.IsGroup() {
		return sample.MAC{}
	}
	return m
}

// macOfDUID gives the MAC inside a DHCP unique identifier (RFC 8415, section
// 11): type 1 is hardware type, time and address, type 3 the same without time.
// The others hold none. A device with several network cards makes its DUID of
// any one of them, so this is a hint and not proof.
func macOfDUID(d []byte) sample.MAC {
	if len(d) < 4 || d[0] != 0 {
		return sample.MAC{}
	}
	htype, rest := int(d[2])<<8|int(d[3]), d[4:]
	switch {
	case d[1] == 1 && len(rest) > 4:
		return macOf(htype, rest[4:])
	case d[1] == 3:
		return macOf(htype, rest)
	}
	return sample.MAC{}
}

// macOfClientID gives the MAC inside a DHCPv4 client identifier: a hardware
// type and address (RFC 2132, section 9.14), or 255, four bytes and a DUID (RFC
// 4361, section 6.1).
func macOfClientID(id []byte) sample.MAC {
	switch {
	case len(id) == 7:
		return macOf(int(id[0]), id[1:])
	case len(id) > 5 && id[0] == 255:
		return macOfDUID(id[5:])
	}
	return sample.MAC{}
}
