package config

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseErrors(t *testing.T) {
	tests := []struct {
		name, file string
		want       []string // lines of the error, without "c.yml:"
	}{
		// The YAML itself.
		{"bad syntax on the first line", "lan: a: b", []string{"1: not valid YAML: mapping values are not allowed in this context"}},
		{"bad syntax further down", "lan: {}\nwan: {}\nvendors: @foo\n", []string{"3: not valid YAML: found character that cannot start any token"}},
		{"bad indentation names its own line", "vendors: /v\nlan:\n  interfaces: a\n subnets: b\n", []string{"4: not valid YAML: did not find expected key"}},
		{"bad unclosed bracket", "lan: {}\nwan: [\n", []string{"2: not valid YAML: did not find expected node content"}},
		{"bad control character", "lan: {}\nvendors: \x01\n", []string{"2: not valid YAML: control characters are not allowed"}},
		{"bad UTF-8", "lan: {}\nvendors: \xff\n", []string{"2: not valid YAML: invalid leading UTF-8 octet"}},
		{"bad UTF-8 after a long line", "# " + strings.Repeat("x", 10000) + "\nvendors: \xff\n", []string{"2: not valid YAML: invalid leading UTF-8 octet"}},
		{"bad unknown alias", "lan: {}\nvendors: *v\n", []string{"2: not valid YAML: unknown anchor 'v' referenced"}},
		{"bad second document", "lan: {}\n---\nwan: {}\n", []string{"2: a second YAML document begins here; keep one and remove the line ---"}},
		{"bad second document, errors in the first", "lam: {}\n---\n[\n", []string{
			"1: lam: unknown key; did you mean lan?",
			"3: not valid YAML: did not find expected node content",
		}},

		// Keys.
		{"bad top level list", "- lan\n", []string{"1: needs keys with values, not a list"}},
		{"bad top level text", "hello", []string{`1: needs keys with values, not the text "hello"`}},
		{"bad key, near ones", "offline-treshold: 5s\nLAN: {}\nlan: {interface: a}\nclients: [{name: a, ip: 10.0.0.1, macs: []}]\n", []string{
			"1: offline-treshold: unknown key; did you mean offline_threshold?",
			"2: LAN: unknown key; did you mean lan?",
			"3: lan.interface: unknown key; did you mean interfaces?",
			"4: clients[0].macs: unknown key; did you mean mac?",
		}},
		{"bad key, none near", "wan:\n  a: 1\n", []string{"2: wan.a: unknown key; known here: interfaces, probes"}},
		{"bad key, not plain", "\"a\\nb\": 1\n? [x]\n: y\n", []string{
			`1: "a\nb": unknown key; known here: lan, wan, qos, accounting, state_dir, update_interval, offline_threshold, forget_after, quota, excluded_ips, extra_labels, clients, dhcp, port_mappings, web, vendors`,
			"2: a key must be plain text",
		}},
		{"bad merge key", "lan:\n  <<: {interfaces: a}\n", []string{`2: lan."<<": unknown key; known here: interfaces, subnets`}},
		{"bad key given twice", "lan: {}\nwan:\n  interfaces: a\n  interfaces: b\nlan: {}\n", []string{
			"4: wan.interfaces: key given twice, first on line 3; keep one",
			"5: lan: key given twice, first on line 1; keep one",
		}},
		{"bad label given twice", "extra_labels: {a: b, a: c}", []string{"1: extra_labels.a: key given twice, first on line 1; keep one"}},

		// Types.
		{"bad types", `lan: foo
wan: [a]
accounting: {enabled: yes, max_clients: "5", table: 5}
clients: {name: a}
state_dir: true
update_interval: [5s]
extra_labels: {floor: 2, built: 2026-01-31, none: }
vendors: {path: /v}
excluded_ips: {a: b}
`, []string{
			`1: lan: needs keys with values, not the text "foo"`,
			"2: wan: needs keys with values, not a list",
			`3: accounting.enabled: needs true or false, not the text "yes"`,
			`3: accounting.max_clients: needs a whole number, not the text "5"`,
			"3: accounting.table: needs text in quotes, not 5",
			`4: clients: needs a list, not keys with values; begin each entry with "- "`,
			"5: state_dir: needs text in quotes, not true",
			"6: update_interval: needs a duration such as 5s, not a list",
			"7: extra_labels.floor: needs text in quotes, not 2",
			"7: extra_labels.built: needs text in quotes, not 2026-01-31",
			"7: extra_labels.none: needs text in quotes, not nothing",
			"8: vendors: needs text in quotes, not keys with values",
			`9: excluded_ips: needs a list, not keys with values; begin each entry with "- "`,
		}},
		{"bad own tag", "vendors: !path /v\n", []string{"1: vendors: needs text in quotes, not /v"}},

		// Interfaces and subnets.
		{"bad interfaces", "lan:\n  interfaces:\n  - a234567890123456\n  - a/b\n  - ''\n  - 'a b'\n  - ..\n", []string{
			`3: lan.interfaces[0]: "a234567890123456" is not an interface name; use 1 to 15 characters without spaces, slashes and colons`,
			`4: lan.interfaces[1]: "a/b" is not an interface name; use 1 to 15 characters without spaces, slashes and colons`,
			`5: lan.interfaces[2]: "" is not an interface name; use 1 to 15 characters without spaces, slashes and colons`,
			`6: lan.interfaces[3]: "a b" is not an interface name; use 1 to 15 characters without spaces, slashes and colons`,
			`7: lan.interfaces[4]: ".." is not an interface name; use 1 to 15 characters without spaces, slashes and colons`,
		}},
		{"bad shaping", "qos:\n  enabled: cake\n  interfaces: [ppp0, a/b, ppp0]\n", []string{
			`2: qos.enabled: needs true or false, not the text "cake"`,
			`3: qos.interfaces[1]: "a/b" is not an interface name; use 1 to 15 characters without spaces, slashes and colons`,
			`3: qos.interfaces[2]: "ppp0" is at qos.interfaces[0] (line 3) already; give it once`,
		}},
		{"bad interface twice and on both sides", "wan: {interfaces: eth0}\nlan: {interfaces: [eth1, eth0, eth1]}\n", []string{
			`1: wan.interfaces: "eth0" is at lan.interfaces[1] (line 2) already; give it once`,
			`2: lan.interfaces[2]: "eth1" is at lan.interfaces[0] (line 2) already; give it once`,
		}},
		{"bad probes", `wan:
  probes:
    interval: 500ms
    targets:
    - 1.1.1.1
    - example.org
    - 127.0.0.1
    - "fe80::1%eth0"
    - "ff02::1"
    - 1.1.1.1
    - "::ffff:1.1.1.1"
    - 0.0.0.0
`, []string{
			"3: wan.probes.interval: 500ms is out of range; use 1s to 1m",
			`6: wan.probes.targets[1]: "example.org" is not an IP address like 192.168.1.5 or fd00::5`,
			"7: wan.probes.targets[2]: 127.0.0.1 (loopback, link-local, multicast or the like) says nothing of the Internet; name an address out there",
			`8: wan.probes.targets[3]: "fe80::1%eth0" has a zone; write it without "%eth0"`,
			"9: wan.probes.targets[4]: ff02::1 (loopback, link-local, multicast or the like) says nothing of the Internet; name an address out there",
			`10: wan.probes.targets[5]: "1.1.1.1" is at wan.probes.targets[0] (line 5) already; give it once`,
			`11: wan.probes.targets[6]: "::ffff:1.1.1.1" is an IPv4 address in IPv6 form; write 1.1.1.1`,
			"12: wan.probes.targets[7]: 0.0.0.0 (loopback, link-local, multicast or the like) says nothing of the Internet; name an address out there",
		}},
		{"bad probes, too many, too seldom", "wan: {probes: {targets: [" + strings.Repeat("10.0.0.1, ", 17) + "],\n interval: 61s}}", []string{
			"1: wan.probes.targets: holds 17 entries; at most 16 are possible",
			"2: wan.probes.interval: 1m1s is out of range; use 1s to 1m",
		}},
		{"bad subnets", `lan:
  subnets:
  - 192.168.1.1/24
  - 192.168.1.0
  - 0.0.0.0/0
  - ::/0
  - ::ffff:10.0.0.0/104
  - fe80::1%eth0/64
  - fe80::/64
  - 10.0.0.0/33
`, []string{
			"3: lan.subnets[0]: 192.168.1.1/24 is an address within a subnet; write 192.168.1.0/24",
			`4: lan.subnets[1]: "192.168.1.0" is not a subnet like 192.168.1.0/24 or fd00::/64`,
			"5: lan.subnets[2]: 0.0.0.0/0 covers every address; name smaller subnets",
			"6: lan.subnets[3]: ::/0 covers every address; name smaller subnets",
			`7: lan.subnets[4]: "::ffff:10.0.0.0/104" is an IPv4 subnet in IPv6 form; write it as IPv4`,
			`8: lan.subnets[5]: "fe80::1%eth0/64" is not a subnet like 192.168.1.0/24 or fd00::/64`,
			"9: lan.subnets[6]: fe80::/64 (loopback, link-local, multicast or the like) is no subnet clients reach the Internet from; remove it",
			`10: lan.subnets[7]: "10.0.0.0/33" is not a subnet like 192.168.1.0/24 or fd00::/64`,
		}},
		{"bad overlapping subnets", "lan: {subnets: [10.0.0.0/16,\n 10.0.1.0/24,\n 10.0.0.0/16,\n 10.0.0.0/8]}", []string{
			"2: lan.subnets[1]: 10.0.1.0/24 overlaps 10.0.0.0/16 at lan.subnets[0] (line 1); keep the larger",
			"3: lan.subnets[2]: 10.0.0.0/16 overlaps 10.0.0.0/16 at lan.subnets[0] (line 1); keep the larger",
			"4: lan.subnets[3]: 10.0.0.0/8 overlaps 10.0.0.0/16 at lan.subnets[0] (line 1); keep the larger",
		}},
		{"bad excluded", "excluded_ips: [10.0.0.1/8, router, 0.0.0.0/0]", []string{
			"1: excluded_ips[0]: 10.0.0.1/8 is an address within a subnet; write 10.0.0.0/8",
			`1: excluded_ips[1]: "router" is not an IP address like 192.168.1.5 or fd00::5`,
			"1: excluded_ips[2]: 0.0.0.0/0 covers every address; name smaller subnets",
		}},

		// Accounting, paths and times.
		{"bad accounting", "accounting:\n  table: 1st\n  hook: netdev\n  max_clients: 0\n  protect_table: persist\n", []string{
			`2: accounting.table: "1st" is not a table name nft can read; begin with a letter and use letters, digits and _`,
			`3: accounting.hook: "netdev" is not possible; use auto, forward, device`,
			"4: accounting.max_clients: 0 is out of range; use 1 to 65536",
			`5: accounting.protect_table: needs true or false, not the text "persist"`,
		}},
		{"bad max_clients", "accounting: {max_clients: 65537}", []string{"1: accounting.max_clients: 65537 is out of range; use 1 to 65536"}},
		{"bad max_clients, fraction", "accounting: {max_clients: 1.5}", []string{"1: accounting.max_clients: 1.5 is not a whole number in reach; write it in digits"}},
		{"bad max_clients, huge", "accounting: {max_clients: 99999999999999999999}", []string{
			"1: accounting.max_clients: 99999999999999999999 is not a whole number in reach; write it in digits",
		}},
		{"bad paths", "state_dir: state\nvendors: ''\n", []string{
			`1: state_dir: "state" is not an absolute path; begin with /`,
			`2: vendors: "" is not an absolute path; begin with /`,
		}},
		{"bad durations", "update_interval: 5\noffline_threshold: 1.5h\n", []string{
			"1: update_interval: 5 has no unit; write 5s for seconds",
			`2: offline_threshold: "1.5h" is not a duration like 5s, 1h30m or 90d`,
		}},
		{"bad duration, quoted and without unit", "offline_threshold: '300'", []string{"1: offline_threshold: 300 has no unit; write 300s for seconds"}},
		{"bad update_interval, short", "update_interval: 500ms", []string{"1: update_interval: 500ms is out of range; use 1s to 1h"}},
		{"bad update_interval, long", "update_interval: 61m\noffline_threshold: 1d", []string{"1: update_interval: 1h1m is out of range; use 1s to 1h"}},
		{"bad threshold below the default interval", "offline_threshold: 1s\n", []string{
			"1: offline_threshold: offline_threshold 1s is shorter than update_interval 5s, so clients would go offline between updates; make it at least as long",
		}},
		{"bad interval above the default threshold", "update_interval: 10m\n", []string{
			"1: update_interval: offline_threshold 5m is shorter than update_interval 10m, so clients would go offline between updates; make it at least as long",
		}},

		// Labels.
		{"bad labels", "extra_labels:\n  my-label: a\n  __name: a\n  hostname: a\n  type: a\n  job: a\n  empty: ''\n  lines: \"a\\nb\"\n", []string{
			"2: extra_labels.my-label: is not a label name; begin with a letter and use letters, digits and _",
			"3: extra_labels.__name: begins with __, which Prometheus keeps for itself; choose another label name",
			"4: extra_labels.hostname: is a label the exporter or Prometheus sets itself; choose another label name",
			"5: extra_labels.type: is a label the exporter or Prometheus sets itself; choose another label name",
			"6: extra_labels.job: is a label the exporter or Prometheus sets itself; choose another label name",
			"7: extra_labels.empty: is empty; write something or leave the key out",
			`8: extra_labels.lines: "a\nb" holds control characters; remove them`,
		}},

		// Clients.
		{"bad clients", `clients:
  - ip: 10.0.0.1
  - name: b
  - name: c
    mac: []
  - {name: d, ip: 10.0.0.4, quota: {billing_day: 32}}
  -
  - phone
`, []string{
			"2: clients[0].name: missing; add it",
			"3: clients[1]: has neither mac nor ip; add one, so that the client can be known",
			"4: clients[2]: has neither mac nor ip; add one, so that the client can be known",
			"6: clients[3].quota.bytes: missing; add it",
			"6: clients[3].quota.billing_day: 32 is out of range; use 1 to 31",
			"7: clients[4]: needs keys with values, not nothing",
			`8: clients[5]: needs keys with values, not the text "phone"`,
		}},
		{"bad names", fmt.Sprintf("clients:\n- {name: '', ip: 10.0.0.1}\n- {name: %s, ip: 10.0.0.2}\n- {name: ' a', ip: 10.0.0.3}\n- {name: \"a\\x7f\", ip: 10.0.0.4}\n- {name: 5, ip: 10.0.0.5}\n",
			strings.Repeat("ä", 32)), []string{
			"2: clients[0].name: is empty; write something or leave the key out",
			`3: clients[1].name: "ääääääääääääääääääääääääääääääää" is 64 bytes long; use at most 63`,
			`4: clients[2].name: " a" begins or ends with a space; remove it`,
			`5: clients[3].name: "a\x7f" holds control characters; remove them`,
			"6: clients[4].name: needs text in quotes, not 5",
		}},
		{"bad MACs", "clients:\n- name: a\n  mac:\n  - aa:bb\n  - 01:00:5e:00:00:01\n  - 00:00:00:00:00:00\n  - ff:ff:ff:ff:ff:ff\n  - 00:00:00:00:fe:80:00:00\n  - 1\n", []string{
			`4: clients[0].mac[0]: "aa:bb" is not a MAC address like aa:bb:cc:dd:ee:ff`,
			`5: clients[0].mac[1]: "01:00:5e:00:00:01" is a multicast address, which no device owns`,
			`6: clients[0].mac[2]: "00:00:00:00:00:00" is the MAC address of no device`,
			`7: clients[0].mac[3]: "ff:ff:ff:ff:ff:ff" is a multicast address, which no device owns`,
			`8: clients[0].mac[4]: "00:00:00:00:fe:80:00:00" is not a MAC address like aa:bb:cc:dd:ee:ff`,
			"9: clients[0].mac[5]: needs text in quotes, not 1",
		}},
		{"bad IPs", "clients:\n- name: a\n  ip:\n  - 192.168.1\n  - 192.168.1.0/24\n  - 192.168.01.1\n  - fe80::1%eth0\n  - ::ffff:10.0.0.1\n  - 127.0.0.1\n  - ff02::1\n  - fe80::1\n", []string{
			`4: clients[0].ip[0]: "192.168.1" is not an IP address like 192.168.1.5 or fd00::5`,
			`5: clients[0].ip[1]: "192.168.1.0/24" is not an IP address like 192.168.1.5 or fd00::5`,
			`6: clients[0].ip[2]: "192.168.01.1" is not an IP address like 192.168.1.5 or fd00::5`,
			`7: clients[0].ip[3]: "fe80::1%eth0" has a zone; write it without "%eth0"`,
			`8: clients[0].ip[4]: "::ffff:10.0.0.1" is an IPv4 address in IPv6 form; write 10.0.0.1`,
			"9: clients[0].ip[5]: 127.0.0.1 (loopback, link-local, multicast or the like) is no address a client reaches the Internet with; give its mac or another ip",
			"10: clients[0].ip[6]: ff02::1 (loopback, link-local, multicast or the like) is no address a client reaches the Internet with; give its mac or another ip",
			"11: clients[0].ip[7]: fe80::1 (loopback, link-local, multicast or the like) is no address a client reaches the Internet with; give its mac or another ip",
		}},
		{"bad clients that overlap", `clients:
  - {name: a, mac: "02:00:00:00:00:01", ip: fd00::1}
  - name: a
    mac: 02-00-00-00-00-01
    ip: FD00:0:0::1
  - name: c
    mac: ["02:00:00:00:00:03", "02:00:00:00:00:03"]
`, []string{
			`3: clients[1].name: "a" is at clients[0].name (line 2) already; give it once`,
			`4: clients[1].mac: "02:00:00:00:00:01" is at clients[0].mac (line 2) already; give it once`,
			`5: clients[1].ip: "fd00::1" is at clients[0].ip (line 2) already; give it once`,
			`7: clients[2].mac[1]: "02:00:00:00:00:03" is at clients[2].mac[0] (line 7) already; give it once`,
		}},
		{"bad client excluded further down", "clients:\n- {name: a, ip: 10.0.0.5}\nexcluded_ips: 10.0.0.0/24\n", []string{
			"2: clients[0].ip: 10.0.0.5 is excluded by 10.0.0.0/24 in excluded_ips; remove one of the two",
		}},

		// Leases.
		{"bad leases", `dhcp:
  leases:
    - {format: dnsmasq}
    - {path: /l}
    - {format: udhcpd, path: /m}
    - {format: auto, path: /n}
    - {format: kea, path: l.csv}
    - {format: kea, path: /l/}
    - {format: auto}
    - auto
    - kea
`, []string{
			"3: dhcp.leases[0]: has no path; add the dnsmasq lease file's",
			"4: dhcp.leases[1].format: missing; add it",
			`5: dhcp.leases[2].format: "udhcpd" is not possible; use auto, dnsmasq, kea, isc, networkd`,
			`7: dhcp.leases[4].path: "l.csv" is not an absolute path; begin with /`,
			`8: dhcp.leases[5].path: "/l" is at dhcp.leases[1].path (line 4) already; give it once`,
			`10: dhcp.leases[7]: "auto" is at dhcp.leases[6] (line 9) already; give it once`,
			`11: dhcp.leases[8]: "kea" is not possible; use auto`,
		}},
		{"bad pools", `dhcp:
  pools:
    - {name: a, first: 10.0.0.9, last: 10.0.0.8}
    - {name: b, first: 10.0.0.8, last: fd00::1}
    - {name: c, first: 10.0.0.10, last: 10.0.0.19}
    - {name: c, first: 10.0.1.10, last: 10.0.1.19}
    - {name: d, first: 10.0.0.19, last: 10.0.0.29}
    - {name: e, first: 10.0.0.1, last: 10.0.0.30, server: udhcpd}
    - {name: f, first: 224.0.0.1, last: 10.0.0.300}
    - {first: 10.9.0.1, end: 10.9.0.2}
`, []string{
			"3: dhcp.pools[0]: first 10.0.0.9 comes after last 10.0.0.8; swap them",
			"4: dhcp.pools[1]: first 10.0.0.8 and last fd00::1 are not of one family; make it two pools",
			`6: dhcp.pools[3].name: "c" is at dhcp.pools[2].name (line 5) already; give it once`,
			"7: dhcp.pools[4]: 10.0.0.19 to 10.0.0.29 overlaps c at dhcp.pools[2] (line 5); give each address once",
			`8: dhcp.pools[5].server: "udhcpd" is not possible; use dnsmasq, kea, isc, networkd`,
			"9: dhcp.pools[6].first: 224.0.0.1 (loopback, link-local, multicast or the like) is no address that a DHCP server gives out; write one of the range",
			`9: dhcp.pools[6].last: "10.0.0.300" is not an IP address like 192.168.1.5 or fd00::5`,
			"10: dhcp.pools[7].name: missing; add it",
			"10: dhcp.pools[7].last: missing; add it",
			"10: dhcp.pools[7].end: unknown key; known here: name, first, last, server",
		}},
		{"bad pools without leases", "dhcp:\n  leases: []\n  pools:\n  - {name: a, first: 10.0.0.8, last: 10.0.0.9}\n", []string{
			"4: dhcp.pools: no leases are read that could be counted; name the server's file in dhcp.leases",
		}},
		{"bad sockets of Kea", "dhcp:\n  kea: [kea.sock, /s, /s, /" + strings.Repeat("x", 107) + "]\n", []string{
			`2: dhcp.kea[0]: "kea.sock" is not an absolute path; begin with /`,
			`2: dhcp.kea[2]: "/s" is at dhcp.kea[1] (line 2) already; give it once`,
			`2: dhcp.kea[3]: "/` + strings.Repeat("x", 79) + `…" is 108 bytes long, and the kernel takes 107 for a socket's path; move the socket`,
		}},

		// Port mappings.
		{"bad port mappings", `port_mappings:
  enabled: yes please
  lease_file: /l
  lease_files: [l, /l, /l/]
`, []string{
			`2: port_mappings.enabled: needs true or false, not the text "yes please"`,
			"3: port_mappings.lease_file: unknown key; did you mean lease_files?",
			`4: port_mappings.lease_files[0]: "l" is not an absolute path; begin with /`,
			`4: port_mappings.lease_files[2]: "/l" is at port_mappings.lease_files[1] (line 4) already; give it once`,
		}},

		// What a hostile file could try.
		{"bad text as long as a file", "vendors: /" + strings.Repeat("x", 10000), []string{"1: vendors: is longer than 4096 bytes"}},
		{"bad long text in a message", "vendors: " + strings.Repeat("x", 4000), []string{
			`1: vendors: "` + strings.Repeat("x", 80) + `…" is not an absolute path; begin with /`,
		}},
		{"bad list that contains itself", "clients: &a [*a]", []string{"1: clients[0]: needs keys with values, not a list"}},
		{"bad table name longer than the kernel takes", "accounting: {table: " + strings.Repeat("x", 256) + "}", []string{
			`1: accounting.table: "` + strings.Repeat("x", 80) + `…" is not a table name nft can read; begin with a letter and use letters, digits and _`}},
		{"bad long list", "excluded_ips: [" + strings.Repeat("10.0.0.1,", 1025) + "]", []string{"1: excluded_ips: holds 1025 entries; at most 1024 are possible"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Parse("c.yml", strings.NewReader(tt.file))
			if err == nil {
				t.Fatalf("no error, but %+v", c)
			}
			want := "c.yml:" + strings.Join(tt.want, "\nc.yml:")
			if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseSize(t *testing.T) {
	const notSize = " is not a size like 500GB, 1.5TB or 512MiB; the units are kB, MB, GB, TB and KiB, MiB, GiB, TiB"
	tests := []struct {
		name, text string
		want       uint64
		err        string
	}{
		{"ok bytes", "500000000000", 500e9, ""},
		{"ok kB", "1kB", 1000, ""},
		{"ok MB", "1MB", 1e6, ""},
		{"ok GB", "500GB", 500e9, ""},
		{"ok TB with decimals", "1.5TB", 1.5e12, ""},
		{"ok KiB", "1KiB", 1 << 10, ""},
		{"ok MiB", "1MiB", 1 << 20, ""},
		{"ok GiB with space", "2 GiB", 2 << 30, ""},
		{"ok TiB", "1TiB", 1 << 40, ""},
		{"ok decimals no float holds", "0.1GB", 1e8, ""},
		{"ok to the byte", "9007199254.740993GB", 9007199254740993000, ""},
		{"ok largest", "18446744073709551615", 1<<64 - 1, ""},
		{"ok largest TiB", "16777215TiB", 16777215 << 40, ""},
		{"bad overflow by one", "18446744073709551616", 0, "18446744073709551616 is more than can be counted; use at most 16777215TiB"},
		{"bad overflow by unit", "16777216TiB", 0, "16777216TiB is more than can be counted; use at most 16777215TiB"},
		{"bad part of a byte", "0.0001kB", 0, "0.0001kB is not a whole number of bytes; write fewer decimals or add a unit"},
		{"bad half byte", "1.5", 0, "1.5 is not a whole number of bytes; write fewer decimals or add a unit"},
		{"bad zero", "0GB", 0, "must be more than 0; leave quota out for none"},
		{"bad negative", "-5GB", 0, `"-5GB"` + notSize},
		{"bad unit in capitals", "5KB", 0, `"5KB"` + notSize},
		{"bad unit in small letters", "5gb", 0, `"5gb"` + notSize},
		{"bad exponent", "1e9", 0, `"1e9"` + notSize},
		{"bad hexadecimal", "0x10", 0, `"0x10"` + notSize},
		{"bad digits of another script", "٥GB", 0, `"٥GB"` + notSize},
		{"bad too many digits", strings.Repeat("1", 21), 0, `"` + strings.Repeat("1", 21) + `"` + notSize},
		{"bad empty", "", 0, `""` + notSize},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseSize(tt.text)
			if message := fmt.Sprint(err); got != tt.want || (err != nil || tt.err != "") && message != tt.err {
				t.Errorf("parseSize(%q) = %d, %v; want %d, %s", tt.text, got, err, tt.want, tt.err)
			}
		})
	}
}

// TestParseHostile bounds the work on files made to exhaust the reader.
func TestParseHostile(t *testing.T) {
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 30 {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 10))
	}
	tests := []struct{ name, file, want string }{
		{"bad larger than 4 MiB", strings.Repeat("#", maxFileSize+1), "c.yml: larger than 4 MiB; is it the right file?"},
		{"bad alias bomb", bomb + "clients: *a30\n", "c.yml:1: a0: unknown key; "},
		{"bad alias bomb of clients", "excluded_ips: &i [" + strings.Repeat("10.0.0.1,", few) + "]\nclients: [&c {name: a, ip: *i}" + strings.Repeat(",*c", maxClients-1) + "]\n",
			"c.yml:1: clients[0].ip[0]: 10.0.0.1 is excluded by 10.0.0.1/32"},
		{"bad depth", strings.Repeat("[", maxFileSize), "c.yml:1: not valid YAML: exceeded max depth of 10000"},
		{"bad more errors than one reads", "clients:\n" + strings.Repeat("- {}\n", 1000), "c.yml: stopped after 100 errors"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Now()
			_, err := Parse("c.yml", strings.NewReader(tt.file))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %.300v; want %q in it", err, tt.want)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("took %s", took)
			}
			if lines := strings.Count(fmt.Sprint(err), "\n"); lines > maxProblems {
				t.Errorf("%d lines of errors", lines+1)
			}
		})
	}
}
