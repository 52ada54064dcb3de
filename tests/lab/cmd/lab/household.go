package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"time"

	"router-monitoring/tests/lab"
)

// member is a client as the documents on standard output name it.
type member struct {
	MAC  string     `json:"mac"`
	IPv4 netip.Addr `json:"ipv4"`
	IPv6 netip.Addr `json:"ipv6"`
}

// played is what `lab play` prints: how long the load lasted and, by their
// names, what the clients did.
type played struct {
	Profile string            `json:"profile"`
	Seconds float64           `json:"seconds"`
	Clients map[string]result `json:"clients"`
}

// result is the truth about one client.
type result struct {
	member
	Rate    rates    `json:"rate"`
	Up      families `json:"up"`
	Down    families `json:"down"`
	UDPOnly bool     `json:"udp_only"` // no TCP: exact, whatever the router merges
	Resent  uint64   `json:"resent"`   // segments that TCP sent more than once: as many may have been lost before the router
}

// rates are what the client was asked for, scaled, in bits per second at the IP
// layer; a flow that goes as fast as it can is not in them.
type rates struct {
	Up   float64 `json:"up"`
	Down float64 `json:"down"`
}

// families is traffic at the IP layer.
type families struct {
	IPv4 lab.Traffic `json:"ipv4"`
	IPv6 lab.Traffic `json:"ipv6"`
}

func memberOf(h *lab.Host) member { return member{h.MAC.String(), h.IPv4, h.IPv6} }

func printLeases(hosts []*lab.Host) error {
	leases := map[string]member{}
	for _, h := range hosts {
		leases[h.Name] = memberOf(h)
	}
	return printJSON(leases)
}

// playHousehold plays the load and prints the truth, even if a flow failed.
func playHousehold(ctx context.Context, h *lab.Household, duration time.Duration) error {
	begin := time.Now()
	truth, err := h.Play(ctx, duration)
	return errors.Join(printJSON(summary(h, truth, time.Since(begin))), err)
}

func summary(h *lab.Household, truth map[string]lab.Truth, lasted time.Duration) played {
	p := played{Profile: h.Profile.Name, Seconds: lasted.Seconds(), Clients: map[string]result{}}
	for i, c := range h.Profile.Clients {
		t := truth[c.Name]
		v4, v6 := t.Sum(lab.Kind{Family: lab.IPv4}), t.Sum(lab.Kind{Family: lab.IPv6})
		p.Clients[c.Name] = result{
			member:  memberOf(h.Clients[i]),
			Rate:    asked(c.Flows, h.Profile.Scale),
			Up:      families{v4.Up, v6.Up},
			Down:    families{v4.Down, v6.Down},
			UDPOnly: t.Sum(lab.Kind{Proto: lab.TCP}) == lab.Counts{},
			Resent:  h.Resent(c.Name),
		}
	}
	return p
}

// asked adds up the rates of flows.
func asked(flows []lab.Flow, scale float64) (r rates) {
	for _, f := range flows {
		if f.Direction == lab.Up {
			r.Up += float64(f.Rate) * scale
		} else {
			r.Down += float64(f.Rate) * scale
		}
	}
	return r
}

func printJSON(document any) error {
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(document)
}
