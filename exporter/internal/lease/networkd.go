package lease

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"reflect"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// networkdLease is one lease of systemd-networkd's DHCPv4 server, as
// dhcp_server_save_leases in src/libsystemd-network/sd-dhcp-server-lease.c
// writes it: JSON with {"BootID", "Address", "PrefixLength", "Leases": […]},
// one file per interface (PersistLeases= in systemd.network(5)). Bytes are
// arrays of numbers. ExpirationUSec, a time since boot, is not used: nothing
// here knows whether it was this boot.
type networkdLease struct {
	ClientID       bytesOfJSON `json:"ClientId"`
	Address        bytesOfJSON `json:"Address"`
	Hostname       string      `json:"Hostname"`
	HardwareType   *int        `json:"HardwareAddressType"`
	HardwareLength *int        `json:"HardwareAddressLength"`
	Hardware       bytesOfJSON `json:"HardwareAddress"`
	Expiration     uint64      `json:"ExpirationRealtimeUSec"`
}

// readNetworkd reads the leases one by one, so that the file's size does not
// multiply in memory.
func readNetworkd(b *book, in *bufio.Reader) error {
	d := json.NewDecoder(in)
	err := b.networkdFile(d)
	switch {
	case errors.Is(err, errTooLarge):
		return err
	case err == io.EOF && d.InputOffset() == 0: // nothing written yet
		return nil
	case errors.As(err, new(*json.SyntaxError)), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, errNotLeases):
		b.bad++ // torn
		return nil
	}
	return err
}

var errNotLeases = errors.New("not an object with leases")

func (b *book) networkdFile(d *json.Decoder) error {
	start, err := d.Token()
	if err != nil {
		return err
	}
	if start != json.Delim('{') {
		return errNotLeases
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		if key == "Leases" {
			err = b.networkdLeases(d)
		} else {
			err = d.Decode(new(json.RawMessage))
		}
		if err != nil {
			return err
		}
	}
	_, err = d.Token() // the end, which is missing from a torn file
	return err
}

func (b *book) networkdLeases(d *json.Decoder) error {
	if start, err := d.Token(); err != nil || start != json.Delim('[') {
		return errors.Join(err, errNotLeases)
	}
	for d.More() {
		var n networkdLease
		err := d.Decode(&n)
		if err != nil && !errors.As(err, new(*json.UnmarshalTypeError)) {
			return err
		}
		if l, ok := n.lease(); ok && err == nil {
			b.put(l)
		} else {
			b.bad++
		}
	}
	_, err := d.Token()
	return err
}

func (n *networkdLease) lease() (l sample.Lease, ok bool) {
	l.Addr, ok = netip.AddrFromSlice(n.Address)
	if !ok || !leasable(l.Addr) {
		return l, false
	}
	l.Name = CleanName(n.Hostname)
	if n.Expiration > 0 {
		l.Expires = seconds(max(1, n.Expiration/uint64(time.Second/time.Microsecond)))
	}
	// The array may be as long as the field of the DHCP header is.
	hw, htype := n.Hardware, htypeEthernet
	if n.HardwareLength != nil && *n.HardwareLength >= 0 && *n.HardwareLength < len(hw) {
		hw = hw[:*n.HardwareLength]
	}
	if n.HardwareType != nil {
		htype = *n.HardwareType
	}
	if l.MAC = macOf(htype, hw); l.MAC.IsZero() {
		l.MAC = macOfClientID(n.ClientID)
	}
	return l, true
}

// bytesOfJSON is an array of small numbers; the standard library expects base64
// for a byte slice.
type bytesOfJSON []byte

func (b *bytesOfJSON) UnmarshalJSON(text []byte) error {
	var numbers []uint16
	if err := json.Unmarshal(text, &numbers); err != nil {
		return err
	}
	out := make([]byte, len(numbers))
	for i, n := range numbers {
		if n > 255 {
			return &json.UnmarshalTypeError{Value: "number", Type: reflect.TypeFor[byte]()}
		}
		out[i] = byte(n)
	}
	*b = out
	return nil
}
