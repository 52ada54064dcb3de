package lease

import (
	"bytes"
	"slices"
	"strings"
)

// headSize is how much of a file is looked at to tell its format.
const headSize = 4096

// iscKeywords begin the statements that can stand first in a file of ISC dhcpd:
// write_leases and new_lease_file of server/db.c.
var iscKeywords = []string{
	"lease", "ia-na", "ia-ta", "ia-pd", "authoring-byte-order", "server-duid",
	"failover", "host", "group", "class", "subclass",
}

// Detect tells the format of a lease file from its beginning. Of a file cut
// within its first line too little is known.
func Detect(head []byte) (Format, bool) {
	if bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n"), []byte("{")) {
		return Networkd, true
	}
	for line := range bytes.Lines(head) {
		whole := bytes.HasSuffix(line, []byte("\n"))
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' {
			continue // ISC's file begins with comments
		}
		fields := strings.Fields(text)
		switch {
		case slices.Contains(iscKeywords, fields[0]) && len(fields) > 1:
			return ISC, true
		case !whole:
			return "", false
		case keaHeader(strings.Split(text, ",")):
			return Kea, true
		case fields[0] == "duid" && len(fields) == 2:
			return Dnsmasq, true
		}
		if _, ok := dnsmasqLease(fields); ok {
			return Dnsmasq, true
		}
	}
	return "", false
}
