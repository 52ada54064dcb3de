package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

const (
	maxFileSize = 4 << 20 // bytes; 65536 clients of 64 bytes each
	maxProblems = 100     // what one looks at before mending the first; it also bounds the work on a hostile file
)

// document is one YAML file and what is wrong with it.
type document struct {
	name     string
	problems []problem
}

type problem struct {
	line, column int
	text         string
}

// report adds a problem, unless there are too many already.
func (d *document) report(line, column int, text string) {
	if !d.full() {
		d.problems = append(d.problems, problem{line, column, text})
	}
}

func (d *document) full() bool { return len(d.problems) >= maxProblems }

// err joins the problems in the order of the file; nil if there are none.
func (d *document) err() error {
	slices.SortStableFunc(d.problems, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
	})
	var errs []error
	for _, p := range d.problems {
		errs = append(errs, fmt.Errorf("%s:%d: %s", d.name, p.line, p.text))
	}
	if d.full() {
		errs = append(errs, fmt.Errorf("%s: stopped after %d errors", d.name, maxProblems))
	}
	return errors.Join(errs...)
}

// load reads the only YAML document of r into a node, whose kind is zero if
// there is none. Nodes do not copy what an alias stands for, so aliases of
// aliases cost nothing.
func (d *document) load(r io.Reader) (node, error) {
	content, err := io.ReadAll(io.LimitReader(r, maxFileSize+1))
	if err != nil {
		return node{}, fmt.Errorf("%s: read: %w", d.name, err)
	}
	if len(content) > maxFileSize {
		return node{}, fmt.Errorf("%s: larger than %d MiB; is it the right file?", d.name, maxFileSize>>20)
	}
	lines := &lineReader{rest: content}
	decoder := yaml.NewDecoder(lines)
	var first, second yaml.Node
	if d.next(decoder, lines, &first) && d.next(decoder, lines, &second) {
		d.report(second.Line, second.Column, "a second YAML document begins here; keep one and remove the line ---")
	}
	if len(first.Content) == 0 {
		return node{Node: &first, doc: d}, nil
	}
	return node{Node: first.Content[0], doc: d}, nil
}

// next decodes one more document, and tells whether there was one.
func (d *document) next(decoder *yaml.Decoder, lines *lineReader, into *yaml.Node) bool {
	err := decoder.Decode(into)
	if err != nil && err != io.EOF {
		d.reportSyntax(err, lines.count)
	}
	return err == nil
}

// lineReader hands its content out line by line, so that its count tells how
// far the YAML parser came.
type lineReader struct {
	rest  []byte
	count int
	begun bool // part of the current line is handed out
}

func (l *lineReader) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		return 0, io.EOF
	}
	if !l.begun {
		l.count++
	}
	end := bytes.IndexByte(l.rest, '\n') + 1
	if end == 0 {
		end = len(l.rest)
	}
	n := copy(p, l.rest[:end])
	l.rest, l.begun = l.rest[n:], n < end
	return n, nil
}

var (
	yamlError    = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)
	grammarError = regexp.MustCompile(`^did not find expected|^found (duplicate|incompatible|undefined)`)
)

// reportSyntax reports an error of the YAML parser, which had read as far as the
// line stopped. That is the line to name unless the error carries a better one;
// errors of the grammar carry the line before the block they are in, others none.
func (d *document) reportSyntax(err error, stopped int) {
	line, text := stopped, strconv.Quote(err.Error())
	if match := yamlError.FindStringSubmatch(err.Error()); match != nil {
		text = match[2]
		if named, err := strconv.Atoi(match[1]); err == nil && !grammarError.MatchString(text) {
			line = named
		}
	}
	d.report(line, 0, "not valid YAML: "+text)
}
