package state

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// codec writes and reads one type as compact JSON. Values are addressable.
type codec interface {
	append(b []byte, v reflect.Value) ([]byte, error)
	parse(p *parser, v reflect.Value) error
}

// codecOf has its own codecs for what states are full of and leaves all else to
// encoding/json.
func codecOf(t reflect.Type) codec {
	switch t {
	case reflect.TypeFor[sample.MAC]():
		return textCodec[sample.MAC]{appendMAC, parseMAC}
	case reflect.TypeFor[netip.Addr]():
		return textCodec[netip.Addr]{appendAddr, parseAddr}
	case reflect.TypeFor[time.Time]():
		return textCodec[time.Time]{appendTime, parseTime}
	}
	if p := reflect.PointerTo(t); p.Implements(reflect.TypeFor[encoding.TextMarshaler]()) ||
		p.Implements(reflect.TypeFor[json.Marshaler]()) {
		return standardCodec{}
	}
	switch t.Kind() {
	case reflect.Struct:
		return newStructCodec(t)
	case reflect.Slice:
		return sliceCodec{codecOf(t.Elem()), int(t.Elem().Size())}
	case reflect.Array:
		return arrayCodec{codecOf(t.Elem())}
	case reflect.String:
		return stringCodec{}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return uintCodec{t.Bits()}
	}
	return standardCodec{}
}

// structCodec writes the fields that are not zero. Embedded structs' fields
// stand among the others, as in encoding/json.
type structCodec struct{ fields []field }

type field struct {
	codec
	list  codec  // of an entry, if the field is a slice
	key   []byte // as in JSON, with quotes and colon
	index []int
}

func newStructCodec(t reflect.Type) *structCodec {
	c := new(structCodec)
	for _, f := range reflect.VisibleFields(t) {
		if f.IsExported() && !f.Anonymous { // the fields of embedded structs are visible themselves
			c.fields = append(c.fields, newField(f))
		}
	}
	return c
}

func newField(f reflect.StructField) field {
	made := field{codec: codecOf(f.Type), key: []byte(`"` + f.Name + `":`), index: f.Index}
	if slice, ok := made.codec.(sliceCodec); ok {
		made.list = slice.entry
	}
	return made
}

func (c *structCodec) append(b []byte, v reflect.Value) ([]byte, error) {
	return c.appendFields(b, v, true)
}

// appendSingles leaves the lists out.
func (c *structCodec) appendSingles(b []byte, v reflect.Value) ([]byte, error) {
	return c.appendFields(b, v, false)
}

func (c *structCodec) appendFields(b []byte, v reflect.Value, lists bool) ([]byte, error) {
	b = append(b, '{')
	for i := range c.fields {
		f := &c.fields[i]
		if f.list != nil && !lists {
			continue
		}
		value := v.FieldByIndex(f.index)
		if value.IsZero() || f.list != nil && value.Len() == 0 {
			continue
		}
		b = append(b, f.key...)
		var err error
		if b, err = f.append(b, value); err != nil {
			return nil, fmt.Errorf("%s%w", f.key, err)
		}
		b = append(b, ',')
	}
	return closeList(b, '{', '}'), nil
}

// appendEntry writes a list field as if it had this entry alone.
func (f *field) appendEntry(b []byte, v reflect.Value) ([]byte, error) {
	b = append(b, '{')
	b = append(b, f.key...)
	b = append(b, '[')
	b, err := f.list.append(b, v)
	return append(b, ']', '}'), err
}

// sliceCodec appends what it reads, so that a list may stand in several parts.
type sliceCodec struct {
	entry codec
	size  int // of an entry in memory
}

func (c sliceCodec) append(b []byte, v reflect.Value) ([]byte, error) {
	return appendEntries(b, v, c.entry)
}

func (c sliceCodec) parse(p *parser, v reflect.Value) error {
	return p.entries('[', ']', func() error {
		if *p.memory -= c.size; *p.memory < 0 {
			return errors.New("would fill too much memory")
		}
		n := v.Len()
		v.Grow(1)
		v.SetLen(n + 1)
		return c.entry.parse(p, v.Index(n))
	})
}

type arrayCodec struct{ entry codec }

func (c arrayCodec) append(b []byte, v reflect.Value) ([]byte, error) {
	return appendEntries(b, v, c.entry)
}

func (c arrayCodec) parse(p *parser, v reflect.Value) error {
	n := 0
	err := p.entries('[', ']', func() error {
		if n == v.Len() {
			return p.unexpected("the end of a list")
		}
		n++
		return c.entry.parse(p, v.Index(n-1))
	})
	if err == nil && n != v.Len() {
		return fmt.Errorf("list of %d instead of %d", n, v.Len())
	}
	return err
}

func appendEntries(b []byte, v reflect.Value, entry codec) (_ []byte, err error) {
	b = append(b, '[')
	for i := range v.Len() {
		if b, err = entry.append(b, v.Index(i)); err != nil {
			return nil, err
		}
		b = append(b, ',')
	}
	return closeList(b, '[', ']'), nil
}

// closeList puts the end over the last comma, if there is one.
func closeList(b []byte, opening, closing byte) []byte {
	if last := len(b) - 1; b[last] != opening {
		b[last] = closing
		return b
	}
	return append(b, closing)
}

// standardCodec is encoding/json.
type standardCodec struct{}

func (standardCodec) append(b []byte, v reflect.Value) ([]byte, error) {
	text, err := json.Marshal(v.Addr().Interface())
	return append(b, text...), err
}

func (standardCodec) parse(p *parser, v reflect.Value) error {
	text, err := p.skip()
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v.Addr().Interface())
}
