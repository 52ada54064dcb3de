package config

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"router-monitoring/exporter/internal/sample"
)

var byValue = cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})

// contract is the file the exporter's users were promised.
const contract = `lan:
  interfaces: [br-lan]              # one or more
  subnets: [192.168.1.0/24]         # default: the interfaces' own prefixes, IPv4 and IPv6, followed as they change
wan:
  interfaces: [enp1s0]              # default: interfaces of the default routes
accounting:
  enabled: true                     # false: install nothing, report connections and presence only
  table: network_metrics
  hook: auto                        # auto | forward | device, see below
  max_clients: 4096                 # bound of kernel sets and of series (a set preallocates for its size)
state_dir: /var/lib/network-metrics
update_interval: 5s                 # conntrack, neighbours, leases; byte counters are read fresh at each scrape
offline_threshold: 300s
excluded_ips: [192.168.1.1]         # addresses or prefixes
extra_labels: {location: home}
clients:                            # what the owner knows; any of mac, ip, both may be lists
  - name: gaming-pc
    ip: 192.168.1.105
    mac: "aa:bb:cc:dd:ee:ff"
    type: gaming                    # free text
    quota: {bytes: 500GB, billing_day: 1}
dhcp:
  leases: [{format: dnsmasq, path: /var/lib/dnsmasq/dnsmasq.leases}]   # dnsmasq | kea | isc | networkd
vendors: /path/to/oui.txt           # optional, the IEEE list as hwdata and ieee-data ship it
`

func TestParseContract(t *testing.T) {
	got, err := Parse("config.yml", strings.NewReader(contract))
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		LAN:              LAN{Interfaces: []string{"br-lan"}, Subnets: prefixes("192.168.1.0/24")},
		WAN:              WAN{Interfaces: []string{"enp1s0"}, Probes: Probes{Interval: 5 * time.Second}},
		Accounting:       Accounting{Enabled: true, Table: "network_metrics", Hook: HookAuto, MaxClients: 4096},
		StateDir:         "/var/lib/network-metrics",
		UpdateInterval:   5 * time.Second,
		OfflineThreshold: 5 * time.Minute,
		ForgetAfter:      90 * 24 * time.Hour,
		ExcludedIPs:      prefixes("192.168.1.1/32"),
		ExtraLabels:      map[string]string{"location": "home"},
		Clients: []Client{{
			Name:  "gaming-pc",
			MACs:  []sample.MAC{{0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}},
			IPs:   addrs("192.168.1.105"),
			Type:  "gaming",
			Quota: &Quota{Bytes: 500e9, BillingDay: 1},
		}},
		DHCP:    DHCP{Leases: []LeaseFile{{Format: FormatDnsmasq, Path: "/var/lib/dnsmasq/dnsmasq.leases"}}},
		Web:     Web{Live: true},
		Vendors: "/path/to/oui.txt",
	}
	if diff := cmp.Diff(want, got, byValue); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestLoadExample(t *testing.T) {
	got, err := Load("../../../docs/config.example.yml")
	if err != nil {
		t.Fatal(err)
	}
	want := Default() // what the example marks as default must be it
	want.LAN.Interfaces = []string{"br-lan", "br-guest"}
	want.LAN.Subnets = prefixes("192.168.1.0/24", "192.168.50.0/24", "fd00:1::/64")
	want.WAN.Interfaces = []string{"enp1s0"}
	want.WAN.Probes.Targets = addrs("1.1.1.1", "2606:4700:4700::1111")
	want.QoS = QoS{Enabled: true, Interfaces: []string{"enp1s0", "ifb4enp1s0"}}
	want.Quota = &Quota{Bytes: 2e12, BillingDay: 15}
	want.ExcludedIPs = prefixes("192.168.1.1/32", "192.168.50.0/28")
	want.ExtraLabels = map[string]string{"location": "home"}
	want.Clients = []Client{
		{
			Name:  "gaming-pc",
			MACs:  []sample.MAC{{0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}},
			IPs:   addrs("192.168.1.105"),
			Type:  "gaming",
			Quota: &Quota{Bytes: 500e9, BillingDay: 1},
		},
		{Name: "Anna's laptop", MACs: []sample.MAC{{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}}},
		{Name: "server", IPs: addrs("192.168.1.10", "fd00:1::10")},
	}
	want.DHCP.Leases = []LeaseFile{{Format: FormatDnsmasq, Path: "/var/lib/dnsmasq/dnsmasq.leases"}}
	want.Ports = Ports{Enabled: true, LeaseFiles: []string{"/var/lib/miniupnpd/upnp.leases"}}
	want.DHCP.Pools = []Pool{{Name: "lan", First: netip.MustParseAddr("192.168.1.100"), Last: netip.MustParseAddr("192.168.1.249")}}
	want.DHCP.Kea = []string{"/run/kea/dhcp4.sock"}
	want.Vendors = "/usr/share/ieee-data/oui.txt"
	if diff := cmp.Diff(want, got, byValue); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestParse(t *testing.T) {
	tests := []struct {
		name, file string
		change     func(*Config) // of the defaults
	}{
		{"ok empty file", "", func(*Config) {}},
		{"ok comments only", "# nothing yet\n", func(*Config) {}},
		{"ok empty document", "---\n", func(*Config) {}},
		{"ok end marker and byte order mark", "\ufeffvendors: /v\n...\n", func(c *Config) { c.Vendors = "/v" }},
		{"ok keys without values", "lan:\nclients:\nstate_dir:\naccounting: {table: ~}\n", func(*Config) {}},
		{"ok empty lists", "lan: {interfaces: []}\nclients: []\ndhcp: {leases: []}\n", func(c *Config) { c.DHCP.Leases = nil }},
		{"ok single interfaces", "wan: {interfaces: ppp0}\nlan: {interfaces: br-lan.20}\n", func(c *Config) {
			c.LAN.Interfaces, c.WAN.Interfaces = []string{"br-lan.20"}, []string{"ppp0"}
		}},
		{"ok a single probe", "wan: {probes: {targets: 9.9.9.9, interval: 1m}}\n", func(c *Config) {
			c.WAN.Probes = Probes{addrs("9.9.9.9"), time.Minute}
		}},
		{"ok no probes", "wan: {probes: {targets: []}}\n", func(*Config) {}},
		{"ok alias", "lan: {interfaces: &i [lan0]}\nclients: [{name: &n Ä, mac: 02-00-00-00-00-01, type: *n}]\n", func(c *Config) {
			c.LAN.Interfaces = []string{"lan0"}
			c.Clients = []Client{{Name: "Ä", Type: "Ä", MACs: []sample.MAC{{2, 0, 0, 0, 0, 1}}}}
		}},
		{"ok longest table name", "accounting: {table: " + strings.Repeat("x", 255) + "}", func(c *Config) { c.Accounting.Table = strings.Repeat("x", 255) }},
		{"ok accounting", "accounting: {enabled: false, table: meter2, hook: device, max_clients: 65536, protect_table: true}", func(c *Config) {
			c.Accounting = Accounting{Enabled: false, Table: "meter2", Hook: HookDevice, MaxClients: 65536, ProtectTable: true}
		}},
		{"ok shaping, of an interface that is WAN too", "wan: {interfaces: ppp0}\nqos: {enabled: true, interfaces: [ppp0, ifb0]}", func(c *Config) {
			c.WAN.Interfaces, c.QoS = []string{"ppp0"}, QoS{Enabled: true, Interfaces: []string{"ppp0", "ifb0"}}
		}},
		{"ok durations", "update_interval: 1m30s\noffline_threshold: 90d\n", func(c *Config) {
			c.UpdateInterval, c.OfflineThreshold = 90*time.Second, 90*24*time.Hour
		}},
		{"ok threshold equal to interval", "update_interval: 1h\noffline_threshold: 1h\n", func(c *Config) {
			c.UpdateInterval, c.OfflineThreshold = time.Hour, time.Hour
		}},
		{"ok excluded", "excluded_ips: [10.0.0.1, 10.0.0.1, 10.1.0.0/16, 'fd00::1', 'fe80::/10']", func(c *Config) {
			c.ExcludedIPs = prefixes("10.0.0.1/32", "10.0.0.1/32", "10.1.0.0/16", "fd00::1/128", "fe80::/10")
		}},
		{"ok adjacent subnets", "lan: {subnets: [10.0.0.0/25, 10.0.0.128/25, 'fd00::/64']}", func(c *Config) {
			c.LAN.Subnets = prefixes("10.0.0.0/25", "10.0.0.128/25", "fd00::/64")
		}},
		{"ok household's quota, whose billing day is the default", "quota: {bytes: 1TB, billing_day: 15}\nforget_after: 30d\nclients:\n- {name: a, ip: 10.0.0.1, quota: {bytes: 1GB}}\n- {name: b, ip: 10.0.0.2, quota: {bytes: 1GB, billing_day: 3}}\n", func(c *Config) {
			c.Quota, c.ForgetAfter = &Quota{1e12, 15}, 30*24*time.Hour
			c.Clients = []Client{
				{Name: "a", IPs: []netip.Addr{netip.MustParseAddr("10.0.0.1")}, Quota: &Quota{1e9, 15}},
				{Name: "b", IPs: []netip.Addr{netip.MustParseAddr("10.0.0.2")}, Quota: &Quota{1e9, 3}},
			}
		}},
		{"ok household's billing day alone", "quota: {billing_day: 20}\n", func(c *Config) { c.Quota = &Quota{0, 20} }},
		{"ok leases recognised by content", "dhcp: {leases: [{format: auto, path: /l}]}\n", func(c *Config) {
			c.DHCP.Leases = []LeaseFile{{FormatAuto, "/l"}}
		}},
		{"ok quota without day, padded day", "clients:\n- {name: a, ip: 10.0.0.1, quota: {bytes: 1024}}\n- {name: A, ip: 10.0.0.2, quota: {bytes: 1.5TB, billing_day: 08}}\n", func(c *Config) {
			c.Clients = []Client{
				{Name: "a", IPs: addrs("10.0.0.1"), Quota: &Quota{Bytes: 1024, BillingDay: 1}},
				{Name: "A", IPs: addrs("10.0.0.2"), Quota: &Quota{Bytes: 1.5e12, BillingDay: 8}},
			}
		}},
		{"ok leases auto", "dhcp: {leases: auto}", func(*Config) {}},
		{"ok pools, which may touch", "dhcp:\n  pools:\n  - {name: lan, first: 10.0.0.10, last: 10.0.0.19}\n  - {name: one, first: 10.0.0.20, last: 10.0.0.20, server: isc}\n  - {name: six, first: fd00::, last: fd00::ffff}\n  - {name: below, first: 10.0.0.1, last: 10.0.0.9}\n", func(c *Config) {
			a := netip.MustParseAddr
			c.DHCP.Pools = []Pool{
				{Name: "lan", First: a("10.0.0.10"), Last: a("10.0.0.19")},
				{Name: "one", First: a("10.0.0.20"), Last: a("10.0.0.20"), Server: FormatISC},
				{Name: "six", First: a("fd00::"), Last: a("fd00::ffff")},
				{Name: "below", First: a("10.0.0.1"), Last: a("10.0.0.9")},
			}
		}},
		{"ok sockets of Kea", "dhcp: {kea: [/run/kea/dhcp4.sock, /run/kea//dhcp6.sock]}", func(c *Config) {
			c.DHCP.Kea = []string{"/run/kea/dhcp4.sock", "/run/kea/dhcp6.sock"}
		}},
		{"ok leases", "dhcp: {leases: [{format: auto}, {format: kea, path: /k//4.csv}, {format: networkd, path: /n}]}", func(c *Config) {
			c.DHCP.Leases = []LeaseFile{{Format: FormatAuto}, {FormatKea, "/k/4.csv"}, {FormatNetworkd, "/n"}}
		}},
		{"ok label values", "extra_labels: {floor: '2', Site_1: \"büro a\"}", func(c *Config) {
			c.ExtraLabels = map[string]string{"floor": "2", "Site_1": "büro a"}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse("c.yml", strings.NewReader(tt.file))
			if err != nil {
				t.Fatal(err)
			}
			want := Default()
			tt.change(want)
			if diff := cmp.Diff(want, got, byValue); diff != "" {
				t.Errorf("config (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.yml")
	if err := os.WriteFile(bad, []byte("lan: {}\nwam: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"bad missing file": filepath.Join(dir, "none.yml"), "bad folder": dir, "bad content": bad,
	} {
		t.Run(name, func(t *testing.T) {
			if c, err := Load(path); err == nil || c != nil || !strings.Contains(err.Error(), path) {
				t.Errorf("Load(%q) = %v, %v; want an error with the path", path, c, err)
			}
		})
	}
	if _, err := Load(filepath.Join(dir, "none.yml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func TestParseReadError(t *testing.T) {
	broken := errors.New("disk on fire")
	if _, err := Parse("c.yml", iotest.ErrReader(broken)); !errors.Is(err, broken) || err.Error() != "c.yml: read: disk on fire" {
		t.Errorf("Parse = %v", err)
	}
}

func prefixes(list ...string) (all []netip.Prefix) {
	for _, s := range list {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}

func addrs(list ...string) (all []netip.Addr) {
	for _, s := range list {
		all = append(all, netip.MustParseAddr(s))
	}
	return all
}
