package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"router-monitoring/tests/lab"
)

// twoClients has one that must match to the byte and one that may be off.
var (
	twoClients = lab.Profile{Clients: []lab.Client{{Name: "udp"}, {Name: "tcp"}}}

	twoTruths = map[string]lab.Truth{
		"udp": {
			{Class: lab.Internet, Proto: lab.UDP, Family: lab.IPv4}: counts(1000, 20000),
			{Class: lab.Local, Proto: lab.UDP, Family: lab.IPv4}:    counts(7, 7), // is no Internet traffic
		},
		"tcp": {{Class: lab.Internet, Proto: lab.TCP, Family: lab.IPv6}: counts(100, 1234567)},
	}
)

func counts(up, down uint64) lab.Counts {
	return lab.Counts{Up: lab.Traffic{Bytes: up}, Down: lab.Traffic{Bytes: down}}
}

// metrics is what an exporter would answer.
func metrics(change ...string) string {
	return strings.NewReplacer(change...).Replace(`# TYPE network_client_tx_bytes_total counter
network_client_tx_bytes_total{hostname="udp",ip="192.168.1.2",mac=""} 1000
network_client_tx_bytes_total{hostname="tcp",ip="192.168.1.3",mac=""} 100
# TYPE network_client_rx_bytes_total counter
network_client_rx_bytes_total{hostname="udp",ip="192.168.1.2",mac=""} 20000
network_client_rx_bytes_total{hostname="tcp",ip="192.168.1.3",mac=""} 1.2e+06
# TYPE network_unattributed_bytes_total counter
network_unattributed_bytes_total{direction="rx",reason="overflow"} 5
network_unattributed_bytes_total{direction="rx",reason="excluded"} 6
network_unattributed_bytes_total{direction="tx",reason="overflow"} 0
# TYPE network_forwarded_bytes_total counter
network_forwarded_bytes_total{direction="rx"} 1.220011e+06
network_forwarded_bytes_total{direction="tx"} 1100
`)
}

func TestComparison(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change []string
		want   string
	}{
		{"ok", nil, ""},
		{"bad udp off by one", []string{"} 20000", "} 19999", "1.220011", "1.220010"},
			"udp: down 20000 bytes sent, 19999 reported, more than 0 % apart"},
		{"bad tcp too far off", []string{"1.2e+06", "1.3e+06", "1.220011", "1.320011"},
			"tcp: down 1234567 bytes sent, 1300000 reported, more than 5 % apart"},
		{"bad name", []string{`hostname="udp"`, `hostname="unknown"`}, "udp: not reported"},
		{"bad audit", []string{`reason="excluded"} 6`, `reason="excluded"} 7`},
			"audit down: clients 1220000 + unattributed 12 are not forwarded 1220011"},
		{"bad two series", []string{`hostname="tcp"`, `hostname="udp"`},
			"udp: reported 2 times\ntcp: not reported"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := parseMetrics([]byte(metrics(tt.change...)))
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if err := compare(twoClients, twoTruths, r).err(); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseMetricsWantsBothDirections(t *testing.T) {
	text := metrics(`rx_bytes_total{hostname="tcp",ip="192.168.1.3"`, `rx_bytes_total{hostname="tcp",ip="192.168.1.9"`)
	if _, err := parseMetrics([]byte(text)); err == nil || !strings.Contains(err.Error(), "192.168.1.9") {
		t.Errorf("error %v, want one that names 192.168.1.9", err)
	}
}

func TestTable(t *testing.T) {
	r, err := parseMetrics([]byte(metrics()))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	compare(twoClients, twoTruths, r).print(&out)
	const want = `
Bytes at the IP layer. A client with UDP only has to match to the byte.

              upload                  download
client kind lab sent reported diff %  lab sent  reported    diff     %
udp    UDP     1,000    1,000    0 0    20,000    20,000       0     0
tcp    TCP       100      100    0 0 1,234,567 1,200,000 -34,567 -2.80
----------------------------------------------------------------------
total          1,100    1,100    0 0 1,254,567 1,220,000 -34,567 -2.76

Audit upload    clients 1,100 + unattributed 0 = forwarded 1,100
Audit download  clients 1,220,000 + unattributed 11 = forwarded 1,220,011
Verdict: all 2 clients reported; 1 with UDP only exact to the byte, 1 with TCP within 5 %.
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}
