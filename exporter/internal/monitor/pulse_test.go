package monitor

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestPulse plays the clock for a loop that waits up to half a minute, works for
// a second, hangs, goes on and ends.
func TestPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pulse
		after := func(pause, want time.Duration) {
			t.Helper()
			time.Sleep(pause)
			if got := p.late(); got != want {
				t.Errorf("late by %v, want %v", got, want)
			}
		}
		after(time.Hour, 0) // not begun
		p.beat(30 * time.Second)
		after(30*time.Second, 0)
		after(time.Second, time.Second)
		p.beat(time.Second)
		after(0, 0)
		after(time.Hour, time.Hour-time.Second)
		p.beat(30 * time.Second)
		after(0, 0)
		p.end()
		after(time.Hour, 0)
	})
}

func TestStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Monitor
		for _, p := range []*pulse{&m.control, &m.counting} {
			p.beat(30 * time.Second)
			time.Sleep(90 * time.Second)
			if stuck := m.Stuck(time.Minute); stuck != "" {
				t.Errorf("%s, within its time", stuck)
			}
			time.Sleep(time.Nanosecond)
			if stuck := m.Stuck(time.Minute); stuck == "" {
				t.Error("nothing is stuck")
			}
			p.end()
		}
	})
}
