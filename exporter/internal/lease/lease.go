// Package lease reads the lease files of DHCP servers and follows them as they
// change. Host names in them are what any device on the network cares to send,
// and files can be torn, so nothing in them is trusted: whatever cannot be read
// is counted and left out, and every file is bounded.
package lease

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// Format is which DHCP server wrote a file; the words are those of the
// configuration.
type Format string

// The formats. Auto stands for whichever the content shows.
const (
	Auto     Format = "auto"
	Dnsmasq  Format = "dnsmasq"
	Kea      Format = "kea"
	ISC      Format = "isc"
	Networkd Format = "networkd"
)

// Bounds of what one file can make us hold. A lease takes some 100 bytes in
// each format, so a file of the greatest size holds more than maxLeases.
const (
	maxFile   = 16 << 20 // bytes
	maxLine   = 16 << 10 // bytes; Kea's user context, the longest field, is JSON
	maxLeases = 65536
)

var (
	errTooLarge = fmt.Errorf("is larger than %d MiB; the rest is left out", maxFile>>20)
	errTooMany  = fmt.Errorf("holds more than %d leases; the rest are left out", maxLeases)
)

// Parse reads the leases that are in force at now, in the order of their
// addresses, one per address. bad is how many lines (for ISC, blocks and
// statements; for networkd, leases) could not be read. An error is of the
// reader, of a bound, or of a file in another format; what was read before it
// is still returned.
func Parse(f Format, r io.Reader, now time.Time) (leases []sample.Lease, bad int, err error) {
	b := newBook()
	_, err = b.read(f, r)
	return b.current(now), b.bad, err
}

// read adds what one file says and tells its format, which is empty for a file
// in format Auto that does not say enough yet.
func (b *book) read(f Format, r io.Reader) (Format, error) {
	in := bufio.NewReaderSize(&boundedReader{r, maxFile}, maxLine)
	if f == Auto {
		head, _ := in.Peek(headSize)
		if len(head) == 0 {
			return "", nil
		}
		known := false
		if f, known = Detect(head); !known {
			return "", errors.New("is not a lease file of a kind known here; use the lease file of dnsmasq, Kea, ISC dhcpd or systemd-networkd")
		}
	}
	var err error
	switch f {
	case Dnsmasq:
		err = readDnsmasq(b, in)
	case Kea:
		err = readKea(b, in)
	case ISC:
		err = readISC(b, in)
	case Networkd:
		err = readNetworkd(b, in)
	default:
		return "", fmt.Errorf("%q is no format of lease files", f)
	}
	if err == nil && b.full {
		err = errTooMany
	}
	return f, err
}

// boundedReader ends with an error where the file is too large.
type boundedReader struct {
	r    io.Reader
	left int
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left == 0 {
		// Only a file that goes on is too large.
		if n, err := io.ReadFull(b.r, make([]byte, 1)); n == 0 {
			return 0, err
		}
		return 0, errTooLarge
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
