package monitor

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"router-monitoring/exporter/internal/collector"
	"router-monitoring/exporter/internal/sample"
)

var (
	tv     = netip.MustParseAddr("192.168.1.20")
	tv6    = netip.MustParseAddr("fd00:1::20")
	soon   = time.Unix(1_800_000_000, 0)
	nobody = netip.MustParseAddr("172.17.0.2")
)

func holder(a netip.Addr) (netip.Addr, string, bool) {
	if a == tv || a == tv6 {
		return tv, "tv", true
	}
	return a, "", false
}

// mapping is one of a port to the same port.
func mapping(addr netip.Addr, protocol string, port uint16, change func(*sample.PortMapping)) sample.PortMapping {
	p := sample.Ports{First: port, Last: port}
	m := sample.PortMapping{Addr: addr, Protocol: protocol, External: p, Internal: p}
	if change != nil {
		change(&m)
	}
	return m
}

func TestPorts(t *testing.T) {
	lease := func(m *sample.PortMapping) { m.Daemon, m.Description, m.Expires = true, "game", soon }
	comment := func(m *sample.PortMapping) { m.Description = " \x1b by hand\n" }
	shown := func(protocol, port, by, description string, expires time.Time) collector.PortMapping {
		return collector.PortMapping{
			IP: "192.168.1.20", Hostname: "tv", Protocol: protocol, ExternalPort: port, InternalPort: port,
			Source: by, Description: description, Expires: expires,
		}
	}
	for _, tt := range []struct {
		name          string
		rules, leases []sample.PortMapping
		want          []collector.PortMapping
	}{
		{"none", nil, nil, nil},
		{"rule", []sample.PortMapping{mapping(tv, "tcp", 80, comment)}, nil,
			[]collector.PortMapping{shown("tcp", "80", "nftables", "by hand", time.Time{})}},
		{"rule and lease are one", []sample.PortMapping{mapping(tv, "udp", 80, nil)}, []sample.PortMapping{mapping(tv, "udp", 80, lease)},
			[]collector.PortMapping{shown("udp", "80", "miniupnpd", "game", soon)}},
		{"rule and lease of another protocol are two", []sample.PortMapping{mapping(tv, "tcp", 80, nil)}, []sample.PortMapping{mapping(tv, "udp", 80, lease)},
			[]collector.PortMapping{shown("tcp", "80", "nftables", "", time.Time{}), shown("udp", "80", "miniupnpd", "game", soon)}},
		{"lease without a rule", nil, []sample.PortMapping{mapping(tv, "udp", 80, lease)},
			[]collector.PortMapping{shown("udp", "80", "miniupnpd", "game", soon)}},
		{"lease without a rule, which others have", []sample.PortMapping{mapping(tv, "udp", 80, nil)}, []sample.PortMapping{mapping(tv, "udp", 80, lease), mapping(nobody, "tcp", 3389, lease)},
			[]collector.PortMapping{shown("udp", "80", "miniupnpd", "game", soon)}},
		{"lease of IPv6, which has no such rule", []sample.PortMapping{mapping(tv, "udp", 80, nil)}, []sample.PortMapping{mapping(tv, "udp", 80, lease), mapping(tv6, "tcp", 22, lease)},
			[]collector.PortMapping{shown("udp", "80", "miniupnpd", "game", soon), shown("tcp", "22", "miniupnpd", "game", soon)}},
		{"twice", []sample.PortMapping{mapping(tv, "tcp", 80, nil), mapping(tv, "tcp", 80, nil)}, nil,
			[]collector.PortMapping{shown("tcp", "80", "nftables", "", time.Time{})}},
		{"both addresses of a client", nil, []sample.PortMapping{
			mapping(tv, "udp", 80, lease),
			mapping(tv6, "udp", 80, func(m *sample.PortMapping) { lease(m); m.Expires = soon.Add(time.Hour) }),
		}, []collector.PortMapping{shown("udp", "80", "miniupnpd", "game", soon.Add(time.Hour))}},
		{"from the LAN", []sample.PortMapping{mapping(tv, "udp", 53, func(m *sample.PortMapping) { m.Inside = "br-lan" })}, nil, nil},
		{"from elsewhere", []sample.PortMapping{mapping(tv, "udp", 53, func(m *sample.PortMapping) { m.Inside = "wg0" })}, nil,
			[]collector.PortMapping{shown("udp", "53", "nftables", "", time.Time{})}},
		{"no client", []sample.PortMapping{mapping(nobody, "tcp", 80, nil)}, nil,
			[]collector.PortMapping{{IP: "172.17.0.2", Protocol: "tcp", ExternalPort: "80", InternalPort: "80", Source: "nftables"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := showPorts(joinPorts(tt.rules, tt.leases, []string{"br-lan"}), holder)
			if diff := cmp.Diff(tt.want, got.Mappings); diff != "" {
				t.Errorf("mappings (-want +got):\n%s", diff)
			}
		})
	}
}

// TestManyPorts holds that series are bounded, that those shown stay the same ones
// and leave room for other devices', and that all are counted.
func TestManyPorts(t *testing.T) {
	var rules []sample.PortMapping
	for port := uint16(1000); port > 0; port-- {
		rules = append(rules, mapping(tv, []string{"tcp", "udp"}[port%2], port, nil))
	}
	got := showPorts(joinPorts(rules, nil, nil), holder)
	if len(got.Mappings) != 64 || got.Hidden != 936 {
		t.Errorf("%d mappings, %d hidden", len(got.Mappings), got.Hidden)
	}
	for i, m := range got.Mappings {
		if want := fmt.Sprint(2 * (i + 1)); m.ExternalPort != want {
			t.Fatalf("mapping %d is of port %s, want %s", i, m.ExternalPort, want)
		}
	}
	want := []collector.PortCount{{IP: "192.168.1.20", Hostname: "tv", Protocol: "tcp", Mappings: 500}, {IP: "192.168.1.20", Hostname: "tv", Protocol: "udp", Mappings: 500}}
	if diff := cmp.Diff(want, got.Clients); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	for device := range byte(100) {
		for port := range uint16(10) {
			rules = append(rules, mapping(netip.AddrFrom4([4]byte{192, 168, 1, 100 + device}), "tcp", 1+port, nil))
		}
	}
	got = showPorts(joinPorts(rules, nil, nil), holder)
	if len(got.Mappings) != 256 || got.Hidden != 1744 || got.Mappings[64].IP != "192.168.1.100" {
		t.Errorf("of many devices %d mappings, %d hidden", len(got.Mappings), got.Hidden)
	}
}
