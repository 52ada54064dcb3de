package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"router-monitoring/tests/lab"
)

// house is the lab with services on its router.
type house struct {
	*lab.Lab
	dir      string
	programs []*program
	time     time.Duration // that is recorded
	day      []event
	dns      bool
}

// profile has addresses within the DHCP servers' pools: the servers give each
// client the address that the lab has given it.
var profile = lab.Profile{
	Name: "services",
	Clients: []lab.Client{
		{Name: "tv-livingroom", IPv4: home(100)},
		{Name: "console", IPv4: home(101)},
		{Name: "gaming-pc", IPv4: home(102)},
		{Name: "nas", IPv4: home(103)},
		{Name: "work-laptop", IPv4: home(104)},
		{Name: "phone-anna", IPv4: home(105)},
		{Name: "phone-ben", IPv4: home(106)},
		{Name: "tablet-kids", IPv4: home(107)},
		{Name: "camera-door", IPv4: home(108)},
		{Name: "guest-dhcp", LAN: lab.BrGuest.Name, IPv4: guest(2)},
		{Name: "printer", LAN: lab.BrGuest.Name, IPv4: guest(100)}, // a fixed address that the server does not know
		{Name: "visitor-laptop", LAN: lab.BrGuest.Name, IPv4: guest(50)},
		{Name: "visitor-phone", LAN: lab.BrGuest.Name, IPv4: guest(51)},
		{Name: "visitor-tablet", LAN: lab.BrGuest.Name, IPv4: guest(52)},
	},
}

func home(host byte) netip.Addr  { return netip.AddrFrom4([4]byte{192, 168, 1, host}) }
func guest(host byte) netip.Addr { return netip.AddrFrom4([4]byte{192, 168, 2, host}) }

// The pools.
const (
	homeFirst, homeLast   = "192.168.1.100", "192.168.1.115"
	guestFirst, guestLast = "192.168.2.100", "192.168.2.107"
)

const exporterAddr = "127.0.0.1:9101"

const exporterConfig = `
lan: {interfaces: [br-lan, br-guest]}
wan:
  interfaces: [wan0]
  probes: {targets: [TARGETS], interval: 1s}
port_mappings: {enabled: true, lease_files: [DIR/upnp.leases]}
dhcp:
  leases:
    - {format: dnsmasq, path: DIR/dnsmasq.leases}
    - {format: kea, path: DIR/kea-leases4.csv}
  pools:
    - {name: home, first: HOMEFIRST, last: HOMELAST}
  kea: [DIR/kea4.sock]
state_dir: DIR/state
update_interval: 1s
`

// start brings everything up and gives what is to be recorded, by job.
func (h *house) start(ctx context.Context, o options) (sources map[string]source, err error) {
	if o.speedtest {
		if err := h.startLine(ctx); err != nil {
			return nil, err
		}
		return map[string]source{"speedtest": h.testLine}, h.standForSpeedtest()
	}
	sources = map[string]source{"network-metrics-exporter": scraped("http://" + exporterAddr + "/metrics")}
	steps := []func(context.Context) error{h.startLine, h.startDHCP, h.startPorts}
	if o.dns {
		steps = append(steps, h.startDNS)
		for name, r := range resolvers {
			sources[name] = scraped(r.metrics)
		}
	}
	steps = append(steps, func(ctx context.Context) error { return h.startExporter(ctx, o.exporter) })
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return sources, nil
}

func (h *house) startExporter(ctx context.Context, path string) error {
	config := strings.NewReplacer("TARGETS", `"`+strings.Join(targetNames(), `", "`)+`"`,
		"HOMEFIRST", homeFirst, "HOMELAST", homeLast).Replace(exporterConfig)
	file, err := h.write("exporter.yml", config)
	if err != nil {
		return err
	}
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	p, err := h.run(path, "--config.file="+file, "--web.listen-address="+exporterAddr)
	if err != nil {
		return err
	}
	return p.waitFor(ctx, "http://"+exporterAddr+"/-/ready")
}

// filled gives arguments with the folder and a configuration file in their places.
func (h *house) filled(args []string, config string) (filled []string) {
	in := strings.NewReplacer("DIR", h.dir, "CONFIG", config)
	for _, arg := range args {
		filled = append(filled, in.Replace(arg))
	}
	return filled
}

// write puts a file into the folder, which DIR in it stands for.
func (h *house) write(name, text string) (path string, err error) {
	path = filepath.Join(h.dir, name)
	err = os.WriteFile(path, []byte(strings.ReplaceAll(text, "DIR", h.dir)), 0o644)
	if err != nil {
		err = fmt.Errorf("write %s: %w", name, err)
	}
	return path, err
}
