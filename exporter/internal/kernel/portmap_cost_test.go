package kernel

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestPortMappingsAreReadOnChange holds that rules are read when the ruleset has
// changed and at no other time.
func TestPortMappingsAreReadOnChange(t *testing.T) {
	isolate(t)
	p := openPortMappings(t)
	const table = "table ip t { chain p { type nat hook prerouting priority dstnat; tcp dport %d dnat to 192.168.1.5\n}\n}\n"
	read := func(want string) {
		t.Helper()
		got, err := p.Read()
		must(t, err)
		if got := strings.Join(lines(got), ", "); got != want {
			t.Errorf("mappings %q, want %q", got, want)
		}
	}
	read("")
	for port := 80; port < 83; port++ {
		loadRules(t, "flush ruleset\n"+fmt.Sprintf(table, port))
		read(fmt.Sprintf("tcp %d -> 192.168.1.5 %[1]d", port))
	}
	p.found[0].Internal.Last = 99 // which a further reading would put right
	read("tcp 82 -> 192.168.1.5 82-99")
	loadRules(t, "flush ruleset")
	read("")
}

// TestPortMappingsOfHugeRulesets holds that rules elsewhere cost nothing, and that
// there is a bound to those that translate addresses.
func TestPortMappingsOfHugeRulesets(t *testing.T) {
	isolate(t)
	p := openPortMappings(t)
	nat := "table ip t { chain p { type nat hook prerouting priority dstnat; tcp dport 80 dnat to 192.168.1.5\nip saddr @blocked return\n}\n" +
		"set blocked { type ipv4_addr\n}\n}\n"
	loadRules(t, nat)
	few := fastest(t, p)
	var filter strings.Builder
	filter.WriteString("table inet f { chain i { type filter hook input priority 0;\n")
	for i := range 10000 {
		fmt.Fprintf(&filter, "ip saddr 10.%d.%d.1 tcp dport %d drop\n", i>>8, i&0xff, i+1)
	}
	filter.WriteString("}\n}\nadd element ip t blocked { ")
	for i := range 10000 {
		fmt.Fprintf(&filter, "10.%d.%d.1, ", i>>8, i&0xff)
	}
	loadRules(t, filter.String()+"}\n")
	many := fastest(t, p)
	t.Logf("a reading takes %v, and %v beside 10,000 filter rules and a set of 10,000 addresses", few, many)
	if many > 3*few+time.Millisecond {
		t.Errorf("a reading takes %v beside 10,000 filter rules, and %v without", many, few)
	}
	if got, err := p.Read(); err != nil || len(got) != 1 {
		t.Errorf("%d mappings, %v", len(got), err)
	}
}

// fastest is how long a reading of the rules takes.
func fastest(t *testing.T, p *PortMappings) time.Duration {
	best := time.Hour
	for range 20 {
		p.generation = 0
		start := time.Now()
		_, err := p.Read()
		must(t, err)
		best = min(best, time.Since(start))
	}
	return best
}

func TestPortMappingsAreBounded(t *testing.T) {
	var ports strings.Builder
	for i := range maxNATElements + 1 {
		fmt.Fprintf(&ports, "%d, ", 2*i)
	}
	rule := "tcp dport 80 dnat to 192.168.1.5\n"
	for _, tt := range []struct {
		name, rules string
		want        error
		found       int
	}{
		{"rules", strings.Repeat("ip saddr 10.0.0.1 accept\n", maxNATRules+1), errManyRules, 0},
		{"mappings", strings.Repeat(rule, maxMappings+1), errManyMappings, maxMappings},
		{"elements", rule + "udp dport { " + ports.String() + "} dnat to 192.168.1.5\n" + rule, errManyElements, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			isolate(t)
			loadRules(t, "table ip t { chain p { type nat hook prerouting priority dstnat\n"+tt.rules+"}\n}\n")
			p := openPortMappings(t)
			for range 2 {
				got, err := p.Read()
				if !errors.Is(err, tt.want) || len(got) != tt.found {
					t.Errorf("%d mappings, %v; want %d, %v", len(got), err, tt.found, tt.want)
				}
			}
			loadRules(t, "flush ruleset")
			if got, err := p.Read(); err != nil || len(got) != 0 {
				t.Errorf("later: %d mappings, %v", len(got), err)
			}
		})
	}
}
