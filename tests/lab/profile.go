package lab

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed profiles/*.yml
var profiles embed.FS

// Profile describes a lab: its LANs, its clients and the load they make.
type Profile struct {
	Name        string   `yaml:"name"`
	Description string   `yaml:"description"`
	Scale       float64  `yaml:"scale"`   // multiplies every rate; 0 means 1
	Offload     bool     `yaml:"offload"` // let the kernel merge TCP segments, see configureEth0
	LANs        []LAN    `yaml:"lans"`    // default: br-lan
	Clients     []Client `yaml:"clients"`
}

// LAN is an interface of the router with the router's own addresses on it, or of
// another router behind it.
type LAN struct {
	Name string       `yaml:"name"`
	Type LANType      `yaml:"type"` // default: Bridge
	IPv4 netip.Prefix `yaml:"ip"`
	IPv6 netip.Prefix `yaml:"ipv6"`
}

// Client is a machine on a LAN. Addresses left empty are derived from its place
// in the profile.
type Client struct {
	Name  string     `yaml:"name"`
	Type  string     `yaml:"type"`
	LAN   string     `yaml:"lan"` // default: the first
	MAC   MAC        `yaml:"mac"`
	IPv4  netip.Addr `yaml:"ip"`
	IPv6  netip.Addr `yaml:"ipv6"`
	Flows []Flow     `yaml:"flows"`
}

// BrLAN and BrGuest are the LANs of the tests: the second is there if a client
// names it.
var (
	BrLAN = LAN{"br-lan", Bridge, netip.MustParsePrefix("192.168.1.1/24"), netip.MustParsePrefix("fd00:1::1/64")}

	BrGuest = LAN{"br-guest", Bridge, netip.MustParsePrefix("192.168.2.1/24"), netip.MustParsePrefix("fd00:2::1/64")}
)

// LoadProfile reads a profile that is shipped with the lab, by its name, or a
// file, by a path with a slash or an ending in it.
func LoadProfile(name string) (Profile, error) {
	var text []byte
	var err error
	if strings.ContainsAny(name, "/.") {
		text, err = os.ReadFile(name)
	} else {
		text, err = profiles.ReadFile("profiles/" + name + ".yml")
	}
	if errors.Is(err, fs.ErrNotExist) {
		return Profile{}, fmt.Errorf("no profile %q; shipped are %s", name, strings.Join(ProfileNames(), ", "))
	}
	if err != nil {
		return Profile{}, fmt.Errorf("read profile: %w", err)
	}
	p, err := parseProfile(text)
	if err != nil {
		return Profile{}, fmt.Errorf("profile %s: %w", name, err)
	}
	return p, nil
}

// ProfileNames lists the profiles that are shipped.
func ProfileNames() (names []string) {
	entries, _ := profiles.ReadDir("profiles")
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), path.Ext(e.Name())))
	}
	return names
}

// ParseFlow reads a flow as profiles have them. Without a rate it goes as fast as
// it can.
func ParseFlow(text string) (f Flow, err error) {
	if err = decode([]byte(text), &f); err == nil {
		err = f.complete()
	}
	if err != nil {
		return f, fmt.Errorf("flow %q: %w", text, err)
	}
	return f, nil
}

// Only gives the profile with these clients alone.
func (p Profile) Only(names ...string) (Profile, error) {
	all := p.Clients
	p.Clients = nil
	for _, name := range names {
		i := slices.IndexFunc(all, func(c Client) bool { return c.Name == name })
		if i < 0 {
			return p, fmt.Errorf("profile %s: no client %q", p.Name, name)
		}
		p.Clients = append(p.Clients, all[i])
	}
	return p, nil
}

func parseProfile(text []byte) (p Profile, err error) {
	if err := decode(text, &p); err != nil {
		return p, err
	}
	return p, p.complete()
}

// decode refuses keys it does not know.
func decode(text []byte, into any) error {
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(into); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}
