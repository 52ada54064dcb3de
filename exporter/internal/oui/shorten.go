package oui

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is how long a name may be, in bytes.
const maxName = 40

// legalForms are words at the end of a company's name that say what kind of
// company it is, without dots and in lower case.
var legalForms = map[string]bool{}

func init() {
	for _, form := range strings.Fields(`
		a/s ab ag aps as asa bhd bv bvba co coltd company corp corporate
		corporation gmbh inc incorporated kft kg kgaa kk lda limited llc llp lp ltd
		ltda mbh nv oy oyj plc private pte pty pvt sa sarl sas sdn se sl spa spzoo
		sro srl ug zrt`) {
		legalForms[form] = true
	}
}

// holders are entries that name no maker: prefixes sold in smaller parts, and
// makers that want to stay unnamed.
var holders = map[string]bool{"ieee registration authority": true, "private": true}

// shorten makes "Apple" of "Apple, Inc.": visible characters on one line, no
// legal form, at most maxName bytes.
func shorten(organization string) string {
	words := strings.FieldsFunc(organization, func(r rune) bool { return unicode.IsSpace(r) || r == ',' })
	for i, w := range words {
		words[i] = strings.Map(visible, w)
	}
	words = strings.Fields(strings.Join(words, " ")) // without what is now empty
	if holders[strings.ToLower(strings.Join(words, " "))] {
		return ""
	}
	for len(words) > 1 && droppable(words[len(words)-1]) {
		words = words[:len(words)-1]
	}
	return fit(strings.TrimRight(strings.Join(words, " "), " .,;&-"))
}

// visible drops control and format characters and what is not UTF-8.
func visible(r rune) rune {
	if r == utf8.RuneError || !unicode.IsGraphic(r) || unicode.IsSpace(r) {
		return -1
	}
	return r
}

func droppable(word string) bool {
	bare := strings.ToLower(strings.ReplaceAll(strings.Trim(word, "()&-;"), ".", ""))
	return bare == "" || legalForms[bare]
}

// fit cuts a long name, where it can be between two words.
func fit(name string) string {
	if len(name) <= maxName {
		return name
	}
	end := maxName
	for !utf8.RuneStart(name[end]) {
		end--
	}
	if space := strings.LastIndexByte(name[:end+1], ' '); space > maxName/2 {
		end = space
	}
	return strings.TrimRight(name[:end], " .,;&-(")
}
