package lab

import (
	"maps"
	"sync"
)

// Family is an IP version.
type Family int

// Proto is a transport protocol.
type Proto string

// Direction is seen from the client.
type Direction string

// Class tells where the other end of a flow is.
type Class string

// The values a flow is made of. The zero value of each means "any" in a Kind.
const (
	IPv4 Family = 4
	IPv6 Family = 6

	UDP Proto = "udp"
	TCP Proto = "tcp"

	Up   Direction = "up"
	Down Direction = "down"

	Internet Class = "internet" // passed the router's WAN
	Local    Class = "local"    // between two LANs of the router
	bridged  Class = "bridged"  // within one LAN: the router forwards nothing
)

// Traffic counts IP packets and their bytes, IP header included, link header not.
type Traffic struct {
	Bytes   uint64 `json:"bytes"`
	Packets uint64 `json:"packets"`
}

// Counts is what one host sent and received.
type Counts struct{ Up, Down Traffic }

// Kind sorts the truth.
type Kind struct {
	Class  Class
	Proto  Proto
	Family Family
}

// Truth is what one client sent and received, by kind.
type Truth map[Kind]Counts

// Sum adds up every kind that matches; fields left empty match all.
func (t Truth) Sum(want Kind) (sum Counts) {
	for k, c := range t {
		if (want.Class == "" || want.Class == k.Class) &&
			(want.Proto == "" || want.Proto == k.Proto) &&
			(want.Family == 0 || want.Family == k.Family) {
			sum = sum.plus(c)
		}
	}
	return sum
}

func (t Traffic) plus(o Traffic) Traffic {
	return Traffic{t.Bytes + o.Bytes, t.Packets + o.Packets}
}

func (t Traffic) minus(o Traffic) Traffic {
	return Traffic{t.Bytes - o.Bytes, t.Packets - o.Packets}
}

func (c Counts) plus(o Counts) Counts  { return Counts{c.Up.plus(o.Up), c.Down.plus(o.Down)} }
func (c Counts) minus(o Counts) Counts { return Counts{c.Up.minus(o.Up), c.Down.minus(o.Down)} }

// mirrored is the same traffic seen from the other end.
func (c Counts) mirrored() Counts { return Counts{Up: c.Down, Down: c.Up} }

// ledger holds the truth of all hosts since it was opened.
type ledger struct {
	mu    sync.Mutex
	truth map[string]Truth
}

func (g *ledger) enter(host string, k Kind, c Counts) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.truth == nil {
		g.truth = map[string]Truth{}
	}
	if g.truth[host] == nil {
		g.truth[host] = Truth{}
	}
	g.truth[host][k] = g.truth[host][k].plus(c)
}

// Truth gives what every client, and the router under RouterName, sent and
// received since the lab was built. Flows are entered when they end; Spoof is
// not, since its packets belong to nobody.
func (g *ledger) Truth() map[string]Truth {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := make(map[string]Truth, len(g.truth))
	for name, t := range g.truth {
		all[name] = maps.Clone(t)
	}
	return all
}

// record enters a flow for its client and, if that is one of ours too, for the
// other end.
func (l *Lab) record(client, peer *Host, f Flow, c Counts) {
	k := Kind{Class: Internet, Proto: f.Proto, Family: f.Family}
	if peer != l.Internet {
		if k.Class = Local; client.LAN == peer.LAN {
			k.Class = bridged
		}
		l.enter(peer.Name, k, c.mirrored())
	}
	l.enter(client.Name, k, c)
}
