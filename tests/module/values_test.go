package module

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// with returns the smallest appliance with a module beside it.
func with(module string) configuration {
	return configuration(fmt.Sprintf("[ ./cases/minimal.nix ({ lib, pkgs, ... }: { %s }) ]", module))
}

// What the module finds out by itself.
func TestDerivedValues(t *testing.T) {
	nixpkgsLib(t)
	const leases = "services.network-metrics-exporter.settings.dhcp.leases or null"
	rows := []struct{ name, module, value, want string }{
		{"no DHCP server", ``, leases, `null`},
		{"dnsmasq", `services.dnsmasq = { enable = true; settings.dhcp-range = "192.168.1.2,192.168.1.9"; };`, leases,
			`[{"format":"dnsmasq","path":"/var/lib/dnsmasq/dnsmasq.leases"}]`},
		{"dnsmasq with another file",
			`services.dnsmasq = { enable = true; settings = { dhcp-range = [ "192.168.1.2,192.168.1.9" ]; dhcp-leasefile = "/srv/leases"; }; };`,
			leases, `[{"format":"dnsmasq","path":"/srv/leases"}]`},
		{"dnsmasq for DNS alone", `services.dnsmasq.enable = true;`, leases, `null`},
		{"dnsmasq disabled", `services.dnsmasq.settings.dhcp-range = "192.168.1.2,192.168.1.9";`, leases, `null`},
		{"Kea", `services.kea.dhcp4 = { enable = true; settings.valid-lifetime = 4000; };`, leases,
			`[{"format":"kea","path":"/var/lib/kea/kea-leases4.csv"}]`},
		{"Kea with a file of another name", `services.kea.dhcp4 = { enable = true; settings.lease-database = { type = "memfile"; name = "dhcp4.leases"; }; };`,
			leases, `[{"format":"kea","path":"/var/lib/kea/dhcp4.leases"}]`},
		{"Kea for IPv6 too", `services.kea = lib.genAttrs [ "dhcp4" "dhcp6" ] (_: { enable = true; settings.valid-lifetime = 4000; });`,
			leases, `[{"format":"kea","path":"/var/lib/kea/kea-leases4.csv"},{"format":"kea","path":"/var/lib/kea/kea-leases6.csv"}]`},
		{"Kea with a database", `services.kea.dhcp4 = { enable = true; settings.lease-database.type = "postgresql"; };`, leases, `null`},
		{"networkd", `systemd.network = { enable = true; networks.lan.networkConfig.DHCPServer = "yes"; };`, leases,
			`[{"format":"networkd","path":"/var/lib/systemd/network/dhcp-server-lease"}]`},
		{"networkd as a client", `systemd.network = { enable = true; networks.wan.networkConfig.DHCP = true; };`, leases, `null`},
		{"a file of the user's", `services.network-metrics-exporter.dhcpLeaseFile = "/srv/leases"; services.dnsmasq = { enable = true; settings.dhcp-range = "x"; };`,
			leases, `[{"format":"auto","path":"/srv/leases"}]`},
		{"no leases wanted", `services.network-metrics-exporter.dhcpLeaseFile = [ ]; services.dnsmasq = { enable = true; settings.dhcp-range = "x"; };`,
			leases, `[]`},

		{"address of scripted networking", ``, "services.router-monitoring.address", `"192.168.1.1"`},
		{"address of networkd", `networking.interfaces = lib.mkForce { }; systemd.network.networks.lan = { matchConfig.Name = "br-lan"; address = [ "fd00::1/64" "10.0.0.1/8" ]; };`,
			"services.router-monitoring.address", `"10.0.0.1"`},
		{"address in a section of networkd", `networking.interfaces = lib.mkForce { }; systemd.network.networks.lan = { matchConfig.Name = "br-lan"; addresses = [ { Address = "10.0.0.1/8"; } ]; };`,
			"services.router-monitoring.address", `"10.0.0.1"`},
		{"name of the router", `networking.hostName = "attic";`, "services.router-monitoring.routerName", `"attic"`},

		{"ports on the first LAN alone", `services.router-monitoring.lan.interfaces = lib.mkForce [ "br-lan" "br-guest" ];`,
			`networking.firewall.interfaces`,
			`{"br-lan":{"allowedTCPPortRanges":[],"allowedTCPPorts":[3000,9090],"allowedUDPPortRanges":[],"allowedUDPPorts":[]}}`},
		{"no port where nobody listens", `services.router-monitoring = { address = "127.0.0.1"; };`,
			`networking.firewall.interfaces.br-lan.allowedTCPPorts`, `[]`},
		{"the user's own settings win", `services.grafana.settings.server.http_port = 8080; services.prometheus.retentionTime = "7d";`,
			`services.prometheus.retentionTime`, `"7d"`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var got any
			if err := evaluate(t, newStore(t), with(row.module), "config."+row.value, &got); err != nil {
				t.Fatal(err)
			}
			var want any
			if err := json.Unmarshal([]byte(row.want), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", row.value, diff)
			}
		})
	}
}

// What the module refuses, and what it says then. The last ones are NixOS' own: they
// show that the stand-ins are as strict.
func TestMistakes(t *testing.T) {
	nixpkgsLib(t)
	const exporter, monitoring = "services.network-metrics-exporter.", "services.router-monitoring."
	rows := []struct{ name, module, want string }{
		{"bad: no LAN", monitoring + `lan.interfaces = lib.mkForce [ ];`, `lan.interfaces is empty: name the interface`},
		{"bad: LAN and WAN", monitoring + `wan.interfaces = [ "br-lan" ];`, `br-lan is in lan.interfaces and in wan.interfaces`},
		{"bad: no address", monitoring + `lan.interfaces = lib.mkForce [ "br-other" ];`, `no IPv4 address of br-other was found`},
		{"bad: open to the Internet", monitoring + `wan.interfaces = "wan0"; ` + monitoring + `firewall.interfaces = [ "br-lan" "wan0" ];`,
			`wan0 faces the Internet`},
		{"bad: one port twice", `services.adguardhome.enable = true;`, `are both 3000; give one of them another`},
		{"bad: Grafana without Prometheus", monitoring + `prometheus.enable = false;`, `grafana needs services.router-monitoring.prometheus`},
		{"bad: nobody to tell", monitoring + `alertmanager.enable = true;`, `is enabled but has no receiver`},
		{"bad: two addresses of ntfy", monitoring + `alertmanager.receivers.ntfy = { url = "https://ntfy.sh/x"; urlFile = "/x"; };`,
			`receivers.ntfy needs url or urlFile, and not both`},
		{"bad: no address of the webhook", monitoring + `alertmanager.receivers.webhook = { };`, `receivers.webhook needs url or urlFile`},
		{"bad: mail to nobody", monitoring + `alertmanager.receivers.email = { from = "a@b"; smarthost = "c:25"; };`, `receivers.email needs to, from and smarthost`},
		{"bad: nothing to send", monitoring + `alertmanager.receivers.webhook.url = "http://127.0.0.1/"; ` + monitoring + `alerts.enable = false;`,
			`has nothing to send`},
		{"bad: state elsewhere", exporter + `stateDir = "/srv/state";`, `stateDir is /srv/state, which systemd cannot make`},
		{"bad: a client without anything", exporter + `staticClients.tv = { };`, `staticClients: tv has neither ip nor mac`},
		{"bad: open without a LAN", exporter + `openFirewall = true; ` + exporter + `lanInterfaces = [ ];`, `name the LAN in services.network-metrics-exporter.lanInterfaces`},
		{"bad: an option that is not there", exporter + `lanIterfaces = [ "br-lan" ];`, `The option ` + "`" + `services.network-metrics-exporter.lanIterfaces' does not exist`},
		{"bad: a billing day", exporter + `staticClients.tv = { ip = "10.0.0.1"; quota = { bytes = 1; billingDay = 32; }; };`, `billingDay' is not of type`},
		{"bad: a lease format", exporter + `dhcpLeaseFile = { format = "windows"; path = "/x"; };`, `windows`},

		{"bad: a key of Prometheus", `services.prometheus.scrapeConfigs = [ { job_name = "x"; static_config = [ ]; } ];`, `static_config' does not exist`},
		{"bad: a key of networkd", `systemd.network = { enable = true; networks.x.networkConfig.Adress = "10.0.0.1"; };`, `networks.x.networkConfig' is not of type`},
		{"bad: a type of service", `systemd.services.x.serviceConfig.Type = "notfy";`, `systemd.services.x.serviceConfig' is not of type`},
		{"bad: a unit's name", `systemd.services.x.after = [ "network" ];`, `systemd.services.x.after.`},
		{"bad: one parameter of the kernel twice, even equal", `imports = [ { boot.kernel.sysctl."net.core.x" = 1; } { boot.kernel.sysctl."net.core.x" = 1; } ];`,
			`defined multiple times while it's expected to be unique`},
		{"bad: iptables' rules with nftables", `networking.nftables.enable = true; networking.firewall.extraCommands = "iptables -F";`, `extraCommands is incompatible with the nftables based firewall`},
		{"bad: a port that is none", `networking.nftables.enable = true; networking.firewall.allowedTCPPorts = [ 70000 ];`, `16 bit unsigned integer`},
		{"bad: Grafana without a key", `services.grafana.settings.security.secret_key = null;`, `secret_key) doesn't have a default value anymore`},
		{"bad: Prometheus' port in its address", `services.prometheus.listenAddress = "192.168.1.1:9090";`, `Do not specify the port for Prometheus`},
		{"bad: Kea without settings", `services.kea.dhcp4.enable = true;`, `Either services.kea.dhcp4.settings or services.kea.dhcp4.configFile`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var o outcome
			said := ""
			if err := evaluate(t, newStore(t), with(row.module), "outcome", &o); err != nil {
				said = err.Error()
			}
			said += strings.Join(o.Assertions, "\n")
			if !strings.Contains(said, row.want) {
				t.Errorf("NixOS should say %q, but says %q", row.want, said)
			}
		})
	}
}

// What the module warns of.
func TestWarnings(t *testing.T) {
	nixpkgsLib(t)
	rows := []struct{ name, module, want string }{
		{"ok: nothing", ``, ``},
		{"a password that Prometheus does not know", `services.network-metrics-exporter.webConfigFile = "/x";`,
			`set services.router-monitoring.prometheus.exporterScrapeConfig`},
		{"a password for all to read", `services.grafana.settings.security.admin_password = "secret";`, `stored as plaintext in the Nix store`},
		{"an old name", `services.network-metrics-exporter.trafficInterface = "br-lan";`, `has been renamed to`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var o outcome
			if err := evaluate(t, newStore(t), with(row.module), "outcome", &o); err != nil {
				t.Fatal(err)
			}
			if row.want == "" && len(o.Warnings) > 0 ||
				row.want != "" && !slices.ContainsFunc(o.Warnings, func(w string) bool { return strings.Contains(w, row.want) }) {
				t.Errorf("warnings are %q, want %q", o.Warnings, row.want)
			}
		})
	}
}
