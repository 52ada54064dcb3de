package web

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"
)

// What stands here is said again in static/words.js, word for word: the server
// writes the page as it is at first, and the script goes on.
var words = template.FuncMap{
	"rate": Rate, "size": Size, "ago": Ago, "what": What, "health": HealthLine, "percent": percent, "sum": sum, "split": split, "protocols": protocols,
	"source": func(s string) string { return sources[s] },
	"hour":   func(t time.Time) string { return t.Local().Format("15:04") },
	"clock":  func(t time.Time) string { return t.Local().Format("15:04:05") },
	"day":    func(t time.Time) string { return t.Local().Format("2 Jan 2006, 15:04") },
	"iso":    func(t time.Time) string { return t.Format(time.RFC3339) },
	"add":    func(a, b uint64) uint64 { return a + b },
}

// Rate is bytes a second in bits, as lines are sold.
func Rate(n *uint64) string {
	if n == nil {
		return "–"
	}
	switch bits := float64(*n) * 8; {
	case bits >= 1e9:
		return digits(bits/1e9) + " Gbit/s"
	case bits >= 1e6:
		return digits(bits/1e6) + " Mbit/s"
	case bits == 0:
		return "0"
	default:
		return digits(bits/1e3) + " kbit/s"
	}
}

// Size is bytes in the unit that suits them, by thousands.
func Size(n uint64) string {
	units := []string{"B", "kB", "MB", "GB", "TB", "PB"}
	v, unit := float64(n), 0
	for v >= 1000 && unit < len(units)-1 {
		v, unit = v/1000, unit+1
	}
	if unit == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return digits(v) + " " + units[unit]
}

// digits gives three that count.
func digits(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// Ago says whether a client is there, or else since when it is not.
func Ago(now time.Time, c *Client) string {
	if c.Online {
		return "online"
	}
	if c.LastSeen == nil {
		return "never seen"
	}
	switch s := now.Sub(*c.LastSeen); {
	case s < time.Hour:
		return fmt.Sprintf("%d min ago", max(1, int(s.Minutes())))
	case s < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(s.Hours()))
	default:
		return fmt.Sprintf("%d days ago", int(s.Hours()/24))
	}
}

// What says what a client is, as far as anybody knows.
func What(c *Client) string {
	parts := []string{c.Type, c.Vendor}
	if c.RandomMAC {
		parts = append(parts, "private address")
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " · ")
}

// split tells both directions apart; a line may break between them only.
func split(rx, tx uint64) string {
	whole := func(s string) string { return strings.ReplaceAll(s, " ", "\u00a0") }
	return whole("↓ "+Size(rx)) + " " + whole("↑ "+Size(tx))
}

func protocols(c *Client) string {
	return fmt.Sprintf("%d TCP, %d UDP, %d other", c.TCP, c.UDP, c.ICMP+c.Other)
}

// sources say where a name is from.
var sources = map[string]string{
	"declared": "your configuration", "lease": "its DHCP lease", "remembered": "an earlier DHCP lease",
	"vendor": "the maker of its network card", "address": "its address",
}

func sum(u Use) uint64 { return u.PeriodRX + u.PeriodTX }

// most names the client with the largest share of the line.
func most(clients []Client, of *uint64, rate func(*Client) *uint64) string {
	var top *Client
	for i := range clients {
		if c := &clients[i]; top == nil || value(rate(c)) > value(rate(top)) {
			top = c
		}
	}
	if top == nil || value(rate(top)) == 0 || value(of) == 0 {
		return ""
	}
	return fmt.Sprintf("%s %.0f %%", top.Name, min(100, float64(*rate(top))/float64(*of)*100))
}

// percent of a quota, 100 at most.
func percent(n uint64, of *uint64) string {
	if of == nil || *of == 0 {
		return "0.0"
	}
	return fmt.Sprintf("%.1f", min(100, float64(n)/float64(*of)*100))
}

// HealthLine is the state of the router in a line.
func HealthLine(h Health) string {
	up := 0
	for _, answered := range h.Sources {
		if answered {
			up++
		}
	}
	parts := []string{"All is well"}
	if !h.OK {
		parts = slices.Clone(h.Problems)
	}
	parts = append(parts, fmt.Sprintf("%d of %d sources answer", up, len(h.Sources)))
	if h.Accounting == "off" {
		return strings.Join(append(parts, "bytes are not counted"), " · ")
	}
	missing := max(h.Audit.DifferenceRX, -h.Audit.DifferenceRX) + max(h.Audit.DifferenceTX, -h.Audit.DifferenceTX)
	return strings.Join(append(parts, "audit: "+Size(uint64(missing))+" missing", "counted at the "+h.Accounting+" hook"), " · ")
}
