// Package oui names the makers of network cards, from a copy of the IEEE's
// list of the prefixes it sold.
package oui

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"router-monitoring/exporter/internal/sample"
)

// Table knows the makers by the first three bytes of a MAC. The list has some
// 40,000 prefixes of 20,000 makers, so it is kept as sorted prefixes that point
// into one text.
type Table struct {
	prefixes []uint32 // of 24 bits, sorted
	names    []span   // of the prefix at the same place
	text     string   // all names, each once
}

type span struct {
	at     uint32
	length uint8
}

// Name gives the maker of a network card in a form for people; it is empty for
// one that is not in the list and for a MAC that a device made up.
func (t *Table) Name(m sample.MAC) string {
	if m.IsZero() || m.IsRandom() || m.IsGroup() {
		return ""
	}
	i, found := slices.BinarySearch(t.prefixes, uint32(m[0])<<16|uint32(m[1])<<8|uint32(m[2]))
	if !found {
		return ""
	}
	n := t.names[i]
	return t.text[n.at : n.at+uint32(n.length)]
}

// Len is how many prefixes are known.
func (t *Table) Len() int { return len(t.prefixes) }

// Load reads a list as Parse does.
func Load(path string) (*Table, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read vendors: %w; install the list (Debian's package ieee-data, or hwdata) or correct vendors in the configuration", err)
	}
	defer f.Close()
	return Parse(path, f)
}

// Bounds of a list. The IEEE's had 5 MB and 32,530 prefixes in 2022.
const (
	maxFile    = 32 << 20
	maxLine    = 64 << 10
	maxEntries = 1 << 18
)

// Parse reads the IEEE's list oui.txt (https://standards-oui.ieee.org), where
// two lines and an address tell of a prefix:
//
//	28-6F-B9   (hex)		Nokia Shanghai Bell Co., Ltd.
//	286FB9     (base 16)		Nokia Shanghai Bell Co., Ltd.
//					No.388 Ning Qiao Road, Jin Qiao Pudong Shanghai
//
// or the short form that Nmap ships as nmap-mac-prefixes:
//
//	286FB9 Nokia Shanghai Bell
//
// Errors begin with name and the line.
func Parse(name string, r io.Reader) (*Table, error) {
	var entries []entry
	number := 0
	fault := func(format string, args ...any) error {
		return fmt.Errorf("%s:%d: %w; use the IEEE's oui.txt as Debian's ieee-data and hwdata ship it", name, max(number, 1), fmt.Errorf(format, args...))
	}
	in := &io.LimitedReader{R: r, N: maxFile + 1}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		number++
		if line := lines.Bytes(); len(line) == 0 || line[0] == '\t' || bytes.Contains(line, []byte("(base 16)")) {
			continue // nothing new, in most of the lines
		}
		e, ok, err := parseLine(lines.Text())
		if err != nil {
			return nil, fault("%w", err)
		}
		if ok {
			entries = append(entries, e)
		}
		if len(entries) > maxEntries {
			return nil, fault("holds more than %d prefixes", maxEntries)
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		number++
		return nil, fault("is longer than %d bytes", maxLine)
	case err != nil:
		return nil, fmt.Errorf("read vendors: %w", err)
	case in.N == 0:
		return nil, fault("the file is larger than %d MiB", maxFile>>20)
	case len(entries) == 0:
		return nil, fault("no vendor up to here")
	}
	return newTable(entries), nil
}

type entry struct {
	prefix uint32
	name   string
}

// parseLine reads one line; ok tells that it names a maker.
func parseLine(line string) (e entry, ok bool, err error) {
	line = strings.TrimRight(strings.TrimPrefix(line, "\ufeff"), " \t\r")
	digits, organization, found := strings.Cut(line, "(hex)")
	if found {
		digits = strings.ReplaceAll(strings.TrimSpace(digits), "-", "")
	} else {
		digits, organization, _ = strings.Cut(line, " ")
		organization = strings.TrimSpace(organization)
	}
	e.prefix, ok = parsePrefix(digits)
	switch {
	case found && !ok:
		return e, false, fmt.Errorf("%.20q is not a prefix like 28-6F-B9", digits)
	case !ok: // a heading or a comment
		return e, false, nil
	}
	e.name = shorten(organization)
	return e, e.name != "", nil
}

func parsePrefix(s string) (uint32, bool) {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != 3 {
		return 0, false
	}
	return uint32(raw[0])<<16 | uint32(raw[1])<<8 | uint32(raw[2]), true
}

// newTable packs the entries. Of a prefix sold twice the first maker stays.
func newTable(entries []entry) *Table {
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.prefix, b.prefix) })
	entries = slices.CompactFunc(entries, func(a, b entry) bool { return a.prefix == b.prefix })
	t := &Table{prefixes: make([]uint32, len(entries)), names: make([]span, len(entries))}
	var text strings.Builder
	places := map[string]span{}
	for i, e := range entries {
		place, known := places[e.name]
		if !known {
			place = span{uint32(text.Len()), uint8(len(e.name))}
			places[e.name] = place
			text.WriteString(e.name)
		}
		t.prefixes[i], t.names[i] = e.prefix, place
	}
	t.text = strings.Clone(text.String()) // the builder's has room to spare
	return t
}
