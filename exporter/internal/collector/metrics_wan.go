package collector

import (
	"net/netip"
	"time"
)

// Uplink is a connection to the Internet, known by its interface.
type Uplink struct {
	Name        string
	Up          bool
	Since       time.Time // up; zero while down
	Addrs       []netip.Addr
	LinkChanges uint64
	IPv4Changes uint64 // of its addresses
	IPv6Changes uint64
}

// wanMetrics are those of the Internet connection.
var wanMetrics = []*Metric{
	single("network_wan_info", gauge,
		"Always 1. A global address of the interface toward the Internet, private ones included, privacy addresses left out.", []string{"interface", "ip"},
		ofUplinks(func(u *Uplink, out *samples) {
			for _, a := range u.Addrs {
				out.add(1, u.Name, a.String())
			}
		})),
	single("network_wan_up", gauge,
		"1 if the interface toward the Internet has a link and a default route leads out of it. Absent while none was ever found.", []string{"interface"},
		ofUplinks(func(u *Uplink, out *samples) { out.bool(u.Up, u.Name) })),
	single("network_wan_up_since_timestamp_seconds", gauge,
		"Unix time since when the connection is up, as far as this run of the exporter saw. Absent while it is down.", []string{"interface"},
		ofUplinks(func(u *Uplink, out *samples) { out.time(u.Since, u.Name) })),
	single("network_wan_link_changes_total", counter,
		"Times the connection was lost or came back.", []string{"interface"},
		ofUplinks(func(u *Uplink, out *samples) { out.count(u.LinkChanges, u.Name) })),
	single("network_wan_address_changes_total", counter,
		"Times the connection was given a global address that it did not have before. One that comes back with its old address counts nothing.", []string{"interface", "family"},
		ofUplinks(func(u *Uplink, out *samples) {
			out.count(u.IPv4Changes, u.Name, "ipv4")
			out.count(u.IPv6Changes, u.Name, "ipv6")
		})),
}

func ofUplinks(of func(*Uplink, *samples)) func(*Scrape, *samples) {
	return func(s *Scrape, out *samples) {
		for i := range s.Beside.Uplinks {
			of(&s.Beside.Uplinks[i], out)
		}
	}
}
