package state

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"
	"reflect"
)

// parser reads the compact JSON of one line: no white space between tokens.
type parser struct {
	rest   []byte
	memory *int // bytes that lists may still fill
}

func (p *parser) line(v reflect.Value) error {
	if err := stateCodec.parse(p, v); err != nil {
		return err
	}
	if len(p.rest) > 0 {
		return p.unexpected("the end of the line")
	}
	return nil
}

func (p *parser) unexpected(wanted string) error {
	return fmt.Errorf("%.20q instead of %s", p.rest, wanted)
}

// take takes one byte if it comes next.
func (p *parser) take(c byte) bool {
	if len(p.rest) == 0 || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// entries reads what stands between two brackets with commas between.
func (p *parser) entries(opening, closing byte, entry func() error) error {
	if !p.take(opening) {
		return p.unexpected(string(opening))
	}
	if p.take(closing) {
		return nil
	}
	for {
		if err := entry(); err != nil {
			return err
		}
		if p.take(closing) {
			return nil
		}
		if !p.take(',') {
			return p.unexpected("a comma or " + string(closing))
		}
	}
}

// parse expects the fields in order and finds them in any order. It skips those
// it does not know.
func (c *structCodec) parse(p *parser, v reflect.Value) error {
	next := 0
	return p.entries('{', '}', func() error {
		f := c.find(p, next)
		if f < 0 {
			return p.skipField()
		}
		next = f + 1
		if err := c.fields[f].parse(p, v.FieldByIndex(c.fields[f].index)); err != nil {
			return fmt.Errorf("%s%w", c.fields[f].key, err)
		}
		return nil
	})
}

// find takes a key and returns the index of its field; -1 and nothing taken if
// there is none.
func (c *structCodec) find(p *parser, from int) int {
	for i := range c.fields {
		f := (from + i) % len(c.fields)
		if rest, ok := bytes.CutPrefix(p.rest, c.fields[f].key); ok {
			p.rest = rest
			return f
		}
	}
	return -1
}

func (p *parser) skipField() error {
	if _, err := p.text(); err != nil {
		return err
	}
	if !p.take(':') {
		return p.unexpected(":")
	}
	_, err := p.skip()
	return err
}

// text reads a string. The result is valid as long as the line is.
func (p *parser) text() ([]byte, error) {
	n, plain := p.quoted()
	if n == 0 {
		return nil, p.unexpected("a string")
	}
	quoted := p.rest[:n]
	p.rest = p.rest[n:]
	if plain {
		return quoted[1 : n-1], nil
	}
	return unescape(quoted)
}

// quoted measures a string with its quotes: 0 if there is none.
func (p *parser) quoted() (n int, plain bool) {
	if len(p.rest) == 0 || p.rest[0] != '"' {
		return 0, false
	}
	plain = true
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '"':
			return i + 1, plain
		case c == '\\':
			i++
			plain = false
		case c < ' ' || c > '~':
			plain = false
		}
	}
	return 0, false
}

func (p *parser) uint() (n uint64, err error) {
	i := 0
	for ; i < len(p.rest) && '0' <= p.rest[i] && p.rest[i] <= '9'; i++ {
		high, low := bits.Mul64(n, 10)
		sum, carry := bits.Add64(low, uint64(p.rest[i]-'0'), 0)
		if high|carry != 0 {
			return 0, errors.New("number too large")
		}
		n = sum
	}
	if i == 0 {
		return 0, p.unexpected("a number")
	}
	p.rest = p.rest[i:]
	return n, nil
}

// skip takes a value of any kind. It follows strings and brackets only.
func (p *parser) skip() ([]byte, error) {
	begin, depth := p.rest, 0
	for len(p.rest) > 0 {
		switch c := p.rest[0]; {
		case c == '"':
			if _, err := p.text(); err != nil {
				return nil, err
			}
			continue
		case c == '{' || c == '[':
			depth++
		case depth == 0 && (c == ',' || c == '}' || c == ']'):
			return begin[:len(begin)-len(p.rest)], nil
		case c == '}' || c == ']':
			depth--
		}
		p.rest = p.rest[1:]
	}
	return nil, p.unexpected("a value")
}
