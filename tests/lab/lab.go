package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sync/semaphore"
)

// WAN is the router's interface toward the internet host.
const WAN = "wan0"

// Names under which the two machines that are no client can be used in a Flow.
const (
	RouterName   = "router"
	InternetName = "internet"
)

// The line between the router and the internet host, in documentation prefixes
// (RFC 5737, RFC 3849).
var (
	routerWAN4   = netip.MustParsePrefix("203.0.113.2/24")
	routerWAN6   = netip.MustParsePrefix("2001:db8:ffff::2/64")
	internetWAN4 = netip.MustParsePrefix("203.0.113.1/24")
	internetWAN6 = netip.MustParsePrefix("2001:db8:ffff::1/64")
	wanMAC       = net.HardwareAddr{0x52, 0x54, 0, 0xff, 0, 0x02}
	internetMAC  = net.HardwareAddr{0x52, 0x54, 0, 0xff, 0, 0x01}
)

// Lab is a running router with its internet host and its clients.
type Lab struct {
	Profile  Profile
	Router   *Host // the namespace of this process
	Internet *Host
	Clients  []*Host // in the order of the profile

	ledger
	byName    map[string]*Host
	segments  map[string]segment // by LAN
	tunnelKey string
	inFlight  *semaphore.Weighted // of all flows together, see window
	closing   sync.Once
}

// New builds the lab of a profile inside the namespaces that Isolate made. There
// can be one lab at a time; after Close the next may be built.
func New(p Profile) (*Lab, error) {
	if !isolated {
		return nil, errors.New("build lab: Isolate was not called, and the host's network stays untouched")
	}
	if err := p.complete(); err != nil {
		return nil, fmt.Errorf("profile %s: %w", p.Name, err)
	}
	l := &Lab{
		Profile:  p,
		byName:   map[string]*Host{},
		segments: map[string]segment{},
		inFlight: semaphore.NewWeighted(backlog),
	}
	if err := l.build(); err != nil {
		l.Close()
		return nil, fmt.Errorf("build lab: %w", err)
	}
	return l, nil
}

// Client gives the client of that name, or nil.
func (l *Lab) Client(name string) *Host {
	if h := l.byName[name]; h != nil && h.LAN != "" {
		return h
	}
	return nil
}

// host finds any machine of the lab.
func (l *Lab) host(name string) (*Host, error) {
	h := l.byName[name]
	if h == nil {
		return nil, fmt.Errorf("no host %q in the lab", name)
	}
	return h, nil
}

// Close removes links, rules and connection tracking entries. Sockets that are
// still open keep their namespace until they are closed.
func (l *Lab) Close() {
	l.closing.Do(func() {
		_ = l.LoadRuleset("flush ruleset")
		removeLinks()
		for _, h := range l.byName {
			_ = h.ns.Close()
		}
		_ = netlink.ConntrackTableFlush(netlink.ConntrackTable)
	})
}

// add makes a host known by its name.
func (l *Lab) add(h *Host) *Host {
	l.byName[h.Name] = h
	return h
}

func (l *Lab) build() error {
	here, err := netns.Get()
	if err != nil {
		return fmt.Errorf("open own namespace: %w", err)
	}
	l.Router = l.add(&Host{Name: RouterName, ns: here, MAC: wanMAC, IPv4: routerWAN4.Addr(), IPv6: routerWAN6.Addr()})
	if err := setSysctls(routerSysctls); err != nil {
		return err
	}
	for i, lan := range l.Profile.LANs {
		if err := l.addLAN(i, lan); err != nil {
			return fmt.Errorf("lan %s: %w", lan.Name, err)
		}
	}
	if err := l.addInternet(); err != nil {
		return err
	}
	for i, c := range l.Profile.Clients {
		if err := l.addClient(i, c); err != nil {
			return err
		}
	}
	for _, h := range l.byName {
		if err := h.waitUp(); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
	return l.loadRouterRules()
}
