package top

import (
	"strings"
	"unicode"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"

	"router-monitoring/exporter/internal/web"
)

// The colours are the terminal's own, so that they suit its background.
var (
	down   = lipgloss.NewStyle().Foreground(lipgloss.Color("6"))
	up     = lipgloss.NewStyle().Foreground(lipgloss.Color("5"))
	good   = lipgloss.NewStyle().Foreground(lipgloss.Color("2"))
	warn   = lipgloss.NewStyle().Foreground(lipgloss.Color("3"))
	strong = lipgloss.NewStyle().Bold(true)
	faint  = lipgloss.NewStyle().Faint(true)
	marked = lipgloss.NewStyle().Reverse(true)
)

// clean takes out of a text of others what a terminal would obey.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// fit makes a text as wide as a column.
func fit(s string, width int, right bool) string {
	s = ansi.Truncate(s, width, "…")
	room := strings.Repeat(" ", width-ansi.StringWidth(s))
	if right {
		return room + s
	}
	return s + room
}

// bar is a rate beside the top one; anything at all shows.
func bar(n *uint64, top uint64, width int) string {
	if n == nil || *n == 0 || top == 0 {
		return ""
	}
	eighths := max(1, int(float64(*n)/float64(top)*float64(width*8)+0.5))
	whole, rest := min(eighths/8, width), eighths%8
	if whole == width {
		rest = 0
	}
	return strings.Repeat("█", whole) + []string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}[rest]
}

// spark is the curve of the last five minutes, against its own top.
func spark(h *web.History, width int) string {
	if h == nil {
		return ""
	}
	return curve(h.Recent.RX, h.Recent.TX, width, 60)
}

var blocks = []rune(" ▁▂▃▄▅▆▇█")

// curve draws both directions together in so many characters, which stand for so
// many slots; the last slot is at the right.
func curve(rx, tx []uint64, width, slots int) string {
	sums := make([]uint64, width)
	var top uint64 = 12_500 // 100 kbit/s: less is to look like little
	for i := range rx {
		at := (slots - len(rx) + i) * width / slots
		if at >= 0 && at < width {
			sums[at] = max(sums[at], rx[i]+tx[i])
			top = max(top, sums[at])
		}
	}
	var b strings.Builder
	for _, n := range sums {
		level := (n*8 + top/2) / top
		if n > 0 {
			level = max(level, 1)
		}
		b.WriteRune(blocks[level])
	}
	return b.String()
}

// bothWays adds to each key the one for the other way round.
func bothWays(keys []string) (all []string) {
	for _, k := range keys {
		all = append(all, k, "-"+k)
	}
	return all
}
