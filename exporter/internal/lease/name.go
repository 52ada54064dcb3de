package lease

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is the length of a DNS label (RFC 1035), in bytes.
const maxName = 63

// maxMarks is how many accents one letter may carry; a name drawn with dozens
// of them covers what is written around it.
const maxMarks = 2

// nameless are names that devices send for want of one.
var nameless = map[string]bool{"*": true, "localhost": true, "(none)": true}

// CleanName makes of the host name that a device sent one that people know it
// by and that hurts nowhere, whatever the outputs forget to escape: letters and
// digits of any script, accents, hyphens and underscores, in lower case, at
// most 63 bytes of UTF-8. It is empty for no name, "localhost" and addresses.
//
// Of a domain name the first label stays, for the rest is the network's.
// Apostrophes go ("Alice's iPhone" is "alices-iphone", as the phone itself
// writes it), and so does what cannot be seen: control and format characters,
// among them those that turn the direction of writing around. Any run of other
// characters becomes one hyphen. Two devices whose names differ only there get
// the same name; they stay two devices.
func CleanName(s string) string {
	s = strings.TrimSpace(s)
	if _, err := netip.ParseAddr(s); err == nil || nameless[s] {
		return ""
	}
	s = strings.Trim(cut(hostCharacters(s), maxName), "-")
	if nameless[s] {
		return ""
	}
	return s
}

// hostCharacters gives the allowed characters of the first label.
func hostCharacters(s string) string {
	var out strings.Builder
	gap, marks := true, 0 // so that nothing begins with a mark
	for _, r := range s {
		if r == '.' || out.Len() > maxName {
			break
		}
		r = unicode.ToLower(r)
		switch {
		case r == '\'' || r == '’' || invisible(r):
		case unicode.IsMark(r):
			if marks++; !gap && marks <= maxMarks {
				out.WriteRune(r)
			}
		case r == '_' || r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			gap, marks = false, 0
			out.WriteRune(r)
		case !gap:
			gap = true
			out.WriteByte('-')
		}
	}
	return out.String()
}

// invisible reports characters that take no place of their own.
func invisible(r rune) bool {
	return unicode.Is(unicode.Cc, r) && !unicode.IsSpace(r) ||
		unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// cut shortens to at most n bytes, never within a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
