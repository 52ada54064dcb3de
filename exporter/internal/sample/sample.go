// Package sample holds the plain values that travel from the kernel and lease
// readers to the registry. It opens nothing and decides nothing.
package sample

import (
	"fmt"
	"net"
	"net/netip"
	"time"
)

// MAC is an Ethernet hardware address; the zero value means "unknown".
type MAC [6]byte

// ParseMAC reads a 48-bit hardware address in any notation net.ParseMAC knows.
func ParseMAC(s string) (MAC, error) {
	hw, err := net.ParseMAC(s)
	if err != nil || len(hw) != 6 {
		return MAC{}, fmt.Errorf("%q is not a MAC address like aa:bb:cc:dd:ee:ff", s)
	}
	return MAC(hw), nil
}

// String gives aa:bb:cc:dd:ee:ff, and the empty string for an unknown MAC.
func (m MAC) String() string {
	if m.IsZero() {
		return ""
	}
	return net.HardwareAddr(m[:]).String()
}

// IsZero reports whether the MAC is unknown.
func (m MAC) IsZero() bool { return m == MAC{} }

// IsRandom reports the locally administered bit (IEEE 802, second bit of the
// first octet), which phones set on the private addresses they make up.
func (m MAC) IsRandom() bool { return m[0]&0b10 != 0 }

// IsGroup reports a multicast or broadcast address, which no client owns.
func (m MAC) IsGroup() bool { return m[0]&0b1 != 0 }

// Traffic counts IP packets and their bytes, IP header included, link header not.
type Traffic struct{ Bytes, Packets uint64 }

// Direction is seen from the client.
type Direction uint8

// Upload is what a client sent, Download what it received.
const (
	Upload Direction = iota
	Download
	Directions // how many there are
)

// Class tells where the other end is.
type Class uint8

// Internet traffic passed a WAN interface; Local traffic went between a client
// and another local network (VLAN, VPN).
const (
	Internet Class = iota
	Local
	Classes // how many there are
)

// Hook tells where in the kernel's path of a packet it is counted. There is a
// table of counters for each.
type Hook uint8

// AtForward is behind the firewall, where packets pass from one interface to
// another. AtDevice is where they come in and go out on the LAN's devices, which a
// flowtable does not bypass.
const (
	AtForward Hook = iota
	AtDevice
	Hooks // how many there are
)

func (h Hook) String() string { return [Hooks]string{"forward", "device"}[h] }

// Element is one counter of the kernel: a client address and, for uploads over
// Ethernet, the MAC that used it.
type Element struct {
	Hook      Hook
	Class     Class
	Direction Direction
	Bare      bool // a download at the device hook of a link without a link header
	MAC       MAC  // zero for downloads and for links without a link header
	Addr      netip.Addr
	Traffic
}

// ByDirection holds one value for uploads and one for downloads.
type ByDirection [Directions]Traffic

// Accounting is one reading of one table of the kernel's counters. All values
// only rise while Epoch stays the same; bytes may fall back by a few link headers,
// since bytes and packets are not read at the same instant.
type Accounting struct {
	Hook        Hook
	Epoch       string // random token of the counting table; a new one means all counters began at zero
	Elements    []Element
	Forwarded   ByDirection // all that was forwarded between LAN and WAN
	Meanwhile   ByDirection // the part of Forwarded that came while the elements were read
	Router      ByDirection // the router's own Internet traffic
	Overflow    ByDirection // found no place in a full set
	Outside     ByDirection // address outside the LAN's subnets
	Unsolicited ByDirection // came from outside for an address that never spoke
}

// Neighbour is an entry of the neighbour table (ARP, NDP) on a LAN interface.
type Neighbour struct {
	Interface string
	Addr      netip.Addr
	MAC       MAC
	Confirmed bool          // the kernel holds or held proof that this MAC answers for Addr
	Age       time.Duration // since that proof; meaningless unless Confirmed
}

// Station is a MAC the bridge learned from a frame it sent.
type Station struct {
	MAC MAC
	Age time.Duration // since its last frame
}

// Presence is one reading of the neighbour and bridge forwarding tables.
type Presence struct {
	Neighbours []Neighbour
	Stations   []Station
}

// Protocols counts connections by transport protocol.
type Protocols struct{ TCP, UDP, ICMP, Other uint64 }

// Sum is the number of connections of all protocols.
func (p Protocols) Sum() uint64 { return p.TCP + p.UDP + p.ICMP + p.Other }

// Connections is one reading of the connection tracking table.
type Connections struct {
	ByAddr  map[netip.Addr]Protocols // LAN addresses only; a connection between two of them counts for each
	Entries uint64                   // in the whole table
	Limit   uint64                   // nf_conntrack_max
}

// Link is a network interface as the kernel shows it.
type Link struct {
	Name     string
	Index    int
	Up       bool
	Ethernet bool           // frames carry a MAC; false for WireGuard, PPP, tun
	MAC      MAC            // zero where frames carry none
	Prefixes []netip.Prefix // of its own addresses, masked, link-local left out
	Addrs    []netip.Addr   // its own addresses, link-local included
	Reached  []netip.Prefix // what is routed out of it, Prefixes included, the default left out; of LAN links only

	// Below are the ways that its packets take through the devices underneath (a
	// bridge's ports, the device that a VLAN is on), each from the top to the last
	// one. Nil for a device that stands on nothing; of LAN links only.
	Below [][]Device
}

// Device is a network interface that packets pass.
type Device struct {
	Name     string
	Index    int
	Ethernet bool
}

// Uplink is how a WAN interface leads to the Internet. One that does not exist is
// down and has neither index nor addresses.
type Uplink struct {
	Name  string
	Index int
	Up    bool         // it is up, has a carrier, and a default route leads out of it
	Addrs []netip.Addr // its own global ones, sorted; those that come and go by themselves left out
}

// Probe tells how an address out there answers echo requests.
type Probe struct {
	Target         netip.Addr
	Up             bool          // the last one was answered
	Sent, Received uint64        // those whose outcome is known, so that the difference is what was lost
	RTT            time.Duration // of the last one; 0 if it was lost
	RTTSum         time.Duration // over all that were answered
}

// Network is what the router looks like at one moment: which interfaces are LAN,
// which are WAN, and the prefixes on the LAN side.
type Network struct {
	LAN     []Link
	WAN     []string
	Uplinks []Uplink       // one for each of WAN, in its order
	Subnets []netip.Prefix // masked, sorted, IPv4 first
	Missing []string       // configured interfaces that do not exist at present

	Shaped []Device // whose queueing disciplines are of interest, sorted by name; none unless asked for

	Own       []netip.Addr   // the router's own addresses on all links, sorted; link-local and loopback left out
	Elsewhere []netip.Prefix // what is reached over links that are neither LAN nor WAN (VPN, containers)
}

// Lease is one address that a DHCP server gave out.
type Lease struct {
	Addr    netip.Addr
	MAC     MAC       // zero if the file does not tell (DHCPv6 with a DUID that holds none)
	Name    string    // host name as the client gave it, made safe; empty if none
	Expires time.Time // zero if it never does
}

// Pool is a range of addresses that a DHCP server gives out, or of prefixes that
// it delegates.
type Pool struct {
	Server   string   // dnsmasq, kea, networkd or isc; empty if unknown
	Name     string   // as configured, or the subnet it is for
	Size     float64  // addresses (or prefixes) in it; a /64 holds more than fit in 64 bits
	Leases   float64  // of them in use, without the declined ones
	Declined *float64 // of them that a client found in use by somebody else; nil where the server does not tell
}
