package kea

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

const (
	config4 = `{"Dhcp4": {"subnet4": [{"id": 1, "subnet": "192.168.1.0/24"}], "hooks-libraries": [{"library": "/lib/libdhcp_stat_cmds.so"}],
"shared-networks": [{"subnet4": [{"id": 7, "subnet": "10.0.0.0/8", "pools": []}]}], "loggers": [{}]}, "hash": "AB"}`
	config6 = `{"Dhcp6": {"subnet6": [{"id": 2, "subnet": "fd00::/48"}]}}`

	statistics4 = `{"pkt4-received": [[1, "t"]], "subnet[1].total-addresses": [[50, "t"]], "subnet[1].assigned-addresses": [[9, "t"], [8, "t"]],
"subnet[1].declined-addresses": [[2, "t"]], "subnet[1].pool[0].total-addresses": [[20, "t"]], "subnet[7].total-addresses": [[16777216, "t"]], "subnet[8].total-addresses": [[1, "t"]]}`
	leases4 = `{"result-set": {"columns": ["subnet-id", "total-addresses", "new", "assigned-addresses", "declined-addresses"], "rows": [[1, 50, {}, 6, 1]], "timestamp": "t"}}`
)

func TestAnswers(t *testing.T) {
	tests := []struct {
		name, config, statistics, leases, want string
	}{
		{"ok statistics, of which the declined ones are no leases", config4, statistics4, "",
			"kea 192.168.1.0/24: 7 of 50, 2 declined; kea 10.0.0.0/8: 0 of 1.6777216e+07, 0 declined; "},
		{"ok counted leases", config4, statistics4, leases4,
			"kea 192.168.1.0/24: 6 of 50, 1 declined; kea 10.0.0.0/8: 0 of 1.6777216e+07, 0 declined; "},
		{"ok a subnet without leases has no row", config4, statistics4, `{"result-set": {"columns": [], "rows": []}}`,
			"kea 192.168.1.0/24: 0 of 50, 0 declined; kea 10.0.0.0/8: 0 of 1.6777216e+07, 0 declined; "},
		{"ok a column is missing", config4, statistics4, `{"result-set": {"columns": ["subnet-id", "assigned-addreses", "declined-addresses"], "rows": [[1, 6, 1]]}}`,
			"kea 192.168.1.0/24: 7 of 50, 1 declined; kea 10.0.0.0/8: 0 of 1.6777216e+07, 0 declined; "},
		{"ok no statistics yet", config4, `{}`, "", ""},
		{"ok beyond 64 bits", config6, `{"subnet[2].total-nas": [[1208925819614629174706176, "t"]], "subnet[2].assigned-nas": [[3, "t"]]}`, "",
			"kea fd00::/48: 3 of 1.2089258196146292e+24, 0 declined; "},
		{"ok 64 bits overflown, and prefixes", config6, `{"subnet[2].total-nas": [[-1, "t"]], "subnet[2].total-pds": [[256, "t"]], "subnet[2].assigned-pds": [[4, "t"]]}`, "",
			"kea fd00::/48: 0 of 1.8446744073709552e+19, 0 declined; kea fd00::/48 prefixes: 4 of 256; "},
		{"ok more leases than addresses, or fewer than none", config4, `{"subnet[1].total-addresses": [[5, "t"]], "subnet[1].assigned-addresses": [[6, "t"]],
"subnet[7].total-addresses": [[5, "t"]], "subnet[7].assigned-addresses": [[-1, "t"]]}`, "",
			"kea 192.168.1.0/24: 5 of 5, 0 declined; kea 10.0.0.0/8: 0 of 5, 0 declined; "},
		{"ok values that are no numbers", config4, `{"subnet[1].total-addresses": [["NaN", "t"]], "subnet[7].total-addresses": [[1e999]], "subnet[1].assigned-addresses": [[]]}`, "", ""},

		{"bad configuration", `[]`, "", "", "json: cannot unmarshal array into Go value of type struct { Dhcp4 *kea.daemon; Dhcp6 *kea.daemon }"},
		{"bad server", `{"DhcpDdns": {}}`, "", "", "the configuration is not that of a DHCP server; name the socket of kea-dhcp4 or kea-dhcp6 in dhcp.kea"},
		{"bad subnet", `{"Dhcp4": {"subnet4": [{"id": 1, "subnet": "\u0007"}]}}`, "", "", `netip.ParsePrefix("\a"): no '/'`},
		{"bad number of subnets", `{"Dhcp4": {"subnet4": [` + strings.Repeat(`{"subnet": "10.0.0.0/8"},`, 1024) + `{}]}}`, "", "",
			"the server has 1025 subnets; at most 1024 can be watched"},
		{"bad statistic", config4, `{"subnet[1].total-addresses": 5}`, "",
			"subnet[1].total-addresses: json: cannot unmarshal number into Go value of type [][]json.RawMessage"},
		{"bad row", config4, statistics4, `{"result-set": {"columns": ["subnet-id"], "rows": [[1, 2]]}}`, "a row does not fit the columns"},
		{"bad columns", config4, statistics4, `{"result-set": {"columns": ["total-addresses"], "rows": [[1]]}}`, "a row does not fit the columns"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := readAll(test.config, test.statistics, test.leases); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// readAll gives the pools or the error of a server that answers so.
func readAll(config, statistics, leases string) string {
	s := &server{}
	err := s.readConfig([]byte(config))
	if err == nil {
		err = s.readStatistics([]byte(statistics))
	}
	if err == nil && leases != "" {
		err = s.readLeases([]byte(leases))
	}
	if err != nil {
		return err.Error()
	}
	return text(s.pools())
}

// TestImpostors has other programs sit on the socket.
func TestImpostors(t *testing.T) {
	tests := []struct{ name, answer, want string }{
		{"nothing", "", "config-get: no answer in time; see whether Kea runs and dhcp.kea names its control socket"},
		{"another program", "220 mail\r\n", "config-get: the answer is not Kea's: json: cannot unmarshal number into Go value of type kea.answer"},
		{"JSON", `{"a": 1}`, "config-get: the answer is not Kea's: it has no result"},
		{"an error", `{"result": 1, "text": "not\nallowed"}`, `config-get: refused: "not\nallowed"`},
		{"an unknown command", `{"result": 2, "text": "unsupported"}`, "config-get: the server does not know the command"},
		{"without end", `{"result": 0, "text": "` + strings.Repeat("x", 5<<20), "config-get: the answer is larger than 4 MiB"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			socket := filepath.Join(t.TempDir(), "s")
			listener, err := net.Listen("unix", socket)
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			go func() {
				var open []net.Conn // else the garbage collector closes them
				defer func() { runtime.KeepAlive(open) }()
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					open = append(open, conn)
					_, _ = fmt.Fprint(conn, test.answer)
				}
			}()
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			pools, err := Read(ctx, socket)
			if want := socket + ": " + test.want; pools != nil || err == nil || err.Error() != want {
				t.Errorf("error %v\nwant  %s", err, want)
			}
		})
	}
}

func TestNoServer(t *testing.T) {
	_, err := Read(t.Context(), "/nowhere/s")
	if err == nil || err.Error() != "dial unix /nowhere/s: connect: no such file or directory" {
		t.Errorf("error %v", err)
	}
}

// FuzzAnswers holds that no answer makes it panic, and that pools hold no more
// than fits.
func FuzzAnswers(f *testing.F) {
	f.Add(config4, statistics4, leases4)
	f.Add(config6, `{"subnet[2].total-nas": [[-1]], "subnet[2].total-pds": [[1e300, 1]]}`, `{"result-set": {"columns": ["subnet-id", "assigned-nas"], "rows": [[2, 1e308]]}}`)
	f.Fuzz(func(t *testing.T, config, statistics, leases string) {
		s := &server{}
		if s.readConfig([]byte(config)) != nil || s.readStatistics([]byte(statistics)) != nil || s.readLeases([]byte(leases)) != nil {
			return
		}
		for _, p := range s.pools() {
			if !(p.Size > 0 && p.Leases >= 0 && p.Leases <= p.Size) || p.Declined != nil && !(*p.Declined >= 0) {
				t.Errorf("pool %s", text(s.pools()))
			}
		}
	})
}
