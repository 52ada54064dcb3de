package registry

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// BenchmarkReading takes one reading of dual-stack clients of which a tenth moved
// something, and a snapshot of it.
func BenchmarkReading(b *testing.B) {
	for _, clients := range []int{25, 250, 4096, 10_000} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			r := New(Config{MaxClients: 2 * clients, OfflineThreshold: time.Minute}, t0)
			n := net
			n.LAN = []sample.Link{{Name: "br-lan", Ethernet: true, Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16"), netip.MustParsePrefix("fd00:1::/64")}}}
			r.SetNetwork(n)
			c := epoch("a")
			for i := range clients {
				m := sample.MAC{2, 0, 0, 0, byte(i >> 8), byte(i)}
				for _, a := range []string{fmt.Sprintf("10.0.%d.%d", i>>8, i&255), fmt.Sprintf("fd00:1::%x", i+1)} {
					c.up(m, a, 100)
					c.down(a, 100)
				}
			}
			a := c.reading()
			r.SetAccounting(t0, a)
			b.ReportAllocs()
			now := t0
			for b.Loop() {
				now = now.Add(5 * time.Second)
				for i := 0; i < len(a.Elements); i += 10 {
					a.Elements[i].Bytes += 100
					a.Elements[i].Packets++
				}
				r.SetAccounting(now, a)
				r.Snapshot(now)
			}
		})
	}
}
