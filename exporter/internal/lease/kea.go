package lease

import (
	"bufio"
	"errors"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"router-monitoring/exporter/internal/sample"
)

// Of the states of a lease (src/lib/dhcpsrv/lease.h), these mean that the
// address is the client's: given by the server, or chosen by the client itself
// and told to the server (RFC 9686). The others are 1 declined, 2 expired and
// reclaimed, 3 released.
const (
	keaDefault    = "0"
	keaRegistered = "4"
)

// keaForever is the valid lifetime of a lease that never ends (RFC 8415, 7.7).
const keaForever = 1<<32 - 1

// keaPrefix is the lease type of a delegated prefix, which is no address.
const keaPrefix = "2"

// readKea reads the leases of Kea's memfile backend: a log of comma-separated
// values whose first line names the columns (CSVLeaseFile4 and CSVLeaseFile6 in
// src/lib/dhcpsrv; later schema versions add columns at the end). A later row
// about an address replaces an earlier one; a valid lifetime of 0 removes it.
func readKea(b *book, in *bufio.Reader) error {
	header, err := b.nextLine(in)
	if err == io.EOF {
		return nil
	}
	if err != nil {
		return err
	}
	t := keaTable{columns: strings.Split(header, ",")}
	if !keaHeader(t.columns) {
		return errors.New("does not begin with the header of a Kea lease file; name the format the file is in")
	}
	return b.eachLine(in, func(line string) bool {
		t.row = strings.Split(line, ",")
		return len(t.row) == len(t.columns) && t.enter(b)
	})
}

func keaHeader(columns []string) bool {
	has := func(name string) bool { return slices.Contains(columns, name) }
	return columns[0] == "address" && has("valid_lifetime") && has("expire") && (has("hwaddr") || has("duid"))
}

type keaTable struct{ columns, row []string }

// get gives a value of the row, empty where the file's schema has no such column.
func (t *keaTable) get(column string) string {
	if i := slices.Index(t.columns, column); i >= 0 {
		return t.row[i]
	}
	return ""
}

// enter does with the book what the row says.
func (t *keaTable) enter(b *book) bool {
	if t.get("lease_type") == keaPrefix {
		return true
	}
	addr, ok := parseAddr(t.get("address"))
	if !ok {
		return false
	}
	lifetime, err := strconv.ParseUint(t.get("valid_lifetime"), 10, 32)
	if err != nil {
		return false
	}
	state := t.get("state")
	if _, err := strconv.ParseUint(state, 10, 32); err != nil && slices.Contains(t.columns, "state") {
		return false
	}
	if lifetime == 0 || state != "" && state != keaDefault && state != keaRegistered {
		b.remove(addr)
		return true
	}
	l, ok := t.lease(addr, lifetime)
	if ok {
		b.put(l)
	}
	return ok
}

func (t *keaTable) lease(addr netip.Addr, lifetime uint64) (l sample.Lease, ok bool) {
	l = sample.Lease{Addr: addr, Name: CleanName(keaName(t.get("hostname")))}
	if lifetime != keaForever {
		expire, err := strconv.ParseUint(t.get("expire"), 10, 64)
		if err != nil || expire == 0 {
			return l, false
		}
		l.Expires = seconds(expire)
	}
	hw, ok := parseHex(t.get("hwaddr"))
	if !ok {
		return l, false
	}
	if l.MAC = macOf(htypeEthernet, hw); l.MAC.IsZero() {
		var duid []byte
		duid, ok = parseHex(t.get("duid"))
		l.MAC = macOfDUID(duid)
	}
	return l, ok
}

// keaName undoes the two escapes of host names. CSVRow::escapeCharacters of
// src/lib/util/csv_file.cc writes commas, ampersands and all that is not
// printable ASCII as &#xHH; before that the DNS library wrote what is unusual in
// a domain name as \DDD or behind a backslash (RFC 1035, section 5.1).
func keaName(s string) string {
	s = unescape(s, "&#x", 2, 16)
	s = unescape(s, `\`, 3, 10)
	return strings.ReplaceAll(s, `\`, "")
}

// unescape replaces a tag and the number of so many digits behind it by the
// byte of that number. Other tags stay.
func unescape(s, tag string, digits, base int) string {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(s, tag)
		out.WriteString(before)
		if !found {
			return out.String()
		}
		s = after
		if len(after) >= digits {
			if char, err := strconv.ParseUint(after[:digits], base, 8); err == nil {
				out.WriteByte(byte(char))
				s = after[digits:]
				continue
			}
		}
		out.WriteString(tag)
	}
}
