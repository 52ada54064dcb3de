package sample

import (
	"net/netip"
	"strconv"
	"time"
)

// PortMapping leads what comes from outside for a port of the router to a client.
type PortMapping struct {
	Addr     netip.Addr // of the client
	Protocol string     // tcp, udp, the number of another one, or any
	External Ports      // of the router
	Internal Ports      // of the client

	Inside      string    // the only interface whose packets it takes; empty if it takes others
	Daemon      bool      // miniupnpd's, which a program in the LAN asked for
	Description string    // what is said of it, made safe; empty if nothing
	Expires     time.Time // zero if it never does
}

// Ports is a range of ports, both ends included.
type Ports struct{ First, Last uint16 }

// AllPorts are what a mapping leads on that names none.
var AllPorts = Ports{0, 65535}

// String gives 8080, 5000-5010 or any.
func (p Ports) String() string {
	switch {
	case p == AllPorts:
		return "any"
	case p.First == p.Last:
		return strconv.Itoa(int(p.First))
	}
	return strconv.Itoa(int(p.First)) + "-" + strconv.Itoa(int(p.Last))
}
