package lab

import (
	"strings"
	"testing"
	"time"
)

func TestProfileErrors(t *testing.T) {
	const lan = "lans: [{name: br-lan, ip: 192.168.1.1/24, ipv6: 'fd00:1::1/64'}]\n"
	for _, tt := range []struct{ name, text, want string }{
		{"ok empty client", "clients: [{name: tv}]", ""},
		{"ok own lan", lan + "clients: [{name: tv, lan: br-lan}]", ""},
		{"ok guest", "clients: [{name: tv, lan: br-guest}]", ""},
		{"bad key", "clients: [{name: tv, adress: x}]", "field adress not found"},
		{"bad flow key", "clients: [{name: tv, flows: [{speed: 1Mbit}]}]", "field speed not found"},
		{"bad rate", "clients: [{name: tv, flows: [{rate: 1MB}]}]", `"1MB" is not a rate`},
		{"bad negative rate", "clients: [{name: tv, flows: [{rate: -1Mbit}]}]", `"-1Mbit" is not a rate`},
		{"bad no rate", "clients: [{name: tv, flows: [{proto: udp}]}]", "flow 1: rate is missing"},
		{"bad proto", "clients: [{name: tv, flows: [{proto: sctp, rate: 1Mbit}]}]", `proto "sctp"`},
		{"bad family", "clients: [{name: tv, flows: [{family: 5, rate: 1Mbit}]}]", "family 5"},
		{"bad direction", "clients: [{name: tv, flows: [{direction: left, rate: 1Mbit}]}]", `direction "left"`},
		{"bad payload", "clients: [{name: tv, flows: [{payload: 1500, rate: 1Mbit}]}]", "payload 1500"},
		{"bad connections", "clients: [{name: tv, flows: [{connections: -1, rate: 1Mbit}]}]", "connections -1"},
		{"bad peer", "clients: [{name: tv, flows: [{peer: nas, rate: 1Mbit}]}]", `no peer "nas"`},
		{"bad self", "clients: [{name: tv, flows: [{peer: tv, rate: 1Mbit}]}]", "the client itself"},
		{"bad name", "clients: [{name: Living Room}]", `"Living Room": name is not a host name`},
		{"bad reserved name", "clients: [{name: router}]", "belongs to the router"},
		{"bad twice", "clients: [{name: tv}, {name: tv}]", "tv belongs to tv already"},
		{"bad mac", "clients: [{name: tv, mac: '12:34'}]", `"12:34" is not a MAC address`},
		{"bad group mac", "clients: [{name: tv, mac: '01:00:5e:00:00:01'}]", "is a group address"},
		{"bad mac twice", "clients: [{name: a, mac: '02:00:00:00:00:01'}, {name: b, mac: '02:00:00:00:00:01'}]", "belongs to a already"},
		{"bad ip", "clients: [{name: tv, ip: 192.168.1}]", "192.168.1"},
		{"bad ip elsewhere", "clients: [{name: tv, ip: 10.0.0.1}]", "10.0.0.1 is not in 192.168.1.0/24"},
		{"bad ipv6 elsewhere", "clients: [{name: tv, ipv6: '2001:db8::1'}]", "2001:db8::1 is not in fd00:1::/64"},
		{"bad ip of the router", "clients: [{name: tv, ip: 192.168.1.1}]", "belongs to the router"},
		{"bad lan", "clients: [{name: tv, lan: br-iot}]", `lan "br-iot" is not in the profile`},
		{"bad lan without ipv6", "lans: [{name: br-lan, ip: 192.168.1.1/24}]", "ipv6 is missing"},
		{"bad lan name", "lans: [{name: a-name-that-is-too-long, ip: 192.168.1.1/24}]", "1 to 15 characters"},
		{"bad lan type", "lans: [{name: lan0, type: token-ring}]", `no type "token-ring"`},
		{"bad vlan name", "lans: [{name: trunk, type: vlan}]", "named like eth0.10"},
		{"bad vlan number", "lans: [{name: trunk.0, type: vlan}]", "named like eth0.10"},
		{"bad name of no vlan", "lans: [{name: trunk.10}]", "named like eth0.10"},
		{"bad routed lan", "lans: [{name: shed, type: routed}]", "cannot be the first"},
		{"bad scale", "scale: -1", "scale -1 is negative"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseProfile([]byte(tt.text))
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
		})
	}
	if _, err := LoadProfile("no-such"); err == nil || !strings.Contains(err.Error(), "n5105-25-clients") {
		t.Errorf("error %v does not name the profiles there are", err)
	}
}

func TestShippedProfilePlays(t *testing.T) {
	p, err := LoadProfile("n5105-25-clients")
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Clients) != 25 {
		t.Errorf("%d clients, want 25", len(p.Clients))
	}
	l := newLab(t, p)
	witness(t, l)
	start := time.Now()
	truth, err := l.Play(testContext(t), 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("2 s of load took %s", took)
	}
	for _, c := range p.Clients {
		sum := truth[c.Name].Sum(Kind{})
		if sum == (Counts{}) {
			t.Errorf("%s made no traffic", c.Name)
		}
		if truth[c.Name].Sum(Kind{Proto: TCP}) == (Counts{}) {
			wantTruth(t, l, c.Name)
		} else {
			wantNearly(t, l, c.Name)
		}
	}
}
