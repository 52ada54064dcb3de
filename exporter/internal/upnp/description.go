package upnp

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxDescription is how much of a description is kept, in bytes.
const maxDescription = 63

// CleanDescription makes what a program says of its port mapping fit for a label:
// valid UTF-8 on one line without characters that cannot be seen, at most 63 bytes.
func CleanDescription(s string) string {
	var out strings.Builder
	gap := false
	for _, r := range s {
		if unicode.IsSpace(r) {
			gap = out.Len() > 0
			continue
		}
		if r == utf8.RuneError || !unicode.IsGraphic(r) {
			continue
		}
		if gap {
			out.WriteByte(' ')
			gap = false
		}
		if out.Len()+utf8.RuneLen(r) > maxDescription {
			break
		}
		out.WriteRune(r)
	}
	return strings.TrimSpace(out.String())
}
