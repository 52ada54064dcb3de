package monitor

import (
	"testing"
	"time"

	"router-monitoring/exporter/internal/registry"
	"router-monitoring/exporter/internal/sample"
)

func TestStatus(t *testing.T) {
	lan := []sample.Link{{Name: "br-guest"}, {Name: "br-lan"}}
	wan := []string{"wan0"}
	for _, tt := range []struct {
		name     string
		clients  int
		network  sample.Network
		hook     string
		fault    string // of the conntrack source
		rejected bool
		want     string
	}{
		{name: "ok", clients: 2, network: sample.Network{LAN: lan, WAN: wan}, hook: "forward",
			want: "counting 2 clients on br-guest, br-lan, 0 online"},
		{name: "ok, one client and no accounting", clients: 1, network: sample.Network{LAN: lan[1:], WAN: wan},
			want: "watching 1 client on br-lan, 0 online"},
		{name: "bad, no network", want: "watching 0 clients, 0 online; no LAN interface found"},
		{name: "bad, no Internet", network: sample.Network{LAN: lan[1:]},
			want: "watching 0 clients on br-lan, 0 online; no Internet connection found"},
		{name: "bad, all at once", network: sample.Network{LAN: lan[1:], WAN: wan, Missing: []string{"br-late"}}, hook: "forward", fault: "EPERM\nEPERM", rejected: true,
			want: "counting 0 clients on br-lan, 0 online; waiting for br-late; source conntrack is down, see the log; the new configuration is not valid, the old one stays in force"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := Monitor{network: tt.network, hook: tt.hook, rejected: tt.rejected}
			m.registry = registry.New(registry.Config{MaxClients: 10, Declared: declared(tt.clients)}, time.Now())
			m.sources[conntrack] = source{asked: true, fault: tt.fault}
			if got := m.Status(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func declared(n int) (all []registry.Declared) {
	for i := range n {
		all = append(all, registry.Declared{Name: "client", MACs: []sample.MAC{{2, byte(i)}}})
	}
	return all
}

// TestStatusOfAStuckState checks what the watchdog rests on: there is no status
// while somebody holds the shared state.
func TestStatusOfAStuckState(t *testing.T) {
	m := Monitor{registry: registry.New(registry.Config{}, time.Now())}
	m.mu.Lock()
	told := make(chan string, 1)
	go func() { told <- m.Status() }()
	select {
	case status := <-told:
		t.Errorf("told %q", status)
	case <-time.After(50 * time.Millisecond):
	}
	m.mu.Unlock()
	<-told
}
