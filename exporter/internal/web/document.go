package web

import (
	"time"

	"router-monitoring/exporter/internal/registry"
	"router-monitoring/exporter/internal/sample"
)

// Document is what the API answers. docs/api.md promises its names: fields may
// be added, none may change or go. rx is what was received, tx what was sent.
type Document struct {
	Time            time.Time `json:"time"`
	IntervalSeconds *float64  `json:"interval_seconds"`
	Router          Router    `json:"router"`
	Health          Health    `json:"health"`
	Totals          Totals    `json:"totals"`
	Clients         []Client  `json:"clients"`
}

// Router is the machine that tells.
type Router struct {
	Hostname string `json:"hostname"`
	Version  string `json:"version"`
}

// Health is how counting goes.
type Health struct {
	OK         bool            `json:"ok"`
	Problems   []string        `json:"problems"`
	Sources    map[string]bool `json:"sources"`
	Accounting string          `json:"accounting"`
	Audit      Audit           `json:"audit"`
}

// Audit is what is missing between all that was forwarded and what clients and
// the unattributed rest add up to.
type Audit struct {
	DifferenceRX   int64  `json:"rx_difference_bytes"`
	DifferenceTX   int64  `json:"tx_difference_bytes"`
	UnattributedRX uint64 `json:"rx_unattributed_bytes_total"`
	UnattributedTX uint64 `json:"tx_unattributed_bytes_total"`
}

// Use is what a client, or the whole line, moves and moved.
type Use struct {
	RXRate      *uint64 `json:"rx_bytes_per_second"`
	TXRate      *uint64 `json:"tx_bytes_per_second"`
	TodayRX     uint64  `json:"today_rx_bytes"`
	TodayTX     uint64  `json:"today_tx_bytes"`
	PeriodRX    uint64  `json:"period_rx_bytes"`
	PeriodTX    uint64  `json:"period_tx_bytes"`
	Quota       *uint64 `json:"quota_bytes"`
	Connections *uint64 `json:"connections"`
}

// Totals are those of the line: of all clients, of what no client holds, and of
// the router itself.
type Totals struct {
	Clients int `json:"clients"`
	Online  int `json:"online"`
	Use
	History *History `json:"history,omitempty"`
}

// Client is one device.
type Client struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	NameSource string     `json:"name_source"`
	MAC        string     `json:"mac"`
	RandomMAC  bool       `json:"random_mac"`
	IP         string     `json:"ip"`
	IPs        []string   `json:"ips"`
	Interface  string     `json:"interface"`
	Vendor     string     `json:"vendor"`
	Type       string     `json:"type"`
	Online     bool       `json:"online"`
	FirstSeen  *time.Time `json:"first_seen"`
	LastSeen   *time.Time `json:"last_seen"`
	Use
	TCP     uint64   `json:"connections_tcp"`
	UDP     uint64   `json:"connections_udp"`
	ICMP    uint64   `json:"connections_icmp"`
	Other   uint64   `json:"connections_other"`
	TotalRX uint64   `json:"rx_bytes_total"`
	TotalTX uint64   `json:"tx_bytes_total"`
	History *History `json:"history,omitempty"`
}

// History is what was moved in the last 5 minutes and in the last hour.
type History struct {
	Recent Series `json:"recent"`
	Hour   Series `json:"hour"`
}

// Series is bytes a second in slots of equal length, the oldest first.
type Series struct {
	End         time.Time `json:"end"` // of the last slot
	StepSeconds float64   `json:"step_seconds"`
	RX          []uint64  `json:"rx_bytes_per_second"`
	TX          []uint64  `json:"tx_bytes_per_second"`
}

// newDocument points into the reading, which nobody changes.
func newDocument(r *Reading, router Router) *Document {
	d := &Document{
		Time: stamp(r.Time), Router: router, Clients: make([]Client, 0, len(r.Clients)),
		Health: Health{OK: len(r.Problems) == 0, Problems: append([]string{}, r.Problems...), Sources: r.Sources, Accounting: r.Hook, Audit: r.audit()},
	}
	if r.Hook == "" {
		d.Health.Accounting = "off"
	}
	if !r.RateTime.IsZero() && r.Time.Sub(r.RateTime) <= rateLife {
		d.IntervalSeconds = new(float64(r.RateInterval.Milliseconds()) / 1e3)
	}
	told := d.IntervalSeconds != nil
	d.Totals = Totals{Clients: len(r.Clients), Use: use(told, &r.Rate, r.Today, r.Period, &r.PeriodQuota)}
	d.Totals.History = newHistory(r.Snapshot, r.History)
	if r.Connections != nil {
		d.Totals.Connections = new(uint64(0))
	}
	for i := range r.Clients {
		c := &r.Clients[i]
		d.Clients = append(d.Clients, newClient(r.Snapshot, c, told))
		if c.Online {
			d.Totals.Online++
		}
		if r.Connections != nil {
			*d.Totals.Connections += c.Connections.Sum()
		}
	}
	return d
}

func newClient(s *registry.Snapshot, c *registry.Client, told bool) Client {
	out := Client{
		ID: id(c), Name: c.Name, NameSource: string(c.NameSource), MAC: c.MAC.String(), RandomMAC: c.MAC.IsRandom(),
		IPs: make([]string, 0, len(c.Addrs)), Interface: c.Interface, Vendor: c.Vendor, Type: c.Type,
		Online: c.Online, FirstSeen: seen(c.FirstSeen), LastSeen: seen(c.LastSeen),
		Use: use(told, &c.Rate, c.Today, c.Period, &c.Quota),
		TCP: c.Connections.TCP, UDP: c.Connections.UDP, ICMP: c.Connections.ICMP, Other: c.Connections.Other,
		TotalRX: c.Lifetime[sample.Download].Bytes, TotalTX: c.Lifetime[sample.Upload].Bytes,
	}
	for _, a := range c.Addrs {
		out.IPs = append(out.IPs, a.String())
	}
	if c.Addr.IsValid() {
		out.IP = c.Addr.String()
	}
	if s.Connections != nil {
		out.Connections = new(c.Connections.Sum())
	}
	out.History = newHistory(s, c.History)
	return out
}

// id is what a client is asked for by: its MAC, or else its address.
func id(c *registry.Client) string {
	if !c.MAC.IsZero() {
		return c.MAC.String()
	}
	return c.Addr.String()
}

func use(told bool, rate *[sample.Directions]uint64, today, period sample.ByDirection, quota *uint64) Use {
	u := Use{
		TodayRX: today[sample.Download].Bytes, TodayTX: today[sample.Upload].Bytes,
		PeriodRX: period[sample.Download].Bytes, PeriodTX: period[sample.Upload].Bytes,
	}
	if told {
		u.RXRate, u.TXRate = &rate[sample.Download], &rate[sample.Upload]
	}
	if *quota > 0 {
		u.Quota = quota
	}
	return u
}

func newHistory(s *registry.Snapshot, h *registry.History) *History {
	if h == nil {
		return nil
	}
	return &History{series(h.Recent, registry.RecentStep, s.RecentEnd), series(h.Hour, registry.HourStep, s.HourEnd)}
}

func series(speeds []registry.Speed, step time.Duration, end time.Time) Series {
	s := Series{End: stamp(end), StepSeconds: step.Seconds(), RX: make([]uint64, len(speeds)), TX: make([]uint64, len(speeds))}
	for i, speed := range speeds {
		s.RX[i], s.TX[i] = uint64(speed[sample.Download]+0.5), uint64(speed[sample.Upload]+0.5)
	}
	return s
}

// stamp is a time as it is told: RFC 3339 in UTC, to the millisecond.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

func seen(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC().Truncate(time.Second))
}
