// Package upnp reads the lease files of miniupnpd: the ports that programs in the
// LAN had it open by UPnP, NAT-PMP and PCP. What they say of themselves is what any
// device cares to send, so nothing in the files is trusted, and they are bounded.
package upnp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// Bounds of a file. miniupnpd cuts what it reads back to 127 bytes a line.
const (
	maxFile   = 1 << 20 // bytes
	maxLine   = 4 << 10 // bytes
	maxLeases = 4096
)

// september2001 is where times begin: less is a length, some decades at most.
const september2001 = 1e9

// ReadFile reads the leases of a file that are in force at now. miniupnpd makes the
// file with the first lease: none is there before.
func ReadFile(path string, now time.Time) ([]sample.PortMapping, error) {
	// Without O_NONBLOCK opening a named pipe would wait for a writer.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%w; add the exporter's user to the group that may read the file and its folder, or give its service CAP_DAC_READ_SEARCH", err)
	case err != nil:
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fmt.Errorf("%s is not a file; correct its path in port_mappings.lease_files", path))
	}
	leases, err := Parse(f, now)
	if err != nil {
		return leases, fmt.Errorf("%s %w", path, err)
	}
	return leases, nil
}

// Parse reads the leases that are in force at now, both for IPv4 and for IPv6. Lines
// that are neither are left out: the last one may be half written. An error is of
// the reader or of a bound; what was read before it is still returned.
func Parse(r io.Reader, now time.Time) (leases []sample.PortMapping, err error) {
	lines := bufio.NewScanner(io.LimitReader(r, maxFile))
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		m, ok := parseLine(lines.Text())
		if !ok || !m.Expires.IsZero() && !m.Expires.After(now) {
			continue
		}
		if len(leases) == maxLeases {
			return leases, fmt.Errorf("holds more than %d leases; the rest are left out", maxLeases)
		}
		leases = append(leases, m)
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return leases, fmt.Errorf("is no lease file of miniupnpd: a line is longer than %d bytes; see port_mappings.lease_files", maxLine)
	}
	return leases, lines.Err()
}

// parseLine reads a line of lease_file, as lease_file_add in miniupnpd's
// upnpredirect.c writes it,
//
//	protocol:external port:address:internal port:expiry:description
//
// or one of lease_file6, as lease_file6_add in upnppinhole.c does:
//
//	protocol;address;port;remote address;remote port;id;expiry;description
//
// which opens the client's own port to one remote host or, where that is empty, to
// all. Protocols are TCP, UDP and UDPLITE; the expiry is in seconds since 1970, 0
// for never. miniupnpd built with LEASEFILE_USE_REMAINING_TIME, for routers without
// a clock, writes the seconds that are left there instead, and nothing tells since
// when: such a lease is in force while it is in the file.
func parseLine(line string) (m sample.PortMapping, ok bool) {
	m.Daemon = true
	if i := strings.IndexAny(line, ":;"); i >= 0 && line[i] == ';' {
		f := strings.SplitN(line, ";", 8)
		ok = len(f) == 8 && parseFields(&m, f[0], f[1], f[2], f[2], f[6], f[7]) && m.Addr.Is6()
		return m, ok
	}
	f := strings.SplitN(line, ":", 6)
	ok = len(f) == 6 && parseFields(&m, f[0], f[2], f[1], f[3], f[4], f[5]) && m.Addr.Is4()
	return m, ok
}

func parseFields(m *sample.PortMapping, proto, addr, external, internal, expiry, description string) bool {
	names := map[string]string{"TCP": "tcp", "UDP": "udp", "UDPLITE": "136"}
	var errs [3]error
	m.Protocol, m.Description = names[proto], CleanDescription(description)
	m.External, errs[0] = parsePort(external)
	m.Internal, errs[1] = parsePort(internal)
	seconds, err := strconv.ParseUint(expiry, 10, 32)
	if m.Addr, errs[2] = netip.ParseAddr(addr); err == nil && seconds > september2001 {
		m.Expires = time.Unix(int64(seconds), 0)
	}
	return m.Protocol != "" && errors.Join(errs[:]...) == nil && err == nil && m.Addr.Zone() == "" && !m.Addr.Is4In6()
}

func parsePort(s string) (sample.Ports, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	return sample.Ports{First: uint16(n), Last: uint16(n)}, err
}
