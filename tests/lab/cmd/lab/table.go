package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// print writes the table, the audit and the verdict.
func (c comparison) print(w io.Writer) {
	var total row
	lines := [][]string{
		{"", "", "upload", "", "", "", "download", "", "", ""},
		{"client", "kind", "lab sent", "reported", "diff", "%", "lab sent", "reported", "diff", "%"},
	}
	for _, r := range c.rows {
		lines = append(lines, r.cells())
		total.sent.up += r.sent.up
		total.sent.down += r.sent.down
		total.seen.up += r.seen.up
		total.seen.down += r.seen.down
	}
	total.name = "total"
	totalCells := total.cells()
	totalCells[1] = ""
	fmt.Fprintf(w, "\nBytes at the IP layer. A client with UDP only has to match to the byte.\n\n")
	printAligned(w, append(lines, nil, totalCells))
	fmt.Fprintln(w)
	for _, a := range []struct {
		direction                        string
		clients, unattributed, forwarded uint64
	}{
		{"upload", c.allReported.up, c.unattributed.up, c.forwarded.up},
		{"download", c.allReported.down, c.unattributed.down, c.forwarded.down},
	} {
		sign := "="
		if a.clients+a.unattributed != a.forwarded {
			sign = "IS NOT"
		}
		fmt.Fprintf(w, "Audit %-8s  clients %s + unattributed %s %s forwarded %s\n",
			a.direction, grouped(a.clients), grouped(a.unattributed), sign, grouped(a.forwarded))
	}
	fmt.Fprintln(w, c.verdict())
}

func (c comparison) verdict() string {
	if c.err() != nil {
		return "Verdict: the exporter does not report what was sent."
	}
	exact := 0
	for _, r := range c.rows {
		if r.exact {
			exact++
		}
	}
	return fmt.Sprintf("Verdict: all %d clients reported; %d with UDP only exact to the byte, %d with TCP within %g %%.",
		len(c.rows), exact, len(c.rows)-exact, tcpTolerance*100)
}

func (r row) cells() []string {
	kind := "TCP"
	if r.exact {
		kind = "UDP"
	}
	if r.missing != "" {
		return []string{r.name, kind, grouped(r.sent.up), r.missing, "", "", grouped(r.sent.down), "", "", ""}
	}
	cells := []string{r.name, kind}
	for _, d := range [][2]uint64{{r.sent.up, r.seen.up}, {r.sent.down, r.seen.down}} {
		cells = append(cells, grouped(d[0]), grouped(d[1]), difference(d[0], d[1]), percent(d[0], d[1]))
	}
	return cells
}

func difference(sent, seen uint64) string {
	switch {
	case seen > sent:
		return "+" + grouped(seen-sent)
	case seen < sent:
		return "-" + grouped(sent-seen)
	}
	return "0"
}

func percent(sent, seen uint64) string {
	if sent == seen {
		return "0"
	}
	return fmt.Sprintf("%+.2f", (float64(seen)/float64(sent)-1)*100)
}

// grouped writes a number with commas between thousands.
func grouped(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	var groups []string
	for len(digits) > 3 {
		groups = append(groups, digits[len(digits)-3:])
		digits = digits[:len(digits)-3]
	}
	groups = append(groups, digits)
	slices.Reverse(groups)
	return strings.Join(groups, ",")
}

// printAligned writes columns as wide as they need, texts to the left and
// numbers to the right; a nil line is a rule.
func printAligned(w io.Writer, lines [][]string) {
	const texts = 2
	widths := make([]int, len(lines[0]))
	sum := -1
	for i := range widths {
		for _, cells := range lines {
			if len(cells) > 0 {
				widths[i] = max(widths[i], len(cells[i]))
			}
		}
		sum += widths[i] + 1
	}
	for _, cells := range lines {
		if cells == nil {
			fmt.Fprintln(w, strings.Repeat("-", sum))
			continue
		}
		var line strings.Builder
		for i, cell := range cells {
			width := widths[i]
			if i < texts {
				width = -width
			}
			fmt.Fprintf(&line, "%*s ", width, cell)
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}
