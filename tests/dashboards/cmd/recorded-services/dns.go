package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"time"

	"router-monitoring/tests/lab"
)

// resolver is a DNS server with what tells about it.
type resolver struct {
	addr    string
	config  string
	argv    []string // CONFIG stands for the file, DIR for the folder
	program []string // the exporter, none if the resolver is its own
	metrics string
}

// resolvers are on the router, beside each other. All of them block the names of
// advertising that clients ask for, and ask the internet for the rest.
var resolvers = map[string]resolver{
	"unbound": {
		addr: "192.168.1.1:53",
		config: `server:
  interface: 192.168.1.1
  access-control: 192.168.0.0/16 allow
  directory: "DIR"
  username: ""
  chroot: ""
  pidfile: "DIR/unbound.pid"
  use-syslog: no
  module-config: "iterator"
  extended-statistics: yes
  local-zone: "ads.example" always_nxdomain
remote-control:
  control-enable: yes
  control-interface: "DIR/unbound.ctl"
  control-use-cert: no
forward-zone:
  name: "."
  forward-addr: 203.0.113.1
`,
		argv:    []string{"unbound", "-d", "-p", "-c", "CONFIG"},
		program: []string{"unbound_exporter", "-unbound.host=unix://DIR/unbound.ctl", "-unbound.ca=", "-unbound.cert=", "-web.listen-address=127.0.0.1:9167"},
		metrics: "http://127.0.0.1:9167/metrics",
	},
	"dnsmasq": {
		addr: "192.168.2.1:53",
		config: `interface=br-guest
bind-interfaces
no-resolv
no-hosts
no-dhcp-interface=br-guest
server=203.0.113.1
address=/ads.example/
user=root
`,
		argv:    []string{"dnsmasq", "--no-daemon", "--pid-file=", "--conf-file=CONFIG"},
		program: []string{"dnsmasq_exporter", "--dnsmasq=192.168.2.1:53", "--leases_path=DIR/dnsmasq.leases", "--listen=127.0.0.1:9153"},
		metrics: "http://127.0.0.1:9153/metrics",
	},
	"blocky": {
		addr: "192.168.1.1:5353",
		config: `upstreams: {groups: {default: [203.0.113.1]}}
bootstrapDns: [{upstream: 203.0.113.1}]
blocking:
  denylists:
    ads:
      - |
        *.ads.example
  clientGroupsBlock: {default: [ads]}
prometheus: {enable: true}
ports: {dns: "192.168.1.1:5353", http: "127.0.0.1:4000"}
`,
		argv:    []string{"blocky", "--config", "CONFIG"},
		metrics: "http://127.0.0.1:4000/metrics",
	},
	"adguardhome": {
		addr: "192.168.2.1:5353",
		config: `schema_version: 34
http: {address: "127.0.0.1:3080"}
users: [{name: admin, password: $2a$04$.5oIkyCh7t.b/aeznE5dFufJa6sGEKLKyPp51PW9DNMmopefQnLjW}] # of adguardPassword
dns:
  bind_hosts: [192.168.2.1]
  port: 5353
  upstream_dns: [203.0.113.1]
  bootstrap_dns: [203.0.113.1]
filters: []
user_rules: ["||ads.example^"]
`,
		argv:    []string{"AdGuardHome", "--config", "CONFIG", "--work-dir", "DIR", "--no-check-update"},
		program: []string{"json_exporter", "--config.file=DIR/json-exporter.yml", "--web.listen-address=127.0.0.1:7979"},
		metrics: "http://127.0.0.1:7979/probe?module=adguardhome&target=http://127.0.0.1:3080/control/stats",
	},
}

// The JSON exporter is told what the NixOS module tells it, but another place of the
// password.
const (
	jsonExporterConfig = "tests/module/golden/services/nix/store/00000000000000000000000000000000-json-exporter.yml"
	adguardCredential  = "/run/credentials/prometheus-json-exporter.service/adguardhome"
	adguardPassword    = "secret"
)

func (h *house) configureJSONExporter() error {
	text, err := os.ReadFile(jsonExporterConfig)
	if err != nil {
		return err
	}
	if _, err := h.write("password", adguardPassword); err != nil {
		return err
	}
	_, err = h.write("json-exporter.yml", strings.ReplaceAll(string(text), adguardCredential, "DIR/password"))
	return err
}

// upstream is the internet's server. It knows every name below example but those
// that are missing, each for a short time, and refuses all else.
const upstream = `port=53
listen-address=203.0.113.1
bind-interfaces
no-resolv
no-hosts
local-ttl=15
address=/missing.example/
address=/example/203.0.113.80
address=/example/2001:db8:ffff::80
user=root
`

func (h *house) startDNS(ctx context.Context) error {
	config, err := h.write("upstream.conf", upstream)
	if err != nil {
		return err
	}
	if _, err := h.runOn(h.Internet, "dnsmasq", "--no-daemon", "--pid-file=", "--conf-file="+config); err != nil {
		return err
	}
	if err := h.configureJSONExporter(); err != nil {
		return err
	}
	for name, r := range resolvers {
		if err := h.startResolver(ctx, name, r); err != nil {
			return err
		}
	}
	return nil
}

func (h *house) startResolver(ctx context.Context, name string, r resolver) error {
	config, err := h.write(name+"-dns.conf", r.config)
	if err != nil {
		return err
	}
	p, err := h.run(r.argv[0], h.filled(r.argv[1:], config)...)
	if err != nil {
		return err
	}
	answers := func() bool { return h.lookUp(ctx, h.Router, r.addr, "www1.example") == nil }
	if err := p.until(ctx, "it answers", answers); err != nil {
		return err
	}
	if len(r.program) > 0 {
		if p, err = h.run(r.program[0], h.filled(r.program[1:], config)...); err != nil {
			return err
		}
	}
	return p.waitFor(ctx, r.metrics)
}

// ask has clients look up names until ctx ends: some often, some of advertising,
// some that do not exist.
func (h *house) ask(ctx context.Context) error {
	names := []string{"www%d.example.", "cdn%d.example.", "tracker%d.ads.example.", "host%d.missing.example.", "nas%d.elsewhere."}
	some := func(n int) int { return int(float64(n) * rand.Float64() * rand.Float64()) } // the first ones most often
	for ctx.Err() == nil {
		for _, r := range resolvers {
			name, client := fmt.Sprintf(names[some(len(names))], some(40)), h.Clients[some(len(h.Clients))]
			go func() { _ = h.lookUp(ctx, client, r.addr, name) }() // an answer of none is one
		}
		time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond)
	}
	return nil
}

// lookUp asks a resolver for both kinds of addresses of a name.
func (h *house) lookUp(ctx context.Context, from *lab.Host, server, name string) error {
	r := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (conn net.Conn, err error) {
		doErr := from.Do(func() error {
			conn, err = (&net.Dialer{}).DialContext(ctx, "udp", server)
			return err
		})
		return conn, doErr
	}}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err := r.LookupHost(ctx, name)
	return err
}
