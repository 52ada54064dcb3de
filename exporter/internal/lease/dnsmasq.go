package lease

import (
	"bufio"
	"strconv"
	"strings"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// readDnsmasq reads the leases of dnsmasq, as its lease_update_file in
// src/lease.c writes them. IPv4 comes first:
//
//	expiry MAC address name client-id
//
// then, with DHCPv6, the server's own identifier and lines of the same length:
//
//	duid 00:01:…
//	expiry IAID address name client-DUID
//
// The expiry is in seconds since 1970, 0 for never. A link other than Ethernet
// has its hardware type in front of the MAC ("06-"); nothing follows it where
// the client has no MAC. The IAID of a temporary address begins with T. A star
// stands for no name and for no identifier.
func readDnsmasq(b *book, in *bufio.Reader) error {
	return b.eachLine(in, func(line string) bool {
		fields := strings.Fields(line)
		if len(fields) == 2 && fields[0] == "duid" {
			return true
		}
		l, ok := dnsmasqLease(fields)
		if ok {
			b.put(l)
		}
		return ok
	})
}

func dnsmasqLease(fields []string) (l sample.Lease, ok bool) {
	if len(fields) != 5 {
		return l, false
	}
	expiry, err := strconv.ParseUint(fields[0], 10, 64)
	if err != nil {
		return l, false
	}
	l.Expires = dnsmasqTime(expiry)
	if l.Addr, ok = parseAddr(fields[2]); !ok {
		return l, false
	}
	l.Name = CleanName(fields[3])
	if l.Addr.Is4() {
		l.MAC, ok = dnsmasqMAC(fields[1])
		return l, ok
	}
	if _, err := strconv.ParseUint(strings.TrimPrefix(fields[1], "T"), 10, 32); err != nil {
		return l, false
	}
	if fields[4] != "*" {
		var duid []byte
		duid, ok = parseHex(fields[4])
		l.MAC = macOfDUID(duid)
	}
	return l, ok
}

// dnsmasqTime reads an expiry. dnsmasq built with HAVE_BROKEN_RTC, for routers
// without a clock, writes the length of the lease there instead, and nothing
// tells when it began. A length is at most 2^32 seconds, but nobody leases for
// decades: what would have expired before September 2001 is taken for a length.
// Such a lease is in force while it is in the file, for dnsmasq removes it.
func dnsmasqTime(expiry uint64) time.Time {
	const september2001 = 1e9
	if expiry < september2001 {
		return time.Time{}
	}
	return seconds(expiry)
}

// dnsmasqMAC reads aa:bb:cc:dd:ee:ff with or without a hardware type in front.
func dnsmasqMAC(s string) (m sample.MAC, ok bool) {
	htype := uint64(htypeEthernet)
	if before, after, found := strings.Cut(s, "-"); found {
		var err error
		if htype, err = strconv.ParseUint(before, 16, 16); err != nil {
			return m, false
		}
		s = after
	}
	hw, ok := parseHex(s)
	return macOf(int(htype), hw), ok
}
