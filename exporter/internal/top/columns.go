package top

import (
	"fmt"
	"strings"

	"router-monitoring/exporter/internal/web"
)

// column is one of the table.
type column struct {
	key    string // by which it sorts, if it does
	title  string
	width  int
	rank   int  // the lower, the longer it stays where there is little room
	number bool // stands at the right
	show   func(*frame, *web.Client) string
}

// frame is what all rows of one picture share.
type frame struct {
	*model
	downTop, upTop uint64 // rates of a full bar
}

// columns are in their order on the screen.
var columns = []column{
	{"name", "Name", 18, 0, false, func(_ *frame, c *web.Client) string { return clean(c.Name) }},
	{"address", "Address", 15, 6, false, func(_ *frame, c *web.Client) string { return clean(c.IP) }},
	{"down", "Download", 11, 1, true, func(_ *frame, c *web.Client) string { return down.Render(web.Rate(c.RXRate)) }},
	{"", "", 10, 4, false, func(f *frame, c *web.Client) string { return down.Render(bar(c.RXRate, f.downTop, 10)) }},
	{"up", "Upload", 11, 2, true, func(_ *frame, c *web.Client) string { return up.Render(web.Rate(c.TXRate)) }},
	{"", "", 6, 7, false, func(f *frame, c *web.Client) string { return up.Render(bar(c.TXRate, f.upTop, 6)) }},
	{"", "Last 5 min", 15, 5, false, func(f *frame, c *web.Client) string { return down.Render(spark(f.lately[c.ID], 15)) }},
	{"connections", "Conns", 6, 3, true, func(_ *frame, c *web.Client) string { return count(c.Connections) }},
	{"today", "Today", 8, 3, true, func(_ *frame, c *web.Client) string { return web.Size(c.TodayRX + c.TodayTX) }},
	{"period", "Period", 8, 8, true, func(_ *frame, c *web.Client) string { return web.Size(c.PeriodRX + c.PeriodTX) }},
	{"", quotaTitle, 5, 9, true, func(_ *frame, c *web.Client) string { return used(c) }},
	{"seen", "Seen", 11, 10, false, func(f *frame, c *web.Client) string { return web.Ago(f.now.Time, c) }},
	{"", "What it is", 24, 11, false, func(_ *frame, c *web.Client) string { return clean(web.What(c)) }},
}

const (
	gap        = 2  // between columns
	ranks      = 12 // of columns
	quotaTitle = "Quota"
)

// fitting are the columns that there is room for; what is left goes to the name.
// That of quotas is there if anybody has one.
func fitting(width int, quotas bool) []column {
	chosen := make([]bool, len(columns))
	left := width
	for rank := range ranks {
		for i, c := range columns {
			if c.rank == rank && left >= c.width+gap && (quotas || c.title != quotaTitle) {
				chosen[i], left = true, left-c.width-gap
			}
		}
	}
	var all []column
	for i, c := range columns {
		if chosen[i] {
			all = append(all, c)
		}
	}
	if len(all) > 0 {
		all[0].width += min(left+gap, 22)
	}
	return all
}

// heading marks the column that is sorted by.
func (c column) heading(sort string) string {
	key, reversed := strings.CutPrefix(sort, "-")
	switch {
	case c.key == "" || c.key != key:
		return c.title
	case (c.key == "name" || c.key == "address") != reversed:
		return c.title + " ▴"
	default:
		return c.title + " ▾"
	}
}

func count(n *uint64) string {
	if n == nil {
		return "–"
	}
	return fmt.Sprint(*n)
}

// used is how much of its quota a client has used.
func used(c *web.Client) string {
	if c.Quota == nil || *c.Quota == 0 {
		return ""
	}
	percent := 100 * float64(c.PeriodRX+c.PeriodTX) / float64(*c.Quota)
	text := fmt.Sprintf("%.0f %%", percent)
	if percent >= 80 {
		return warn.Render(text)
	}
	return text
}
