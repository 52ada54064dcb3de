package lease

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestCleanName(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "laptop", "laptop"},
		{"upper case", "Gaming-PC", "gaming-pc"},
		{"underscore", "nas_1", "nas_1"},
		{"domain", "printer.lan.example.org", "printer"},
		{"empty", "", ""},
		{"only a domain", ".local", ""},
		{"star", "*", ""},
		{"localhost", "LocalHost.localdomain", ""},
		{"firmware without a name", "(none)", ""},
		{"IPv4 address", "192.168.1.5", ""},
		{"IPv6 address", "fd00:1::10", ""},
		{"spaces", "  Living  Room TV \t", "living-room-tv"},
		{"apostrophe", "Alice's iPhone", "alices-iphone"},
		{"curly apostrophe", "Alice’s iPhone", "alices-iphone"},
		{"quotes", `a"b\c`, "a-b-c"},
		{"newline", "up 1\nevil_metric{} 1", "up-1-evil_metric-1"},
		{"HTML", "<script>alert(1)</script>", "script-alert-1-script"},
		{"escape sequence", "\x1b[31mred\x1b[0m", "31mred-0m"},
		{"NUL", "a\x00b", "ab"},
		{"emoji", "🔥 tablet 🔥", "tablet"},
		{"only emoji", "🔥", ""},
		{"umlauts", "KÜCHE", "küche"},
		{"other scripts", "Кухня-電話", "кухня-電話"},
		{"combining marks", "cafe\u0301", "cafe\u0301"},
		{"too many marks", "e" + strings.Repeat("\u0301", 50) + "x", "e\u0301\u0301x"},
		{"mark without a letter", "\u0301a", "a"},
		{"right to left override", "photo\u202egpj.exe", "photogpj"},
		{"zero width", "a\u200bd\u2060min\ufeff", "admin"},
		{"blank letter", "\u3164\u115f", ""},
		{"line separator", "a\u2028b", "a-b"},
		{"bad UTF-8", "b\xfcro", "b-ro"},
		{"only bad UTF-8", "\xff\xfe", ""},
		{"hyphens", "--a--", "a"},
		{"255 bytes", strings.Repeat("A", 255), strings.Repeat("a", 63)},
		{"255 bytes of two", strings.Repeat("ü", 127) + "x", strings.Repeat("ü", 31)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := CleanName(tt.in); got != tt.want {
				t.Errorf("CleanName(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

// checkName holds a name to what CleanName promises.
func checkName(t *testing.T, name string) {
	t.Helper()
	allowed := func(r rune) bool {
		return r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
	}
	switch {
	case len(name) > 63:
		t.Errorf("%q has %d bytes", name, len(name))
	case !utf8.ValidString(name):
		t.Errorf("%q is not UTF-8", name)
	case strings.ContainsFunc(name, func(r rune) bool { return !allowed(r) || invisible(r) }):
		t.Errorf("%q has characters that are not allowed", name)
	case name != strings.Trim(name, "-"):
		t.Errorf("%q has a hyphen at an end", name)
	case CleanName(name) != name:
		t.Errorf("%q becomes %q when it is cleaned again", name, CleanName(name))
	}
}

func FuzzCleanName(f *testing.F) {
	for _, s := range []string{"laptop.lan", "Alice's iPhone", "\u202eевил\x00", "e\u0301\u0301\u0301", "İstanbul", "\xff", "🔥", strings.Repeat("ü-", 100)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkName(t, CleanName(s)) })
}
