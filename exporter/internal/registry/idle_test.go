package registry

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"router-monitoring/exporter/internal/sample"
)

// TestIdle looks at which elements make room, once a forger and 26 households of
// two addresses each are quiet.
func TestIdle(t *testing.T) {
	forger := mac(99)
	for _, tt := range []struct {
		name   string
		forged int
		after  time.Duration
		want   map[bool]int // of the forger, and of others
	}{
		{"room enough", 90, 11 * time.Second, nil},
		{"a crowd in a set that is nearly full", 110, 11 * time.Second, map[bool]int{true: 110}},
		{"a crowd that was there a moment ago", 110, 9 * time.Second, nil},
		{"all in a set that is nearly full", 110, 11 * time.Minute, map[bool]int{true: 110, false: 52}},
		{"all after a day", 90, 25 * time.Hour, map[bool]int{true: 90, false: 52}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, c := newRegistry(), epoch("a")
			r.cfg.MaxClients = 200
			for i := range tt.forged {
				c.up(forger, fmt.Sprintf("fd00:1::f:%x", i), 100)
			}
			for i := range 52 {
				c.up(mac(byte(1+i/2)), fmt.Sprintf("fd00:1::a:%x", i), 100)
			}
			r.SetAccounting(t0, c.reading())
			now := t0.Add(tt.after)
			r.SetAccounting(now, c.reading())
			got := map[bool]int{}
			for _, e := range r.Idle(now) {
				got[e.MAC == forger]++
			}
			if want := tt.want; !maps.Equal(got, want) {
				t.Errorf("(-want +got):\n%s", cmp.Diff(want, got))
			}
		})
	}
}

// BenchmarkIdle is a look at the elements of 10,000 dual-stack clients.
func BenchmarkIdle(b *testing.B) {
	for _, clients := range []int{25, 10_000} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			r, c := New(Config{MaxClients: 2 * clients}, t0), epoch("a")
			for i := range clients {
				m := sample.MAC{2, 0, 0, 0, byte(i >> 8), byte(i)}
				for _, a := range []string{fmt.Sprintf("10.0.%d.%d", i>>8, i&255), fmt.Sprintf("fd00:1::%x", i+1)} {
					c.up(m, a, 100)
					c.down(a, 100)
				}
			}
			r.SetAccounting(t0, c.reading())
			b.ReportAllocs()
			for b.Loop() {
				r.Idle(t0)
			}
		})
	}
}
