package monitor

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"router-monitoring/exporter/internal/collector"
	"router-monitoring/exporter/internal/sample"
)

const (
	// maxUplinks bounds the connections that are remembered.
	maxUplinks = 64
	// uplinkMemory is for how long a connection that was found by its default
	// route is missed when it has none any more.
	uplinkMemory = 24 * time.Hour
)

// uplinks remembers how the connections to the Internet fare. One keeps its
// counters while its interface is away: a PPPoE session that is dialled anew makes
// ppp0 anew. What was there at the first reading is no change.
type uplinks map[string]*uplink

type uplink struct {
	sample.Uplink
	since     time.Time       // up; zero while down
	gone      time.Time       // no longer among the WAN interfaces; zero while it is
	last      [2][]netip.Addr // addresses it had, IPv4 and IPv6, when one of them was new
	flips     uint64          // lost or came back
	renumbers [2]uint64       // given an address that it did not have last
}

// see takes a reading. Where the owner named the connections no other is
// remembered; ages tell by name how long those that are new have been up. It returns
// those that went up or down.
func (u uplinks) see(now time.Time, links []sample.Uplink, named bool, ages map[string]time.Duration) (flipped []sample.Uplink) {
	for name, known := range u {
		switch {
		case slices.ContainsFunc(links, func(l sample.Uplink) bool { return l.Name == name }):
			known.gone = time.Time{}
		case named:
			delete(u, name)
		case known.gone.IsZero():
			known.gone = now
			links = append(slices.Clip(links), sample.Uplink{Name: name})
		}
	}
	for _, l := range links {
		known := u[l.Name]
		if known == nil {
			u.add(now, l, ages[l.Name])
			continue
		}
		if known.follow(now, l) {
			flipped = append(flipped, l)
		}
	}
	return flipped
}

// add remembers a connection, if need be in the place of one that is gone.
func (u uplinks) add(now time.Time, l sample.Uplink, age time.Duration) {
	if len(u) >= maxUplinks && !u.forget(func(k *uplink) bool { return !k.gone.IsZero() }) {
		return
	}
	known := &uplink{}
	known.follow(now, l)
	known.flips = 0
	if l.Up {
		known.since = now.Add(-age)
	}
	u[l.Name] = known
}

// forget removes those that are to be, if there are any.
func (u uplinks) forget(which func(*uplink) bool) (any bool) {
	for name, known := range u {
		if which(known) {
			delete(u, name)
			any = true
		}
	}
	return any
}

// follow compares a reading with the one before and tells whether the connection
// went up or down.
func (k *uplink) follow(now time.Time, l sample.Uplink) bool {
	flips := uint64(0)
	switch {
	case l.Up != k.Up:
		flips = 1
	case l.Up && l.Index != k.Index: // the interface was made anew between the two
		flips = 2
	}
	if flips > 0 {
		k.since = time.Time{}
	}
	if flips > 0 && l.Up {
		k.since = now
	}
	k.flips += flips
	k.renumber(l.Addrs)
	k.Uplink = l
	return flips > 0
}

// renumber counts new addresses. One that joins before the old one leaves is one
// change, and a connection that comes back as it was, be it address by address, is
// none.
func (k *uplink) renumber(addrs []netip.Addr) {
	var have [2][]netip.Addr
	for _, a := range addrs {
		f := 0
		if a.Is6() {
			f = 1
		}
		have[f] = append(have[f], a)
	}
	for f, before := range k.last {
		isNew := func(a netip.Addr) bool { return !slices.Contains(before, a) }
		if !slices.ContainsFunc(have[f], isNew) {
			continue
		}
		if len(before) > 0 {
			k.renumbers[f]++
		}
		k.last[f] = have[f]
	}
}

// show tells how the connections are, by name.
func (u uplinks) show(now time.Time) []collector.Uplink {
	u.forget(func(k *uplink) bool { return !k.gone.IsZero() && now.Sub(k.gone) > uplinkMemory })
	all := make([]collector.Uplink, 0, len(u))
	for _, k := range u {
		k.since = keepPace(k.since, now, now.Sub(k.since))
		all = append(all, collector.Uplink{
			Name: k.Name, Up: k.Up, Since: k.since, Addrs: k.Addrs, LinkChanges: k.flips,
			IPv4Changes: k.renumbers[0], IPv6Changes: k.renumbers[1],
		})
	}
	slices.SortFunc(all, func(a, b collector.Uplink) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// keepPace moves a time of the past along with a clock that was set since then:
// many routers learn the date after their start. Elapsed is what truly passed.
func keepPace(t, now time.Time, elapsed time.Duration) time.Time {
	if step := now.Round(0).Sub(t.Round(0)) - elapsed; t.IsZero() || step.Abs() < time.Second {
		return t
	}
	return now.Add(-elapsed)
}
