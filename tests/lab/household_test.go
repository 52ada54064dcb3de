package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"
)

// newHousehold plays the flows of a lab's clients as across machines: the
// internet is served on the lab's internet host, and no memory is shared.
func newHousehold(t *testing.T, l *Lab) *Household {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- l.Internet.Do(func() error { return ServeInternet(ctx, ":7000", "eth0") })
	}()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	h := &Household{
		Profile:  l.Profile,
		byName:   l.byName,
		resent:   map[string]*atomic.Uint64{},
		internet: map[Family]netip.AddrPort{},
		inFlight: semaphore.NewWeighted(maxUploads),
	}
	for _, c := range l.Clients {
		h.resent[c.Name] = &atomic.Uint64{}
	}
	for _, f := range []Family{IPv4, IPv6} {
		h.internet[f] = netip.AddrPortFrom(l.Internet.Addr(f), 7000)
	}
	waitForPort(t, l.Client("alice"), h.internet[IPv4])
	return h
}

// waitForPort waits until somebody listens. What it sends itself is counted by
// nobody: it comes before the witness.
func waitForPort(t *testing.T, from *Host, to netip.AddrPort) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		s, err := from.dialTCP(to)
		if err == nil {
			_ = s.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func TestFlowsAcrossMachinesAreWhatTheRouterForwards(t *testing.T) {
	l := newLab(t, twoLANs)
	h := newHousehold(t, l)
	witness(t, l)
	for _, proto := range []Proto{UDP, TCP} {
		for _, family := range []Family{IPv4, IPv6} {
			for _, dir := range []Direction{Up, Down} {
				f := Flow{Client: "alice", Proto: proto, Family: family, Direction: dir, Rate: 4 * Mbit, Duration: time.Second / 3}
				t.Run(fmt.Sprintf("%s IPv%d %s", proto, family, dir), func(t *testing.T) {
					before := h.Truth()["alice"].Sum(Kind{})
					runRemote(t, h, f)
					moved := h.Truth()["alice"].Sum(Kind{}).minus(before)
					data := map[Direction]Traffic{Up: moved.Up, Down: moved.Down}[dir]
					if want := float64(4*Mbit) / 8 / 3; float64(data.Bytes) < 0.7*want || float64(data.Bytes) > 1.3*want {
						t.Errorf("moved %+v, want some %.0f bytes", data, want)
					}
					wantForwarded(t, l, h, "alice")
				})
			}
		}
	}
}

func TestUDPAcrossMachinesGoesAsFastAsItCan(t *testing.T) {
	l := newLab(t, twoLANs)
	h := newHousehold(t, l)
	witness(t, l)
	for _, dir := range []Direction{Up, Down} {
		runRemote(t, h, Flow{Client: "alice", Direction: dir, Payload: 1400, Duration: time.Second / 3})
	}
	wantForwarded(t, l, h, "alice")
	if sum := h.Truth()["alice"].Sum(Kind{}); sum.Up.Packets < 5000 || sum.Down.Packets < 5000 {
		t.Errorf("moved no more than %+v", sum)
	}
}

// TestResentHandshake loses a SYN and a SYN with its answer behind the router's
// counters: what is sent again has to be in the truth as well.
func TestResentHandshake(t *testing.T) {
	l := newLab(t, twoLANs)
	h := newHousehold(t, l)
	witness(t, l)
	if err := l.LoadRuleset(`
		table inet lossy {
			chain forward {
				type filter hook forward priority 20;
				iifname "wan0" tcp flags & (syn | ack) == syn | ack limit rate 1/day burst 1 packets drop
				oifname "wan0" tcp flags & (syn | ack) == syn limit rate 1/day burst 1 packets drop
			}
		}`); err != nil {
		t.Fatal(err)
	}
	runRemote(t, h, Flow{Client: "alice", Proto: TCP, Direction: Down, Rate: Mbit, Duration: time.Second / 10})
	wantForwarded(t, l, h, "alice")
	if h.Resent("alice") == 0 {
		t.Error("nothing was sent again")
	}
}

func TestLossAcrossMachinesIsReported(t *testing.T) {
	l := newLab(t, twoLANs)
	h := newHousehold(t, l)
	for _, tt := range []struct{ name, drop, want string }{
		{"one datagram up", `oifname "wan0" udp length 1208 limit rate 1/day burst 1 packets drop`, "datagrams lost"},
		{"one datagram down", `iifname "wan0" udp length 1208 limit rate 1/day burst 1 packets drop`, "datagrams lost"},
		{"all data up", `oifname "wan0" udp length 1208 drop`, "64 of 64 datagrams lost"},
		{"all data down", `iifname "wan0" udp length 1208 drop`, "64 of 64 datagrams lost"},
		{"everything", `drop`, "order a flow from the internet at 203.0.113.1:7000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := l.LoadRuleset("table inet lossy {\nchain forward {\ntype filter hook forward priority 20;\n" + tt.drop + "\n}\n}"); err != nil {
				t.Fatal(err)
			}
			defer l.LoadRuleset("delete table inet lossy")
			f := Flow{Client: "alice", Direction: Up, Duration: 1500 * time.Millisecond, Rate: 2 * Mbit}
			if strings.HasSuffix(tt.name, "down") {
				f.Direction = Down
			}
			if err := completeAndRun(h, f); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// TestInternetOutlivesItsClients has more clients vanish in the middle of a
// download than credit for datagrams under way would last for.
func TestInternetOutlivesItsClients(t *testing.T) {
	l := newLab(t, twoLANs)
	h := newHousehold(t, l)
	for range 2 * backlog / window {
		f := Flow{Client: "alice", Direction: Down, Payload: 100}
		if err := f.complete(); err != nil {
			t.Fatal(err)
		}
		d, err := l.Client("alice").openDialog(h.internet[IPv4], f, h.inFlight)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.ask(message{Order: f.order()}); err != nil {
			t.Fatal(err)
		}
		_ = d.conn.Close()
	}
	time.Sleep(3 * lossTimeout) // half of them wait for credit first
	runRemote(t, h, Flow{Client: "alice", Direction: Down, Duration: time.Second / 5, Rate: Mbit})
	if down := h.Truth()["alice"].Sum(Kind{Proto: UDP}).Down; down.Bytes < 10_000 {
		t.Errorf("received no more than %+v", down)
	}
}

func TestInternetRefuses(t *testing.T) {
	l := newLab(t, twoLANs)
	h := newHousehold(t, l)
	conn, err := l.Client("alice").dialUDP(h.internet[IPv4])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, datagram := range []string{"", "\x00data", "{", "{}", "[1]", `{"received": 7}`, `{"order": {"direction": "left"}}`, strings.Repeat("x", 2000)} {
		if _, err := conn.Write([]byte(datagram)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.ask(l.Client("alice"), IPv4, "no such"); err == nil || !strings.Contains(err.Error(), "no connection with this ID") {
		t.Errorf("error %v for an account that does not exist", err)
	}
	runRemote(t, h, Flow{Client: "alice", Direction: Up, Duration: time.Second / 10, Rate: Mbit})
}

func TestPlayAcrossMachinesEndsWhenTold(t *testing.T) {
	p := Profile{Name: "busy", Clients: []Client{{Name: "alice", Flows: []Flow{
		{Proto: UDP, Direction: Up, Rate: Mbit}, {Proto: UDP, Direction: Down, Rate: Mbit},
		{Proto: TCP, Direction: Up, Rate: Mbit}, {Proto: TCP, Direction: Down, Rate: Mbit, Connections: 3},
	}}}}
	l := newLab(t, p)
	h := newHousehold(t, l)
	witness(t, l)
	ctx, stop := context.WithTimeout(t.Context(), time.Second/2)
	defer stop()
	truth, err := h.Play(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []Kind{{Proto: UDP}, {Proto: TCP}} {
		if sum := truth["alice"].Sum(kind); sum.Up.Packets < 20 || sum.Down.Packets < 20 {
			t.Errorf("%s: played no more than %+v", kind.Proto, sum)
		}
	}
	wantForwarded(t, l, h, "alice")
}

func TestAcknowledgements(t *testing.T) {
	w := newFlight(semaphore.NewWeighted(backlog))
	for range 3 {
		if err := w.takeOff(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		total uint64
		ok    bool
	}{{2, true}, {2, true}, {1, false}, {4, false}, {3, true}} {
		if err := w.acknowledge(tt.total); (err == nil) != tt.ok {
			t.Errorf("%d acknowledged: error %v", tt.total, err)
		}
	}
	w.abandon()
	if err := w.acknowledge(9); err != nil {
		t.Errorf("a late acknowledgement: %v", err)
	}
}

func TestNothingIsAcknowledgedWhileTheAccountIsAwaited(t *testing.T) {
	told := 0
	w := newWire(Flow{Family: IPv4, Payload: 100}, nil, func(b []byte) (int, error) {
		told++
		return len(b), nil
	})
	for i := range 3 * acknowledgeEvery {
		w.ending = i >= 2*acknowledgeEvery
		if _, err := w.take(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	if told != 2 || w.data != 3*acknowledgeEvery {
		t.Errorf("%d acknowledgements of %d datagrams, want 2", told, w.data)
	}
}

func completeAndRun(h *Household, f Flow) error {
	return errors.Join(f.complete(), h.run(context.Background(), f))
}

func runRemote(t *testing.T, h *Household, f Flow) {
	t.Helper()
	if err := completeAndRun(h, f); err != nil {
		t.Fatal(err)
	}
}

// wantForwarded compares a client's truth with what the router counted.
func wantForwarded(t *testing.T, l *Lab, h *Household, client string) {
	t.Helper()
	if got, want := witnessed(t, l, client), h.Truth()[client].Sum(Kind{}); got != want {
		t.Errorf("%s: router forwarded %+v, truth is %+v", client, got, want)
	}
}
