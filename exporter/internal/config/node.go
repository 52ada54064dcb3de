package config

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// node is one value of the file and the path of keys that leads to it.
type node struct {
	*yaml.Node
	doc  *document
	path string
}

// field is a key of a mapping and what reads its value.
type field struct {
	key      string
	required bool
	read     func(node)
}

// optional is a key that keeps dst as it is if left out or left empty.
func optional[T any](key string, dst *T, read reader[T]) field {
	return field{key: key, read: func(n node) {
		if v, ok := read(n); ok {
			*dst = v
		}
	}}
}

// required is a key that must be there.
func required[T any](key string, dst *T, read reader[T]) field {
	f := optional(key, dst, read)
	f.required = true
	return f
}

// section is a key whose value is a mapping with keys of its own.
func section(key string, fields ...field) field {
	return field{key: key, read: func(n node) { n.mapping(fields...) }}
}

// at is the node y, reached from n by a key or index; an alias gives its target.
func (n node) at(y *yaml.Node, step string) node {
	if y.Kind == yaml.AliasNode {
		y = y.Alias
	}
	return node{y, n.doc, n.path + step}
}

func (n node) atKey(y *yaml.Node, key string) node {
	step := quoteKey(key)
	if n.path != "" {
		step = "." + step
	}
	return n.at(y, step)
}

// errorf reports what is wrong with the node and how to mend it.
func (n node) errorf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if n.path != "" {
		text = n.path + ": " + text
	}
	n.doc.report(n.Line, n.Column, text)
}

// isEmpty reports a key without a value, or a file without keys.
func (n node) isEmpty() bool {
	return n.Kind == 0 || n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// pair is a key of a mapping and its value.
type pair struct {
	name       string
	key, value node // both with the path of the value
}

// pairs gives the entries of a mapping in the order of the file.
func (n node) pairs() (pairs []pair, ok bool) {
	if n.Kind != yaml.MappingNode {
		n.errorf("needs keys with values, not %s", n.describe())
		return nil, false
	}
	seen := map[string]node{}
	for i := 0; i < len(n.Content) && !n.doc.full(); i += 2 {
		name := n.Content[i].Value
		key, value := n.atKey(n.Content[i], name), n.atKey(n.Content[i+1], name)
		if n.Content[i].Kind != yaml.ScalarNode {
			n.at(n.Content[i], "").errorf("a key must be plain text")
		} else if first, twice := seen[name]; twice {
			key.errorf("key given twice, first on line %d; keep one", first.Line)
		} else {
			seen[name] = key
			pairs = append(pairs, pair{name, key, value})
		}
	}
	return pairs, true
}

// mapping reads the fields, in their order and not that of the file, so that
// one may build on those before it. It tells whether nothing was wrong.
func (n node) mapping(fields ...field) bool {
	before := len(n.doc.problems)
	pairs, ok := n.pairs()
	if !ok {
		return false
	}
	values := map[string]node{}
	for _, p := range pairs {
		values[p.name] = p.value
		if !hasKey(fields, p.name) {
			p.key.errorf("unknown key; %s", suggest(p.name, fields))
		}
	}
	for _, f := range fields {
		if v, given := values[f.key]; given && !v.isEmpty() {
			f.read(v)
		} else if f.required {
			n.atKey(n.Node, f.key).errorf("missing; add it")
		}
	}
	return len(n.doc.problems) == before
}

// describe tells what the owner wrote.
func (n node) describe() string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "keys with values"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.ShortTag() == "!!null":
		return "nothing"
	case n.ShortTag() == "!!str":
		return "the text " + strconv.Quote(clip(n.Value))
	default: // true, 5, 2026-01-31: as written, without quotes
		return strings.Trim(strconv.Quote(clip(n.Value)), `"`)
	}
}

// clip shortens what is quoted in a message.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
