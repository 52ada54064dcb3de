package lease

import (
	"net/netip"
	"testing"
	"time"

	"router-monitoring/exporter/internal/sample"
)

func TestPool(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	a := netip.MustParseAddr
	of := func(left time.Duration, addrs ...string) (leases []sample.Lease) {
		for _, s := range addrs {
			l := sample.Lease{Addr: a(s)}
			if left != 0 {
				l.Expires = now.Add(left)
			}
			leases = append(leases, l)
		}
		return leases
	}
	dnsmasq := append(of(time.Hour, "10.0.0.1", "10.0.0.2"), of(0, "10.0.0.9", "fd00::1")...)
	kea := of(time.Second, "10.0.0.2", "10.0.0.3", "10.0.0.4")
	both := Reading{
		Leases: []sample.Lease{dnsmasq[0], dnsmasq[1], kea[1], kea[2], dnsmasq[2], dnsmasq[3]},
		Files:  []Status{{File: File{Format: Dnsmasq}}, {File: File{Format: Kea}}},
		held:   []held{{Dnsmasq, dnsmasq}, {Kea, kea}},
	}
	one := Reading{Files: []Status{{File: File{Format: ISC}}, {File: File{Format: Auto}}, {File: File{Format: ISC}}}}
	for _, test := range []struct {
		name        string
		reading     Reading
		first, last string
		now         time.Time
		leases      int
		server      Format
	}{
		{"each address once, most of them Kea's", both, "10.0.0.1", "10.0.0.8", now, 4, Kea},
		{"both ends belong to it", both, "10.0.0.2", "10.0.0.3", now, 2, Kea},
		{"ended leases do not", both, "10.0.0.1", "10.0.0.8", now.Add(time.Minute), 2, Dnsmasq},
		{"one address", both, "10.0.0.9", "10.0.0.9", now, 1, Dnsmasq},
		{"IPv6 apart", both, "fd00::", "fd00::ffff:ffff:ffff:ffff", now, 1, Dnsmasq},
		{"none, and two servers", both, "10.0.1.1", "10.0.1.9", now, 0, ""},
		{"none, and one server", one, "10.0.1.1", "10.0.1.9", now, 0, ISC},
		{"no files", Reading{}, "10.0.1.1", "10.0.1.9", now, 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			leases, server := test.reading.Pool(a(test.first), a(test.last), test.now)
			if leases != test.leases || server != test.server {
				t.Errorf("%d leases of %q, want %d of %q", leases, server, test.leases, test.server)
			}
		})
	}
}
