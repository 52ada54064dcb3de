package web

import (
	"cmp"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// order is one by which clients can be sorted, and how its own direction goes:
// numbers begin with the largest, text with A.
type order struct {
	Key, Title string
	rises      bool
	compare    func(a, b *Client) int
}

var orders = []order{
	{"down", "Download", false, descending(func(c *Client) uint64 { return value(c.RXRate) })},
	{"up", "Upload", false, descending(func(c *Client) uint64 { return value(c.TXRate) })},
	{"name", "Name", true, func(a, b *Client) int { return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) }},
	{"address", "Address", true, func(a, b *Client) int { return addr(a).Compare(addr(b)) }},
	{"connections", "Connections", false, descending(func(c *Client) uint64 { return value(c.Connections) })},
	{"today", "Today", false, descending(func(c *Client) uint64 { return c.TodayRX + c.TodayTX })},
	{"period", "Period", false, descending(func(c *Client) uint64 { return sum(c.Use) })},
	{"seen", "Seen", false, descending(func(c *Client) int64 {
		if c.LastSeen == nil {
			return 0
		}
		return c.LastSeen.Unix()
	})},
}

func descending[T cmp.Ordered](of func(*Client) T) func(a, b *Client) int {
	return func(a, b *Client) int { return cmp.Compare(of(b), of(a)) }
}

func value(n *uint64) uint64 {
	if n == nil {
		return 0
	}
	return *n
}

func addr(c *Client) netip.Addr {
	a, _ := netip.ParseAddr(c.IP)
	return a
}

// column is one of the table, which sorts by an order unless Link is empty.
type column struct{ Key, Title, Link, Sorted string }

// columns are in the order of the table. The column sorted by leads to the other
// way round.
func columns(by, filter string) (all []column) {
	for _, key := range []string{"name", "address", "down", "up", "recent", "connections", "today", "period", "seen"} {
		i := slices.IndexFunc(orders, func(o order) bool { return o.Key == key })
		if i < 0 {
			all = append(all, column{Key: key, Title: "Last 5 minutes"})
			continue
		}
		c := column{Key: key, Title: orders[i].Title}
		query := url.Values{"sort": {key}}
		switch by {
		case key:
			c.Sorted = direction(orders[i].rises)
			query.Set("sort", "-"+key)
		case "-" + key:
			c.Sorted = direction(!orders[i].rises)
		}
		if filter != "" {
			query.Set("q", filter)
		}
		c.Link = "?" + query.Encode()
		all = append(all, c)
	}
	return all
}

func direction(rises bool) string {
	if rises {
		return "ascending"
	}
	return "descending"
}

// Arrange sorts and filters. by is the key of an order, with a minus in front for
// the other way round; what it is not gives the first one.
func Arrange(clients []Client, by, filter string) ([]*Client, string) {
	key, reversed := strings.CutPrefix(by, "-")
	i := slices.IndexFunc(orders, func(o order) bool { return o.Key == key })
	if i < 0 {
		i, by, reversed = 0, orders[0].Key, false
	}
	var all []*Client
	for c := range clients {
		if matches(&clients[c], filter) {
			all = append(all, &clients[c])
		}
	}
	slices.SortStableFunc(all, func(a, b *Client) int {
		if reversed {
			a, b = b, a
		}
		return orders[i].compare(a, b)
	})
	return all, by
}

// matches reports a client that has all the words of a filter in it.
func matches(c *Client, filter string) bool {
	text := strings.ToLower(strings.Join(append([]string{c.Name, c.MAC, c.Interface, c.Vendor, c.Type}, c.IPs...), " "))
	for word := range strings.FieldsSeq(strings.ToLower(filter)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// Orders are the keys that Arrange knows.
func Orders() (keys []string) {
	for _, o := range orders {
		keys = append(keys, o.Key)
	}
	return keys
}
