package main

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// miniupnpd wants chains of its own, and an address that the Internet knows: it
// refuses those of documentation.
const (
	upnpRules = `
table inet miniupnpd {
	chain prerouting {
		type nat hook prerouting priority dstnat;
		jump prerouting_miniupnpd
	}
	chain postrouting {
		type nat hook postrouting priority srcnat;
		jump postrouting_miniupnpd
	}
	chain forward { }
	chain prerouting_miniupnpd { }
	chain postrouting_miniupnpd { }
}
table ip nat {
	chain prerouting {
		iifname "wan0" tcp dport 443 dnat to 192.168.1.103:5001 comment "photos"
		iifname "wan0" udp dport 27015-27020 dnat to 192.168.1.102 comment "game server"
	}
}
`
	upnpConfig = `ext_ifname=wan0
ext_ip=9.9.9.9
listening_ip=br-lan
http_port=5000
enable_upnp=yes
enable_natpmp=yes
secure_mode=yes
lease_file=DIR/upnp.leases
uuid=8ae1fb2e-7d4b-4f0c-b9a5-6c1c7f1e2d3a
upnp_table_name=miniupnpd
upnp_nat_table_name=miniupnpd
upnp_forward_chain=forward
upnp_nat_chain=prerouting_miniupnpd
upnp_nat_postrouting_chain=postrouting_miniupnpd
allow 1024-65535 192.168.1.0/24 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
`
	upnpAddress = "http://192.168.1.1:5000/rootDesc.xml"
)

// startPorts starts the daemon by which clients map ports, beside rules of the
// owner's that do.
func (h *house) startPorts(ctx context.Context) error {
	if err := h.LoadRuleset(upnpRules); err != nil {
		return err
	}
	config, err := h.write("miniupnpd.conf", upnpConfig)
	if err != nil {
		return err
	}
	p, err := h.run("miniupnpd", "-d", "-f", config, "-P", h.dir+"/miniupnpd.pid")
	if err != nil {
		return err
	}
	return p.waitFor(ctx, upnpAddress)
}

// mapPort has a program on a client ask for a port over UPnP.
func (h *house) mapPort(ctx context.Context, name, what, proto string, port int, lasts time.Duration) error {
	c, n := h.Client(name), strconv.Itoa(port)
	out, err := c.Exec(ctx, "upnpc", "-u", upnpAddress, "-e", what, "-a", c.IPv4.String(), n, n, proto, strconv.Itoa(int(lasts.Seconds())))
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%s asks for port %d: %w: %s", name, port, err, out)
	}
	return nil
}

// mapPortQuietly asks over NAT-PMP, which knows no descriptions.
func (h *house) mapPortQuietly(ctx context.Context, name, proto string, port int, lasts time.Duration) error {
	n := strconv.Itoa(port)
	out, err := h.Client(name).Exec(ctx, "natpmpc", "-g", "192.168.1.1", "-a", n, n, proto, strconv.Itoa(int(lasts.Seconds())))
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%s asks for port %d: %w: %s", name, port, err, out)
	}
	return nil
}
