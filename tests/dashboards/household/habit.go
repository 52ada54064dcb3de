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
}

// lives are the clients' by their names in the lab's profile. The line is one
// of 250 Mbit/s down and 40 Mbit/s up.
var lives = map[string]life{
	"tv-livingroom": {presence{16.5, 23.3, 1}, []habit{{from: 17, to: 18.2, down: 9, up: 0.2, duty: 0.8, rough: 0.5}, {from: 19.2, to: 23, down: 17, up: 0.3, duty: 1, rough: 0.5}}, 14, 0.9, 900, time.Time{}},
	"tv-bedroom":    {presence{19.8, 23.9, 1}, []habit{{from: 20.3, to: 23.5, down: 6.5, up: 0.1, duty: 0.9, rough: 0.5}}, 9, 0, 0, time.Time{}},
	"gaming-pc":     {presence{15.5, 23.5, 1}, []habit{{from: 16, to: 23, down: 0.9, up: 0.4, duty: 0.85, rough: 0.2}, {from: 16.2, to: 17, down: 70, up: 1.2, duty: 0.9, rough: 0.2, today: true}}, 40, 0.3, 0, time.Time{}},
	"console": {presence{17, 22.5, 1}, []habit{{from: 18, to: 20, down: 2, up: 0.6, duty: 0.6, rough: 0.3},
		{from: 20.75, to: 22, down: 205, up: 2.4, duty: 1, rough: 0.06, today: true}}, 22, 0, 300, time.Time{}},
	"nas":           {always, []habit{{from: 2, to: 5.4, up: 17, down: 0.6, duty: 1, rough: 0.15}, {from: 0, to: 24, up: 0.15, down: 0.1, duty: 0.5, rough: 0.5}}, 31, 0.95, 0, time.Time{}},
	"work-laptop":   {presence{8.2, 17.8, 1}, []habit{{from: 9, to: 12, down: 3.4, up: 2.9, duty: 0.7, rough: 0.15}, {from: 13, to: 17.3, down: 3.4, up: 2.9, duty: 0.6, rough: 0.15}, {from: 8.3, to: 17.6, down: 1.8, up: 0.3, duty: 0.5, rough: 0.9}}, 85, 0.8, 0, time.Time{}},
	"laptop-anna":   {presence{7, 22.5, 0.75}, []habit{{from: 7.2, to: 9, down: 3, up: 0.3, duty: 0.6, rough: 1}, {from: 17.5, to: 22.3, down: 6, up: 0.5, duty: 0.6, rough: 1}}, 60, 0.8, 0, time.Time{}},
	"laptop-ben":    {presence{9, 23.2, 0.8}, []habit{{from: 9.5, to: 23, down: 4, up: 0.4, duty: 0.45, rough: 1}, {from: 10.1, to: 10.9, down: 0.9, up: 34, duty: 1, rough: 0.1, today: true}}, 75, 0.2, 0, time.Time{}},
	"desktop-study": {presence{8.5, 19, 0.9}, []habit{{from: 9, to: 18.5, down: 2.5, up: 0.3, duty: 0.5, rough: 1}, {from: 12.4, to: 12.9, down: 60, up: 1.2, duty: 1, rough: 0.2}}, 45, 0.7, 0, time.Time{}},
	"phone-anna":    {presence{17.2, 8.1, 0.97}, []habit{{from: 6.7, to: 8, down: 4, up: 0.3, duty: 0.5, rough: 0.9}, {from: 18, to: 23, down: 6, up: 0.3, duty: 0.5, rough: 0.9}}, 25, 0.9, 0, time.Time{}},
	"phone-ben":     {presence{0, 24, 0.9}, []habit{{from: 7.5, to: 23.5, down: 3, up: 0.4, duty: 0.35, rough: 1}}, 22, 0.9, 0, time.Time{}},
	"phone-clara":   {presence{15.2, 7.6, 0.96}, []habit{{from: 6.5, to: 7.5, down: 5, up: 0.5, duty: 0.6, rough: 0.9}, {from: 15.5, to: 22.4, down: 6, up: 0.8, duty: 0.7, rough: 0.9}}, 30, 0.85, 420, time.Time{}},
	"tablet-kids":   {presence{14.8, 19.6, 0.9}, []habit{{from: 15, to: 19.3, down: 5.5, up: 0.1, duty: 0.8, rough: 0.6}}, 12, 0.2, 200, time.Time{}},
	"tablet-kitchen": {presence{6, 22, 0.95},
		[]habit{{from: 6.5, to: 9, down: 0.4, up: 0.02, duty: 1, rough: 0.2}, {from: 17, to: 19.5, down: 3, up: 0.1, duty: 0.6, rough: 0.7}}, 8, 0.6, 0, BillingDay.Add(13*24*time.Hour + 18*time.Hour)},
	"e-reader":      {presence{21, 23, 0.8}, []habit{{from: 21, to: 21.2, down: 1.5, up: 0.05, duty: 0.5, rough: 0.5}}, 2, 0, 0, BillingDay.Add(3*24*time.Hour + 15*time.Hour)},
	"camera-door":   {always, []habit{{from: 0, to: 24, up: 1.9, down: 0.03, duty: 0.3, rough: 0.4}}, 3, 0, 0, time.Time{}},
	"camera-garden": {always, []habit{{from: 6.5, to: 19, up: 1.6, down: 0.03, duty: 0.3, rough: 0.4}}, 3, 0, 0, time.Time{}},
	"voice-kitchen": {always, []habit{{from: 6.5, to: 22, down: 0.15, up: 0.03, duty: 0.7, rough: 0.5}}, 6, 0.5, 0, time.Time{}},
	"voice-bedroom": {always, []habit{{from: 21, to: 24, down: 0.26, up: 0.02, duty: 0.9, rough: 0.2}}, 5, 0.9, 0, time.Time{}},
	"printer":       {presence{8, 20, 0.9}, []habit{{from: 8, to: 20, up: 0.02, down: 0.01, duty: 0.1, rough: 1}}, 1, 0, 0, time.Time{}},
	"thermostat":    {always, []habit{{from: 0, to: 24, up: 0.004, down: 0.002, duty: 0.6, rough: 0.5}}, 1, 0, 0, time.Time{}},
	"plug-washer":   {always, []habit{{from: 0, to: 24, up: 0.003, down: 0.001, duty: 0.8, rough: 0.5}}, 1, 0, 0, time.Time{}},
	"plug-desk":     {always, []habit{{from: 0, to: 24, up: 0.003, down: 0.001, duty: 0.8, rough: 0.5}}, 1, 1, 0, time.Time{}},
	"bulb-hall":     {always, []habit{{from: 0, to: 24, up: 0.004, down: 0.001, duty: 0.9, rough: 0.5}}, 1, 0, 0, time.Time{}},
	"vacuum":        {always, []habit{{from: 16, to: 17, up: 0.4, down: 2.5, duty: 0.8, rough: 0.6}, {from: 0, to: 24, up: 0.06, down: 0.01, duty: 0.5, rough: 0.5}}, 3, 0, 0, unpacked},
}
