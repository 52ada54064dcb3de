package top

import (
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"router-monitoring/exporter/internal/web"
)

const (
	headLines = 5 // above the rows
	footLines = 1
)

// rows is how many clients there is room for.
func (m *model) rows() int { return max(1, m.height-headLines-footLines) }

// View draws the screen.
func (m *model) View() string {
	var lines []string
	if c := m.client(); m.open && c != nil {
		lines = m.portrait(c)
	} else {
		lines = m.overview(m.width, m.rows())
	}
	lines = lines[:min(len(lines), max(0, m.height-footLines))]
	for len(lines) < m.height-footLines {
		lines = append(lines, "")
	}
	lines = append(lines, m.foot())
	for i := range lines {
		lines[i] = ansi.Truncate(lines[i], m.width, "…")
	}
	return strings.Join(lines, "\n")
}

// table is all of it for what is no terminal.
func (m *model) table() string {
	lines := m.overview(220, len(m.now.Clients))
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

func (m *model) overview(width, rows int) []string {
	f, quotas := &frame{model: m}, false
	for i := range m.now.Clients {
		c := &m.now.Clients[i]
		f.downTop, f.upTop = max(f.downTop, value(c.RXRate)), max(f.upTop, value(c.TXRate))
		quotas = quotas || c.Quota != nil
	}
	lines := append(m.head(width), "")
	chosen := fitting(width, quotas)
	var heads []string
	for _, c := range chosen {
		heads = append(heads, fit(c.heading(m.sort), c.width, c.number))
	}
	lines = append(lines, strong.Render(strings.Join(heads, "  ")))
	found := m.found()
	first := min(m.first, max(0, len(found)-rows))
	for _, c := range found[first:min(len(found), first+rows)] {
		lines = append(lines, f.row(chosen, c))
	}
	if len(found) == 0 {
		lines = append(lines, faint.Render("no client matches"))
	}
	return lines
}

func (f *frame) row(chosen []column, c *web.Client) string {
	var cells []string
	for _, col := range chosen {
		cells = append(cells, fit(col.show(f, c), col.width, col.number))
	}
	line := strings.Join(cells, "  ")
	switch {
	case c.ID == f.chosen:
		return marked.Render(ansi.Strip(line))
	case !c.Online:
		return faint.Render(ansi.Strip(line))
	}
	return line
}

// head says what the line does as a whole, and how the router is.
func (m *model) head(width int) []string {
	t := &m.now.Totals
	title := strong.Render(clean(m.now.Router.Hostname)) + faint.Render("  "+m.now.Time.Local().Format("15:04:05"))
	sums := []string{
		down.Render("▼ " + web.Rate(t.RXRate)), up.Render("▲ " + web.Rate(t.TXRate)),
		fmt.Sprintf("%d of %d clients online", t.Online, t.Clients), count(t.Connections) + " connections",
		web.Size(t.TodayRX+t.TodayTX) + " today",
	}
	period := web.Size(t.PeriodRX+t.PeriodTX) + " this period"
	if t.Quota != nil {
		period += " of " + web.Size(*t.Quota)
	}
	return []string{title, joined(append(sums, period), max(width, 0)), m.state()}
}

// joined are as many parts of a line as there is room for.
func joined(parts []string, width int) (line string) {
	for i, p := range parts {
		if i > 0 {
			p = "   " + p
		}
		if ansi.StringWidth(line+p) > width {
			break
		}
		line += p
	}
	return line
}

func (m *model) state() string {
	switch {
	case m.err != nil:
		return warn.Render("No connection, trying again: " + clean(m.err.Error()))
	case m.now.Health.OK:
		return good.Render(clean(web.HealthLine(m.now.Health)))
	}
	return warn.Render(clean(web.HealthLine(m.now.Health)))
}

// portrait is one client in full.
func (m *model) portrait(c *web.Client) []string {
	lines := append(m.head(m.width), "", strong.Render(clean(c.Name)))
	tell := func(what, text string) {
		if text != "" {
			lines = append(lines, fit(what, 14, false)+text)
		}
	}
	tell("Now", down.Render("▼ "+web.Rate(c.RXRate))+"   "+up.Render("▲ "+web.Rate(c.TXRate)))
	tell("Connections", count(c.Connections)+fmt.Sprintf("   %d TCP, %d UDP, %d ICMP, %d other", c.TCP, c.UDP, c.ICMP, c.Other))
	tell("Today", both(c.TodayRX, c.TodayTX))
	tell("This period", both(c.PeriodRX, c.PeriodTX)+quota(c))
	tell("Ever", both(c.TotalRX, c.TotalTX))
	tell("Seen", web.Ago(m.now.Time, c))
	tell("What it is", clean(web.What(c)))
	tell("Network", clean(c.Interface))
	tell("MAC", clean(c.MAC))
	for i, a := range c.IPs {
		tell([]string{"Addresses", ""}[min(i, 1)], clean(a))
	}
	if h := m.lately[c.ID]; h != nil {
		width := min(60, max(0, m.width-36))
		lines = append(lines, "")
		for _, s := range []struct {
			title string
			web.Series
		}{{"Last 5 min", h.Recent}, {"Last hour", h.Hour}} {
			if len(s.RX) > 0 {
				tell(s.title, down.Render(curve(s.RX, s.TX, width, 60))+peak(s.Series))
			}
		}
	}
	return lines
}

func both(rx, tx uint64) string { return web.Size(rx) + " down, " + web.Size(tx) + " up" }

func quota(c *web.Client) string {
	if c.Quota == nil {
		return ""
	}
	return ", " + used(c) + " of " + web.Size(*c.Quota)
}

func peak(s web.Series) string {
	top := slices.Max(s.RX)
	return "  up to " + web.Rate(&top)
}

func (m *model) foot() string {
	switch {
	case m.filtering:
		return "Filter: " + m.filter + "▏" + faint.Render("  Enter keeps it, Esc drops it")
	case m.open:
		return faint.Render("q quit   Esc back   ↑↓ other client")
	}
	keys := []string{"q quit", "↑↓ choose", "Enter look closer", "/ filter", "←→ sort", "r reverse"}
	if m.filter != "" {
		keys = append([]string{"Filter: " + m.filter + " (Esc drops it)"}, keys...)
	}
	return faint.Render(joined(keys, m.width))
}

func value(n *uint64) uint64 {
	if n == nil {
		return 0
	}
	return *n
}
