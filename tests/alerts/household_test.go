package alerts

import (
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"router-monitoring/tests/lab"
)

// household is the exporter's side: its program, configuration and files.
type household struct {
	program, config, leases string
	exporter                string // its address
}

// newHousehold makes the files of an exporter that has kept records for a day
// and knows these clients: who joins now is news.
func newHousehold(t *testing.T, known ...*lab.Host) *household {
	t.Helper()
	dir := t.TempDir()
	h := &household{
		program:  filepath.Join(dir, "network-metrics-exporter"),
		config:   filepath.Join(dir, "config.yml"),
		leases:   filepath.Join(dir, "dnsmasq.leases"),
		exporter: freeAddress(t),
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", h.program, "router-monitoring/exporter").CombinedOutput(); err != nil {
		t.Fatalf("build the exporter: %v\n%s", err, out)
	}
	state := filepath.Join(dir, "state")
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(state, "state"), yesterdaysState(known))
	write(t, h.leases, "")
	write(t, h.config, fmt.Sprintf(`
lan: {interfaces: [%s]}
wan: {interfaces: [%s]}
state_dir: %s
update_interval: 1s
dhcp: {leases: [{format: dnsmasq, path: %s}]}
`, lab.BrLAN.Name, lab.WAN, state, h.leases))
	return h
}

// yesterdaysState is what the exporter saves (see exporter/internal/state), as
// far as the test needs it.
func yesterdaysState(known []*lab.Host) string {
	yesterday := time.Now().Add(-24 * time.Hour).UTC().Format(time.RFC3339)
	text := fmt.Sprintf(`{"format":"network-metrics-state","version":1}`+"\n"+`{"Began":%q,"Shutdown":true}`+"\n", yesterday)
	for _, c := range known {
		text += fmt.Sprintf(`{"Clients":[{"MACs":[%q],"Addrs":[{"Addr":%q,"Trust":2}],"Primary":%[2]q,"FirstSeen":%[3]q,"LastSeen":%[3]q}]}`+"\n",
			c.MAC, c.IPv4, yesterday)
	}
	sum := crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli))
	return text + fmt.Sprintf(`{"crc32c":"%08x"}`+"\n", sum)
}

// lease lets the DHCP server give a client its name.
func (h *household) lease(t *testing.T, c *lab.Host, name string) {
	t.Helper()
	before, err := os.ReadFile(h.leases)
	if err != nil {
		t.Fatal(err)
	}
	write(t, h.leases, fmt.Sprintf("%s%d %s %s %s *\n", before, time.Now().Add(time.Hour).Unix(), c.MAC, c.IPv4, name))
}

func (h *household) startExporter(t *testing.T) *program {
	t.Helper()
	return start(t, "http://"+h.exporter+"/-/ready", h.program, "--config.file="+h.config, "--web.listen-address="+h.exporter)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
