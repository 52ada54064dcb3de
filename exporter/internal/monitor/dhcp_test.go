package monitor

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"router-monitoring/exporter/internal/sample"
)

func TestPoolSize(t *testing.T) {
	for _, test := range []struct {
		first, last string
		want        float64
	}{
		{"192.168.1.100", "192.168.1.100", 1},
		{"192.168.1.100", "192.168.1.249", 150},
		{"1.0.0.0", "223.255.255.255", 223 << 24},
		{"fd00::", "fd00::ffff:ffff:ffff:ffff", 1 << 64},
		{"2000::", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1 << 125},
	} {
		if got := size(netip.MustParseAddr(test.first), netip.MustParseAddr(test.last)); got != test.want {
			t.Errorf("%s to %s: %v addresses, want %v", test.first, test.last, got, test.want)
		}
	}
}

// TestOnePerName has two servers tell of one subnet, whose series would be twice.
func TestOnePerName(t *testing.T) {
	pool := func(server, name string, leases float64) sample.Pool {
		return sample.Pool{Server: server, Name: name, Size: 9, Leases: leases}
	}
	got := onePerName([]sample.Pool{pool("kea", "a", 1), pool("dnsmasq", "a", 2), pool("kea", "a", 3), pool("kea", "b", 4)})
	want := []sample.Pool{pool("kea", "a", 1), pool("dnsmasq", "a", 2), pool("kea", "b", 4)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pools (-want +got):\n%s", diff)
	}
}
