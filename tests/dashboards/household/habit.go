package household

import (
	"math"
	"time"
)

// habit is something a client does at a certain time of the day.
type habit struct {
	from, to float64 // hours of the day
	down, up float64 // Mbit/s while it does it
	duty     float64 // the share of the time it does it, in stretches of minutes
	rough    float64 // how much the rate varies: 0 not at all, 1 by its whole
	today    bool    // on the last day only
}

// stretch is how long a client keeps at what it does or rests.
const stretch = 7 * time.Minute

// rates are bits per second at a time.
func (h habit) rates(who int, t time.Time) (down, up float64) {
	hour := hourOf(t)
	if hour < h.from || hour >= h.to || h.today && End.Sub(t) > 24*time.Hour {
		return 0, 0
	}
	if noise(who+1000, t.UnixNano()/int64(stretch)) >= h.duty {
		return 0, 0
	}
	// Heavy-tailed: mostly somewhat below the average, sometimes far above.
	u := noise(who, t.Unix()/int64(Scrape/time.Second))
	vary := 1 - h.rough + h.rough*math.Min(-math.Log(1-u), 4)
	return h.down * 1e6 * vary, h.up * 1e6 * vary
}

// presence says when a client is at home and awake.
type presence struct {
	from, to float64 // hours of the day; from > to spans midnight
	steady   float64 // the share of that time it is seen, in stretches
}

func (p presence) at(who int, t time.Time) bool {
	hour := hourOf(t)
	inside := hour >= p.from && hour < p.to
	if p.from > p.to {
		inside = hour >= p.from || hour < p.to
	}
	return inside && noise(who+2000, t.Unix()/(40*60)) < p.steady
}

// mood is how much a client does on a day: more at weekends, and all of its
// habits on the recording's last day, so that the day is as told.
func mood(who int, t time.Time) float64 {
	if t.After(DayStart) {
		return 1
	}
	much := 0.4 + 0.9*noise(who+4000, t.Unix()/86400)
	if day := t.Weekday(); day == time.Saturday || day == time.Sunday {
		much *= 1.4
	}
	return much
}

var always = presence{0, 24, 1}

// life is what a client does.
type life struct {
	presence  presence
	habits    []habit
	idleConns float64 // connections while it does nothing
	ipv6      float64 // the share of its bytes
	quotaGB   float64 // 0: none
	joined    time.Time
	formerly  string // its address until it moved; empty for one that did not
}
