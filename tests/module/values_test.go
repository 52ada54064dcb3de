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

// scrape is where Prometheus finds a job's target.
func scrape(job string) string {
	return fmt.Sprintf(`(lib.findFirst (j: j.job_name == %q) null config.services.prometheus.scrapeConfigs).static_configs`, job)
}

func at(target string) string {
	return fmt.Sprintf(`[{"targets":[%q],"labels":{"router":"nixos"}}]`, target)
}

// derived evaluates an expression in which config is a configuration's, or a path in
// it.
func derived(t *testing.T, c configuration, expression string) (v any) {
	t.Helper()
	if !strings.Contains(expression, "config.") {
		expression = "config." + expression
	}
	out, err := nix(t, newStore(t), fmt.Sprintf("let inherit (import ./eval.nix { inherit lib; modules = %s; }) config; in %s", c, expression))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// What the module finds out by itself.
func TestDerivedValues(t *testing.T) {
	nixpkgsLib(t)
	const (
		leases  = "services.network-metrics-exporter.settings.dhcp.leases or null"
		pools   = "services.network-metrics-exporter.dhcpPools"
		sockets = "services.network-metrics-exporter.keaSockets"
		qos     = "services.network-metrics-exporter.qos"
		ports   = "services.network-metrics-exporter.portMappings"
		beside  = "services.network-metrics-exporter.settings"
		added   = "services.router-monitoring.grafana.sections"

		listening = `{
			prometheus = builtins.filter (lib.hasPrefix "--web.listen") (lib.splitString " " config.systemd.services.prometheus.serviceConfig.ExecStart);
			grafana = config.services.grafana.settings.server.http_addr;
			datasource = (lib.head config.services.grafana.provision.datasources.settings.datasources).url;
			ports = config.networking.firewall.interfaces.br-lan.allowedTCPPorts;
		}`
		alertmanager = `services.router-monitoring.alertmanager.receivers.webhook.url = "http://127.0.0.1/"; `
		alerted      = "(lib.head (lib.head config.services.prometheus.alertmanagers).static_configs).targets"
	)
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

		{"dnsmasq's ranges", `services.dnsmasq = { enable = true; settings.dhcp-range = [ "192.168.1.2, 192.168.1.9, 255.255.255.0, 1h" "tag:guest,set:visitors,10.0.0.10,10.0.0.19" "fd00::100,fd00::1ff,64,1h" ]; };`, pools,
			`[{"name":"192.168.1.2-192.168.1.9","first":"192.168.1.2","last":"192.168.1.9","server":"dnsmasq"},` +
				`{"name":"visitors","first":"10.0.0.10","last":"10.0.0.19","server":"dnsmasq"},` +
				`{"name":"fd00::100-fd00::1ff","first":"fd00::100","last":"fd00::1ff","server":"dnsmasq"}]`},
		{"dnsmasq's ranges that are none", `services.dnsmasq = { enable = true; settings.dhcp-range = [ "192.168.1.0,static" "192.168.1.0,proxy" "::,static" "fd00::,ra-only" "::1,::ff,constructor:br-lan,ra-names" "::,constructor:br-lan,ra-stateless" ]; };`,
			pools, `[]`},
		{"dnsmasq's range for several tags", `services.dnsmasq = { enable = true; settings.dhcp-range = [ "tag:a,set:x,10.0.0.10,10.0.0.19" "tag:b,10.0.0.10,10.0.0.19" "set:x,10.0.0.20,10.0.0.29" ]; };`, pools,
			`[{"name":"10.0.0.10-10.0.0.19","first":"10.0.0.10","last":"10.0.0.19","server":"dnsmasq"},{"name":"10.0.0.20-10.0.0.29","first":"10.0.0.20","last":"10.0.0.29","server":"dnsmasq"}]`},
		{"networkd's pool", `systemd.network = { enable = true; networks.lan = { matchConfig.Name = "br-lan"; address = [ "fd00::1/64" "10.1.2.1/23" ]; networkConfig.DHCPServer = true; dhcpServerConfig = { PoolOffset = "100"; PoolSize = 300; }; }; };`,
			pools, `[{"name":"br-lan","first":"10.1.2.100","last":"10.1.3.143","server":"networkd"}]`},
		{"networkd's pool by its defaults", `systemd.network = { enable = true; networks.lan = { address = [ "10.0.0.1/24" ]; networkConfig.DHCPServer = true; }; };`, pools,
			`[{"name":"lan","first":"10.0.0.1","last":"10.0.0.254","server":"networkd"}]`},
		{"networkd's pool at another address", `systemd.network = { enable = true; networks.lan = { addresses = [ { Address = "10.0.0.1/24"; } ]; networkConfig.DHCPServer = true; dhcpServerConfig.ServerAddress = "10.9.0.5/28"; }; };`, pools,
			`[{"name":"lan","first":"10.9.0.1","last":"10.9.0.14","server":"networkd"}]`},
		{"networkd as a relay", `systemd.network = { enable = true; networks.lan = { address = [ "10.0.0.1/24" ]; networkConfig.DHCPServer = true; dhcpServerConfig.RelayTarget = "10.1.0.1"; }; };`, pools, `[]`},
		{"networkd without an address", `systemd.network = { enable = true; networks.lan.networkConfig.DHCPServer = true; };`, pools, `[]`},
		{"Kea's pools", `services.kea.dhcp4 = { enable = true; settings = { subnet4 = [ { subnet = "10.0.0.0/24"; pools = [ { pool = "10.0.0.64/26"; } ]; } ]; shared-networks = [ { subnet4 = [ { subnet = "10.1.0.0/16"; pools = [ { pool = "10.1.0.5-10.1.0.9"; } { pool = "10.1.1.0 - 10.1.1.9"; } ]; } ]; } ]; }; };`, pools,
			`[{"name":"10.0.0.0/24","first":"10.0.0.64","last":"10.0.0.127","server":"kea"},{"name":"10.1.0.5-10.1.0.9","first":"10.1.0.5","last":"10.1.0.9","server":"kea"},{"name":"10.1.1.0-10.1.1.9","first":"10.1.1.0","last":"10.1.1.9","server":"kea"}]`},
		{"Kea's pools of IPv6", `services.kea.dhcp6 = { enable = true; settings.subnet6 = [ { subnet = "fd00::/64"; pools = [ { pool = "fd00::1-fd00::ffff"; } { pool = "fd00:0:0:0:1::/80"; } ]; } ]; };`, pools,
			`[{"name":"fd00::1-fd00::ffff","first":"fd00::1","last":"fd00::ffff","server":"kea"}]`},
		{"Kea with a socket", `services.kea.dhcp4 = { enable = true; settings = { control-socket = { socket-type = "unix"; socket-name = "kea4.sock"; }; subnet4 = [ { subnet = "10.0.0.0/24"; pools = [ { pool = "10.0.0.64/26"; } ]; } ]; }; };`,
			beside + ".dhcp", `{"kea":["/run/kea/kea4.sock"],"leases":[{"format":"kea","path":"/var/lib/kea/kea-leases4.csv"}]}`},
		{"Kea with sockets", `services.kea.dhcp6 = { enable = true; settings.control-sockets = [ { socket-type = "http"; socket-port = 8000; } { socket-type = "unix"; socket-name = "/run/kea/dhcp6.sock"; } ]; };`,
			sockets, `["/run/kea/dhcp6.sock"]`},
		{"no pools", ``, pools, `[]`},

		{"no shaping", ``, qos, `{"enable":false,"interfaces":[]}`},
		{"shaping by CAKE", `systemd.network = { enable = true; networks.wan = { matchConfig.Name = "wan0"; cakeConfig.Bandwidth = "40M"; }; networks.ifb = { matchConfig.Name = "ifb0"; cakeConfig.Bandwidth = "90M"; }; }; services.router-monitoring.wan.interfaces = "wan0";`,
			qos, `{"enable":true,"interfaces":[]}`},
		{"shaping on the LAN", `systemd.network = { enable = true; networks.lan = { matchConfig.Name = "br-lan"; fairQueueingControlledDelayConfig.Flows = 64; }; }; services.router-monitoring.wan.interfaces = "wan0";`,
			qos, `{"enable":true,"interfaces":["wan0","br-lan"]}`},
		{"shaping of cards by pattern", `systemd.network = { enable = true; networks.all = { matchConfig.Name = "en*"; cakeConfig.Bandwidth = "40M"; }; };`, qos, `{"enable":true,"interfaces":[]}`},

		{"no port mappings", ``, ports, `{"enable":false,"leaseFiles":[]}`},
		{"miniupnpd", `networking.nftables.enable = true; services.miniupnpd = { enable = true; externalInterface = "wan0"; internalIPs = [ "br-lan" ]; };`, ports, `{"enable":true,"leaseFiles":[]}`},
		{"miniupnpd with lease files", `services.miniupnpd = { enable = true; externalInterface = "wan0"; internalIPs = [ "br-lan" ]; appendConfig = "secure_mode=yes\n lease_file = /run/upnp # here\nlease_file6=/run/upnp6\n#lease_file=/x"; };`,
			ports, `{"enable":true,"leaseFiles":["/run/upnp","/run/upnp6"]}`},
		{"port forwards", `networking.nftables.enable = true; networking.nat.forwardPorts = [ { sourcePort = 80; destination = "192.168.1.10:80"; } ];`, beside + ".port_mappings", `{"enabled":true}`},
		{"port forwards by iptables, which are not read", `networking.nat.forwardPorts = [ { sourcePort = 80; destination = "192.168.1.10:80"; } ];`, beside + ".port_mappings or null", `null`},

		{"probes", `services.network-metrics-exporter.wanProbes.targets = [ "1.1.1.1" ];`, beside + ".wan", `{"probes":{"interval":"5s","targets":["1.1.1.1"]}}`},
		{"only what is probed is let out", `services.network-metrics-exporter.wanProbes.targets = [ "1.1.1.1" ];`, "systemd.services.network-metrics-exporter.serviceConfig.IPAddressAllow", `["localhost","1.1.1.1"]`},
		{"nothing beside clients costs nothing", ``, `lib.intersectLists [ "wan" "dhcp" "qos" "port_mappings" ] (lib.attrNames config.services.network-metrics-exporter.settings)`, `[]`},

		{"sections of nothing more", ``, added, `["now","clients","presence","month","internet","interfaces","system"]`},
		{"sections by the configuration file", `services.network-metrics-exporter.settings = { qos.enabled = true; wan.probes.targets = [ "1.1.1.1" ]; port_mappings.enabled = true; dhcp.kea = [ "/run/kea/x" ]; };`, added,
			`["now","clients","presence","month","internet","wan-probes","qos","qos-cake","ports","dhcp","interfaces","system"]`},
		{"sections of shaping without CAKE", `systemd.network = { enable = true; networks.wan = { matchConfig.Name = "wan0"; fairQueueingControlledDelayConfig.PacketLimit = 1024; }; };`, added,
			`["now","clients","presence","month","internet","qos","interfaces","system"]`},
		{"sections of DNS servers", `services = { unbound.enable = true; dnsmasq.enable = true; blocky.enable = true; adguardhome.enable = true; adguardhome.port = 3080; router-monitoring.speedtest.enable = true; };`, added,
			`["now","clients","presence","month","internet","speedtest","dns-unbound","dns-dnsmasq","dns-blocky","dns-adguard","interfaces","system"]`},
		{"a DNS server that is not to be watched", `services.unbound.enable = true; services.router-monitoring.dns.unbound.enable = false;`,
			`config.services.prometheus.exporters.unbound.enable || config.services.unbound.settings.remote-control.control-enable`, `false`},
		{"dnsmasq for DHCP alone", `services.dnsmasq = { enable = true; settings.port = 0; };`, "services.prometheus.exporters.dnsmasq.enable", `false`},
		{"dnsmasq at an address", `services.dnsmasq = { enable = true; settings = { port = 5353; listen-address = "192.168.1.1,127.0.0.1"; }; };`, "services.prometheus.exporters.dnsmasq.dnsmasqListenAddress", `"192.168.1.1:5353"`},
		{"dnsmasq at a list of addresses", `services.dnsmasq = { enable = true; settings.listen-address = [ "fe80::1, fd00::1" "192.168.1.1" ]; };`, "services.prometheus.exporters.dnsmasq.dnsmasqListenAddress", `"[fd00::1]:53"`},
		{"dnsmasq at all addresses", `services.dnsmasq = { enable = true; settings.listen-address = "0.0.0.0"; };`, "services.prometheus.exporters.dnsmasq.dnsmasqListenAddress", `"127.0.0.1:53"`},
		{"unbound", `services.unbound.enable = true;`, "services.unbound.settings", `{"remote-control":{"control-enable":true,"control-interface":"/run/unbound/unbound.ctl","server-cert-file":"/var/lib/unbound/unbound_server.pem"},"server":{"extended-statistics":true,"interface":["127.0.0.1","::1"]}}`},
		{"unbound with a socket", `services.unbound = { enable = true; localControlSocketPath = "/run/unbound/other"; };`, "services.prometheus.exporters.unbound.unbound.host", `"unix:///run/unbound/other"`},
		{"unbound with remote control over TCP", `services.unbound = { enable = true; settings.remote-control = { control-enable = true; control-interface = [ "127.0.0.1" ]; }; };`,
			"services.prometheus.exporters.unbound.unbound.host", `"tcp://127.0.0.1:8953"`},
		{"blocky", `services.blocky.enable = true;`, "services.blocky.settings", `{"ports":{"http":"127.0.0.1:4000"},"prometheus":{"enable":true}}`},
		{"blocky at a port", `services.blocky = { enable = true; settings.ports.http = 4001; };`, scrape("blocky"), at("127.0.0.1:4001")},
		{"blocky at addresses", `services.blocky = { enable = true; settings.ports.http = "[::]:4002,10.0.0.1:4003"; };`, scrape("blocky"), at("127.0.0.1:4002")},
		{"blocky at an address of IPv6", `services.blocky = { enable = true; settings.ports.http = [ "[fd00::1]:4002" ]; };`, scrape("blocky"), at("[fd00::1]:4002")},
		{"AdGuard Home without a password", `services.adguardhome = { enable = true; port = 3080; };`, `systemd.services.prometheus-json-exporter.serviceConfig.LoadCredential or [ ]`, `[]`},

		{"address of scripted networking", ``, "services.router-monitoring.address", `"192.168.1.1"`},
		{"address of networkd", `networking.interfaces = lib.mkForce { }; systemd.network.networks.lan = { matchConfig.Name = "br-lan"; address = [ "fd00::1/64" "10.0.0.1/8" ]; };`,
			"services.router-monitoring.address", `"10.0.0.1"`},
		{"address in a section of networkd", `networking.interfaces = lib.mkForce { }; systemd.network.networks.lan = { matchConfig.Name = "br-lan"; addresses = [ { Address = "10.0.0.1/8"; } ]; };`,
			"services.router-monitoring.address", `"10.0.0.1"`},
		{"an address of IPv6 alone", `networking.interfaces = lib.mkForce { }; services.router-monitoring.address = "fd00::1";`, listening,
			`{"prometheus":["--web.listen-address=[fd00::1]:9090"],"grafana":"fd00::1","datasource":"http://[fd00::1]:9090","ports":[3000,9090]}`},
		{"loopback of IPv6", `services.router-monitoring = { address = "::1"; }; services.prometheus.listenAddress = "[::1]";`, listening,
			`{"prometheus":["--web.listen-address=[::1]:9090"],"grafana":"::1","datasource":"http://[::1]:9090","ports":[]}`},
		{"every address of IPv6", `services.prometheus.listenAddress = "[::]";`, "(lib.head config.services.grafana.provision.datasources.settings.datasources).url", `"http://127.0.0.1:9090"`},
		{"exporters at an address of IPv6", `services.prometheus.exporters.node.listenAddress = "[fd00::1]";`, scrape("node"), at("[fd00::1]:9100")},
		{"the exporter at an address of IPv6", `services.network-metrics-exporter.listenAddress = "fd00::1";`, scrape("network-metrics"), at("[fd00::1]:9101")},
		{"Alertmanager at an address", alertmanager + `services.prometheus.alertmanager = { listenAddress = "192.168.1.1"; port = 9193; };`, alerted, `["192.168.1.1:9193"]`},
		{"Alertmanager at all addresses", alertmanager + `services.prometheus.alertmanager.listenAddress = "";`, alerted, `["127.0.0.1:9093"]`},

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
			got := derived(t, with(row.module), row.value)
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
		{"bad: a DNS server that does not run", monitoring + `dns.unbound.enable = true;`, `enable services.unbound, or leave the option to its default`},
		{"bad: dnsmasq for DHCP alone", `services.dnsmasq = { enable = true; settings.port = 0; }; ` + monitoring + `dns.dnsmasq.enable = true;`, `so that dnsmasq answers no DNS`},
		{"bad: blocky without metrics", `services.blocky = { enable = true; settings.prometheus.enable = false; };`, `services.blocky.settings.prometheus.enable is false`},
		{"bad: AdGuard Home with a password that nobody told", `services.adguardhome = { enable = true; port = 3080; settings.users = [ { name = "x"; } ]; };`,
			`set services.router-monitoring.dns.adguardhome.username and`},
		{"bad: a configuration of the JSON exporter", `services.adguardhome = { enable = true; port = 3080; }; services.prometheus.exporters.json.configFile = /x;`,
			`services.prometheus.exporters.json.configFile' has conflicting definition values`},
		{"bad: the JSON exporter for nothing", `services.prometheus.exporters.json.enable = true;`, `configFile`},
		{"bad: a pool without an end", exporter + `dhcpPools = [ { name = "lan"; first = "10.0.0.1"; } ];`, `last' was accessed but has no value defined`},
		{"bad: too many pings", exporter + `wanProbes = { targets = [ "1.1.1.1" ]; interval = 0; };`, `wanProbes.interval' is not of type`},
		{"bad: a key of CAKE", `systemd.network = { enable = true; networks.x.cakeConfig.Bandwith = "1M"; };`, `cakeConfig' is not of type`},
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
