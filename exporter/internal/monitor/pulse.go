package monitor

import (
	"sync/atomic"
	"time"
)

// pulse tells whether a loop still turns. The loop says, each time it is about
// to wait, for how long it will at most; so it may wait for long and is missed
// soon all the same.
type pulse struct {
	due atomic.Pointer[time.Time] // when the wait is over; nil before the loop and after its end
}

// beat says that the loop waits now.
func (p *pulse) beat(atMost time.Duration) {
	due := time.Now().Add(atMost)
	p.due.Store(&due)
}

// end says that the loop ended as it should.
func (p *pulse) end() { p.due.Store(nil) }

// late is how long ago its last wait was over: for so long, or somewhat longer
// where it was woken early, it has been at work or hangs.
func (p *pulse) late() time.Duration {
	due := p.due.Load()
	if due == nil {
		return 0
	}
	return max(0, time.Since(*due))
}

// Stuck says which loop hangs: has been at work for longer than patience. It is
// empty while all is well.
func (m *Monitor) Stuck(patience time.Duration) string {
	switch {
	case m.control.late() > patience:
		return "following the network hangs"
	case m.counting.late() > patience:
		return "counting connections hangs"
	}
	return ""
}
