package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"router-monitoring/tests/lab"
)

const dnsmasqConfig = `port=0
interface=br-lan
bind-interfaces
no-ping
dhcp-authoritative
dhcp-range=` + homeFirst + `,` + homeLast + `,12h
dhcp-leasefile=DIR/dnsmasq.leases
user=root
`

const keaConfig = `{"Dhcp4": {
"interfaces-config": {"interfaces": ["eth0"]},
"lease-database": {"type": "memfile", "name": "DIR/kea-leases4.csv", "lfc-interval": 0},
"control-socket": {"socket-type": "unix", "socket-name": "DIR/kea4.sock"},
"valid-lifetime": 3600,
"subnet4": [{"id": 1, "subnet": "192.168.2.0/24", "pools": [{"pool": "` + guestFirst + ` - ` + guestLast + `"}],
"option-data": [{"name": "routers", "data": "192.168.2.1"}]}]}}`

// leaseScript sets the address that a client was given beside what it has.
const leaseScript = `#!/bin/sh
case $1 in bound | renew) busybox ip addr replace "$ip/$mask" dev "$interface" ;; esac
`

// startDHCP starts dnsmasq for the house and Kea for its guests. Kea has a machine
// of its own, since both want the port for themselves.
func (h *house) startDHCP(ctx context.Context) error {
	reservations := ""
	for _, c := range h.Clients {
		if c.LAN == lab.BrLAN.Name {
			reservations += fmt.Sprintf("dhcp-host=%s,%s\n", c.MAC, c.IPv4)
		}
	}
	dnsmasq, err := h.write("dnsmasq.conf", dnsmasqConfig+reservations)
	if err != nil {
		return err
	}
	if _, err := h.run("dnsmasq", "--no-daemon", "--conf-file="+dnsmasq, "--pid-file="); err != nil {
		return err
	}
	kea, err := h.write("kea.conf", keaConfig)
	if err != nil {
		return err
	}
	if _, err := h.write("lease.sh", leaseScript); err != nil {
		return err
	}
	if err := os.Chmod(filepath.Join(h.dir, "lease.sh"), 0o755); err != nil {
		return err
	}
	server, err := h.runOn(h.Client("guest-dhcp"), "kea-dhcp4", "-c", kea)
	if err != nil {
		return err
	}
	return server.until(ctx, "its socket is there", func() bool {
		_, err := os.Stat(filepath.Join(h.dir, "kea4.sock"))
		return err == nil
	})
}

// keaFolders are where Kea puts what it would put below /run and /var.
func keaFolders(dir string) []string {
	lfc, _ := exec.LookPath("kea-lfc")
	return []string{"KEA_PIDFILE_DIR=" + dir, "KEA_LOCKFILE_DIR=" + dir, "KEA_DHCP_DATA_DIR=" + dir,
		"KEA_LOG_FILE_DIR=" + dir, "KEA_LOGGER_DESTINATION=stdout", "KEA_LFC_EXECUTABLE=" + lfc}
}

// lease has a client ask for an address. One that somebody uses it declines
// (-a), and asks again.
func (h *house) lease(ctx context.Context, name string) error {
	out, err := h.Client(name).Exec(ctx, "busybox", "udhcpc", "-i", "eth0", "-a", "-s", filepath.Join(h.dir, "lease.sh"),
		"-x", "hostname:"+name, "-t", "10", "-T", "1", "-A", "1", "-n", "-q")
	if ctx.Err() != nil {
		return nil
	}
	if err != nil || !strings.Contains(string(out), "obtained") {
		return fmt.Errorf("%s got no lease: %w: %s", name, err, bytes.TrimSpace(out))
	}
	return nil
}
