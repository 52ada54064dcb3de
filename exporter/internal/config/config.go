// Package config reads the exporter's YAML configuration file. It refuses what
// it does not understand, and names file, line and key of everything it refuses.
package config

import (
	"io"
	"net/netip"
	"os"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// Config is what the owner of the router wants of the exporter.
type Config struct {
	LAN        LAN        // Where the clients are.
	WAN        WAN        // Where the Internet is.
	Accounting Accounting // How the kernel counts bytes.
	QoS        QoS        // Which queueing disciplines are read.
	DHCP       DHCP       // Where host names come from, and the ranges of addresses that DHCP servers give out.
	Ports      Ports      // Which ports lead to clients.
	Web        Web        // What is served beside the metrics.
	Clients    []Client   // Devices the owner knows, none by default.

	StateDir         string            // Folder that keeps totals and names over a restart, /var/lib/network-metrics by default.
	UpdateInterval   time.Duration     // Time between two looks at connections, neighbours and leases, 1s to 1h, 5s by default.
	ForgetAfter      time.Duration     // Absence after which a client that is not declared is forgotten, 1d to 10y, 90d by default.
	Quota            *Quota            // What the whole household may use in a billing period; nil, the default, for no quota.
	OfflineThreshold time.Duration     // Silence after which a client counts as offline, at least UpdateInterval, 300s by default.
	ExcludedIPs      []netip.Prefix    // Addresses that get no series of their own, none by default; a single address is a /32 or /128.
	ExtraLabels      map[string]string // Labels added to every client metric, none by default.
	Vendors          string            // File with the IEEE's list of MAC vendors (oui.txt); empty, the default, for no vendor names.
}

// LAN says where the clients are.
type LAN struct {
	Interfaces []string       // Interfaces the clients are behind; by default every one with a private subnet that is not WAN.
	Subnets    []netip.Prefix // Address ranges of the clients, masked and disjoint; by default the prefixes of the interfaces, followed as they change.
}

// WAN says where the Internet is.
type WAN struct {
	Interfaces []string // Interfaces towards the Internet; by default those of the default routes.
	Probes     Probes   // Whether to ask addresses out there for an answer.
}

// Probes says which addresses are asked for an ICMP echo, and how often.
type Probes struct {
	Targets  []netip.Addr  // At most 16; none, the default, for no probes.
	Interval time.Duration // Time between two probes of one target, 1s to 1m, 5s by default.
}

// QoS says which queueing disciplines (CAKE, fq_codel and the like) are read.
type QoS struct {
	Enabled    bool     // Whether to read them, false by default.
	Interfaces []string // Interfaces whose disciplines are read; by default those towards the Internet and every ifb.
}

// Accounting says how the kernel counts the clients' bytes.
type Accounting struct {
	Enabled    bool   // Whether to count bytes at all; false installs nothing and leaves connections and presence; true by default.
	Table      string // Name of the exporter's own nftables table, network_metrics by default.
	Hook       string // Where packets are counted: HookAuto (default), HookForward or HookDevice.
	MaxClients int    // How many clients the kernel's sets and the metrics hold at most, 1 to 65536, 4096 by default.

	// ProtectTable lets nobody else change or flush the tables, false by default.
	// It needs Linux 6.9, for the table flags owner and persist together. nft loads
	// no saved ruleset that holds a protected table.
	ProtectTable bool
}

// The places where packets can be counted.
const (
	HookAuto    = "auto"    // device if a flowtable would hide packets from the forward hook, else forward
	HookForward = "forward" // after the firewall, so dropped packets do not count
	HookDevice  = "device"  // on the LAN interfaces, which a flowtable does not bypass
)

// Client is a device the owner declares; it has at least one MAC or address.
type Client struct {
	Name string       // Name in metrics and dashboards, letter case kept, 1 to 63 bytes, unique.
	MACs []sample.MAC // Its hardware addresses, several for a laptop with cable and Wi-Fi.
	IPs  []netip.Addr // Its fixed addresses, IPv4 and IPv6.
	Type string       // What it is, free text of at most 63 bytes; empty by default.

	Quota *Quota // How much it may use in a billing period; nil, the default, for no quota.
}

// Quota is how much a client may receive and send, together, in a billing period.
type Quota struct {
	Bytes      uint64 // Bytes per period, more than 0.
	BillingDay int    // Day of the month on which a period begins, 1 to 31; by default the household's, or 1.
}

// DHCP says where the DHCP server keeps its leases, and what it has to give out.
type DHCP struct {
	Leases []LeaseFile // Lease files to read; by default one entry with FormatAuto, none if the list is given empty.
	Pools  []Pool      // Ranges of addresses to count leases in, none by default.
	Kea    []string    // Control sockets of Kea's servers, none by default.
}

// Pool is a range of addresses that a DHCP server gives out. It shares none with
// another pool.
type Pool struct {
	Name        string     // Name in metrics, 1 to 63 bytes, unique.
	First, Last netip.Addr // Of one family; both belong to the pool.
	Server      string     // Which server it is, a format of lease files; empty, the default, for the one whose leases are in it.
}

// Web says what is served beside the metrics.
type Web struct {
	Live bool // Whether to serve the live page and its API, true by default.
}

// LeaseFile is one file, or for networkd one folder, of DHCP leases.
type LeaseFile struct {
	Format string // Which DHCP server wrote it: FormatDnsmasq, FormatKea, FormatISC, FormatNetworkd, or FormatAuto to recognise it by its content.
	Path   string // Absolute path; empty for FormatAuto to look at the usual places.
}

// The formats of lease files.
const (
	FormatAuto     = "auto"
	FormatDnsmasq  = "dnsmasq"
	FormatKea      = "kea"
	FormatISC      = "isc"
	FormatNetworkd = "networkd"
)

// Ports says whether to show which ports of the router lead to clients.
type Ports struct {
	Enabled    bool     // Whether to read them, false by default.
	LeaseFiles []string // Absolute paths of miniupnpd's lease_file and lease_file6; none by default.
}

// Default is the configuration that holds without a file.
func Default() *Config {
	return &Config{
		Accounting: Accounting{
			Enabled:    true,
			Table:      "network_metrics",
			Hook:       HookAuto,
			MaxClients: 4096,
		},
		WAN:              WAN{Probes: Probes{Interval: 5 * time.Second}},
		DHCP:             DHCP{Leases: []LeaseFile{{Format: FormatAuto}}},
		Web:              Web{Live: true},
		StateDir:         "/var/lib/network-metrics",
		UpdateInterval:   5 * time.Second,
		OfflineThreshold: 300 * time.Second,
		ForgetAfter:      90 * 24 * time.Hour,
	}
}

// Load reads the configuration file at path.
func Load(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err // it says "open PATH: …"
	}
	defer f.Close()
	return Parse(path, f)
}

// Parse reads a configuration from r. Its error joins everything that is wrong,
// in the order of the file, each as "name:line: key: what is wrong; remedy".
func Parse(name string, r io.Reader) (*Config, error) {
	doc := &document{name: name}
	root, err := doc.load(r)
	if err != nil {
		return nil, err
	}
	c := Default()
	if !root.isEmpty() {
		readConfig(root, c)
	}
	if err := doc.err(); err != nil {
		return nil, err
	}
	return c, nil
}
