package config

import (
	"os"
	"strings"
	"testing"
	"time"
)

// FuzzParse holds that no file makes Parse panic, that each error is one line
// with the file's name, and that what passes keeps the promises of Config.
func FuzzParse(f *testing.F) {
	example, err := os.ReadFile("../../../docs/config.example.yml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(example))
	f.Add(contract)
	f.Add("lan: &a {interfaces: *a}\n---\n? [a]\n: !!null {b: c}\n")
	f.Add("dhcp: {pools: [{name: a, first: 10.0.0.9, last: 10.0.0.8, server: kea}], kea: [/s]}")
	f.Add("clients: [{name: \"\\u0085\", mac: [a, 1], ip: ::1, quota: {bytes: 1.5TiB}}]")
	f.Fuzz(func(t *testing.T, file string) {
		c, err := Parse("c.yml", strings.NewReader(file))
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				if !strings.HasPrefix(line, "c.yml:") {
					t.Errorf("error without the file's name: %q", line)
				}
			}
			return
		}
		checkPromises(t, c)
	})
}

func checkPromises(t *testing.T, c *Config) {
	if c.UpdateInterval < time.Second || c.UpdateInterval > time.Hour || c.OfflineThreshold < c.UpdateInterval {
		t.Errorf("update_interval %s, offline_threshold %s", c.UpdateInterval, c.OfflineThreshold)
	}
	if n := c.Accounting.MaxClients; n < 1 || n > maxClients {
		t.Errorf("max_clients %d", n)
	}
	for _, p := range c.LAN.Subnets {
		if !p.IsValid() || p != p.Masked() || p.Bits() == 0 {
			t.Errorf("subnet %s", p)
		}
	}
	names := map[string]bool{}
	for _, client := range c.Clients {
		if client.Name == "" || names[client.Name] || len(client.MACs)+len(client.IPs) == 0 {
			t.Errorf("client %+v", client)
		}
		names[client.Name] = true
		if q := client.Quota; q != nil && (q.Bytes == 0 || q.BillingDay < 1 || q.BillingDay > 31) {
			t.Errorf("quota %+v", q)
		}
	}
	for i, p := range c.DHCP.Pools {
		if p.Name == "" || p.First.Is4() != p.Last.Is4() || p.Last.Less(p.First) || i > few {
			t.Errorf("pool %+v", p)
		}
	}
	for _, l := range c.DHCP.Leases {
		if (l.Format == FormatAuto) != (l.Path == "") {
			t.Errorf("lease file %+v", l)
		}
	}
}
