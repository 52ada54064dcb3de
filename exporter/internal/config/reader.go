package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxText is the longest text any key takes, in bytes: that of a path (PATH_MAX).
const maxText = 4096

// reader turns a node into a T. What is wrong it reports, and returns false.
type reader[T any] func(node) (T, bool)

// list reads a list of up to most values.
func list[T any](most int, read reader[T]) reader[[]T] {
	return func(n node) (values []T, ok bool) {
		if n.Kind != yaml.SequenceNode {
			n.errorf("needs a list, not %s; begin each entry with \"- \"", n.describe())
			return nil, false
		}
		if len(n.Content) > most {
			n.errorf("holds %d entries; at most %d are possible", len(n.Content), most)
			return nil, false
		}
		ok = true
		for i := 0; i < len(n.Content) && !n.doc.full(); i++ {
			v, good := read(n.at(n.Content[i], "["+strconv.Itoa(i)+"]"))
			values, ok = append(values, v), ok && good
		}
		return values, ok
	}
}

// oneOrMore reads a list, or a single value without the brackets.
func oneOrMore[T any](most int, read reader[T]) reader[[]T] {
	return func(n node) ([]T, bool) {
		if n.Kind != yaml.ScalarNode {
			return list(most, read)(n)
		}
		v, ok := read(n)
		return []T{v}, ok
	}
}

// scalar reads a single value that has one of the YAML types given in tags.
func scalar[T any](want string, parse func(string) (T, error), tags ...string) reader[T] {
	return func(n node) (v T, ok bool) {
		if n.Kind != yaml.ScalarNode || !slices.Contains(tags, n.ShortTag()) {
			n.errorf("needs %s, not %s", want, n.describe())
			return v, false
		}
		if len(n.Value) > maxText {
			n.errorf("is longer than %d bytes", maxText)
			return v, false
		}
		v, err := parse(n.Value)
		if err != nil {
			n.errorf("%v", err)
		}
		return v, err == nil
	}
}

// text reads what YAML takes for text, so neither a bare number nor true.
func text[T any](parse func(string) (T, error)) reader[T] {
	return scalar("text in quotes", parse, "!!str")
}

// quantity reads a number with or without a unit.
func quantity[T any](want string, parse func(string) (T, error)) reader[T] {
	return scalar(want, parse, "!!str", "!!int", "!!float")
}

// once reads a value that no other node holds; seen remembers them.
func once[T comparable](seen map[T]node, read reader[T]) reader[T] {
	return func(n node) (T, bool) {
		v, ok := read(n)
		return v, ok && claim(seen, v, n)
	}
}

// claim notes that n holds v, or reports that another node does.
func claim[T comparable](seen map[T]node, v T, n node) bool {
	first, taken := seen[v]
	if taken {
		n.errorf("%q is at %s (line %d) already; give it once", clip(fmt.Sprint(v)), first.path, first.Line)
	} else {
		seen[v] = n
	}
	return !taken
}

// between reads a value from lo to hi.
func between[T cmp.Ordered](lo, hi T, read reader[T]) reader[T] {
	return func(n node) (T, bool) {
		v, ok := read(n)
		if ok && (v < lo || v > hi) {
			n.errorf("%v is out of range; use %v to %v", v, lo, hi)
			return v, false
		}
		return v, ok
	}
}

// oneOf reads one of the words.
func oneOf(words ...string) reader[string] {
	return text(func(s string) (string, error) {
		if !slices.Contains(words, s) {
			return "", fmt.Errorf("%q is not possible; use %s", clip(s), strings.Join(words, ", "))
		}
		return s, nil
	})
}
