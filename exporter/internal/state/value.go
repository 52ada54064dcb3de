package state

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/netip"
	"reflect"
	"strconv"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// textCodec writes a value as a string.
type textCodec[T any] struct {
	appendText func(b []byte, v *T) ([]byte, error)
	parseText  func(text []byte) (T, error)
}

func (c textCodec[T]) append(b []byte, v reflect.Value) ([]byte, error) {
	b, err := c.appendText(append(b, '"'), v.Addr().Interface().(*T))
	return append(b, '"'), err
}

func (c textCodec[T]) parse(p *parser, v reflect.Value) error {
	text, err := p.text()
	if err != nil {
		return err
	}
	*v.Addr().Interface().(*T), err = c.parseText(text)
	return err
}

func appendMAC(b []byte, m *sample.MAC) ([]byte, error) {
	if m.IsZero() {
		return b, nil
	}
	for i := range m {
		if i > 0 {
			b = append(b, ':')
		}
		b = hex.AppendEncode(b, m[i:i+1])
	}
	return b, nil
}

func parseMAC(text []byte) (m sample.MAC, err error) {
	if len(text) == 0 {
		return m, nil
	}
	if len(text) != len("aa:bb:cc:dd:ee:ff") {
		return m, errors.New("not a MAC address")
	}
	for i := range m {
		if i > 0 && text[3*i-1] != ':' {
			return m, errors.New("not a MAC address")
		}
		if _, err := hex.Decode(m[i:i+1], text[3*i:3*i+2]); err != nil {
			return m, err
		}
	}
	return m, nil
}

// appendAddr takes care of zones, which are interfaces' names and so may hold
// almost any byte.
func appendAddr(b []byte, a *netip.Addr) ([]byte, error) {
	switch {
	case !a.IsValid():
		return b, nil
	case isPlain(a.Zone()):
		return a.AppendTo(b), nil
	}
	quoted, err := json.Marshal(a.String())
	if err != nil {
		return nil, err
	}
	return append(b, quoted[1:len(quoted)-1]...), nil
}

func parseAddr(text []byte) (a netip.Addr, err error) {
	err = a.UnmarshalText(text)
	return a, err
}

// appendTime keeps the instant to the nanosecond; the zone is the reader's affair.
func appendTime(b []byte, t *time.Time) ([]byte, error) { return t.UTC().AppendText(b) }

func parseTime(text []byte) (t time.Time, err error) {
	err = t.UnmarshalText(text)
	return t.UTC(), err
}

// stringCodec writes invalid UTF-8 as U+FFFD, as encoding/json does.
type stringCodec struct{}

func (stringCodec) append(b []byte, v reflect.Value) ([]byte, error) {
	s := v.String()
	if isPlain(s) {
		return append(append(append(b, '"'), s...), '"'), nil
	}
	return standardCodec{}.append(b, v)
}

func (stringCodec) parse(p *parser, v reflect.Value) error {
	text, err := p.text()
	if err == nil {
		v.SetString(string(text))
	}
	return err
}

// isPlain tells what needs no escapes in JSON.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

type uintCodec struct{ bits int }

func (uintCodec) append(b []byte, v reflect.Value) ([]byte, error) {
	return strconv.AppendUint(b, v.Uint(), 10), nil
}

func (c uintCodec) parse(p *parser, v reflect.Value) error {
	n, err := p.uint()
	if err == nil && v.OverflowUint(n) {
		return errors.New("number too large")
	}
	v.SetUint(n)
	return err
}

// unescape reads a JSON string with its quotes.
func unescape(quoted []byte) ([]byte, error) {
	var s string
	err := json.Unmarshal(quoted, &s)
	return []byte(s), err
}
