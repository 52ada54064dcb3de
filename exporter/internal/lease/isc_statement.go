package lease

import (
	"bufio"
	"io"
	"strings"
)

// Bounds of a statement of a lease file. What is longer is cut: a device's
// identifier has at most 255 bytes, each written as up to four.
const (
	maxWord  = 4096
	maxWords = 8
)

// statement is a number of words and what ended them: a semicolon, or a brace.
type statement struct {
	words []string
	end   byte
	torn  bool // a word was cut, or an end was missing
}

// first gives the word that tells what the statement is about.
func (s statement) first() string { return s.word(0) }

// word gives the i-th word, empty where there are fewer.
func (s statement) word(i int) string {
	if i < len(s.words) {
		return s.words[i]
	}
	return ""
}

// begins reports whether the statement begins with these words.
func (s statement) begins(words ...string) bool {
	for i, w := range words {
		if s.word(i) != w {
			return false
		}
	}
	return true
}

// lexer splits a file into statements, after the rules of ISC's common/conflex.c.
type lexer struct{ in *bufio.Reader }

// next gives io.EOF at the end of the file; a statement without its end is torn.
func (l lexer) next() (statement, error) {
	var s statement
	for {
		c, err := l.in.ReadByte()
		if err == io.EOF && len(s.words) > 0 {
			s.torn = true
			return s, nil
		}
		if err != nil {
			return s, err
		}
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		case '#':
			err = l.comment()
		case ';', '{', '}':
			s.end = c
			s.torn = s.torn || c == '}' && len(s.words) > 0
			return s, nil
		case '"':
			err = l.add(&s, l.quoted)
		default:
			_ = l.in.UnreadByte()
			err = l.add(&s, l.bare)
		}
		if err != nil && err != io.EOF {
			return s, err
		}
	}
}

func (l lexer) comment() error {
	for {
		if c, err := l.in.ReadByte(); err != nil || c == '\n' {
			return err
		}
	}
}

func (l lexer) add(s *statement, read func() (word string, whole bool, err error)) error {
	word, whole, err := read()
	s.torn = s.torn || !whole
	if len(s.words) < maxWords {
		s.words = append(s.words, word)
	}
	return err
}

// bare reads a word without quotes.
func (l lexer) bare() (string, bool, error) {
	var word strings.Builder
	for whole := true; ; {
		c, err := l.in.ReadByte()
		if err != nil {
			return word.String(), whole, err
		}
		if strings.IndexByte(" \t\r\n;{}\"#", c) >= 0 {
			return word.String(), whole, l.in.UnreadByte()
		}
		whole = keep(&word, c) && whole
	}
}

// quoted reads up to the closing quote. The server writes no line end into a
// string, so one that is there shows where a torn string ends.
func (l lexer) quoted() (string, bool, error) {
	var word strings.Builder
	for whole := true; ; {
		c, err := l.in.ReadByte()
		switch {
		case err != nil:
			return word.String(), false, err
		case c == '\n':
			return word.String(), false, nil
		case c == '"':
			return word.String(), whole, nil
		case c == '\\':
			if c, err = l.escaped(); err != nil {
				return word.String(), false, err
			}
		}
		whole = keep(&word, c) && whole
	}
}

// escaped reads what follows a backslash: three octal digits, or the character
// itself (quotify_buf in common/print.c).
func (l lexer) escaped() (byte, error) {
	c, err := l.in.ReadByte()
	if err != nil || c < '0' || c > '7' {
		return c, err
	}
	value := c - '0'
	for range 2 {
		c, err := l.in.ReadByte()
		if err != nil {
			return 0, err
		}
		if c < '0' || c > '7' {
			return value, l.in.UnreadByte()
		}
		value = value<<3 | (c - '0')
	}
	return value, nil
}

// keep adds a character unless the word is long enough already.
func keep(word *strings.Builder, c byte) bool {
	if word.Len() >= maxWord {
		return false
	}
	word.WriteByte(c)
	return true
}
