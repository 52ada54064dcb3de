package household

import "time"

// The recording ends on a Friday evening. It holds a month of hourly samples
// and then a day as Prometheus scrapes it.
var (
	End      = time.Date(2026, time.January, 23, 21, 36, 0, 0, time.UTC)
	DayStart = End.Add(-25 * time.Hour) // an hour more: rates at the day's start look back
	Start    = End.Truncate(24*time.Hour).AddDate(0, 0, -34)

	// BillingDay is when the month's quotas began.
	BillingDay = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
)

// What happened on the last day.
var (
	powerCut = End.Truncate(24 * time.Hour).Add(4*time.Hour + 31*time.Minute)
	reboot   = powerCut.Add(2 * time.Minute)
	reload   = End.Truncate(24 * time.Hour).Add(17*time.Hour + 25*time.Minute)
	flushed  = End.Truncate(24 * time.Hour).Add(18*time.Hour + 40*time.Minute) // somebody deleted the counters' table
	redial   = End.Truncate(24 * time.Hour).Add(19*time.Hour + 40*time.Minute) // the provider dropped the line
	redialed = redial.Add(2 * time.Minute)
	unpacked = End.Truncate(24 * time.Hour).Add(16*time.Hour + 10*time.Minute) // the new device
	moved    = End.Add(-20 * time.Minute)                                      // a client got another address
)

const (
	// Scrape is the interval of the day's samples.
	Scrape = 15 * time.Second

	// restInterval is that of a client's slow gauges, such as its quota: within
	// Prometheus' lookback of five minutes.
	restInterval = 4 * time.Minute
)

// ticks are the times of the samples from a time on. While the router has no
// power there are none.
func ticks(from time.Time, interval time.Duration) (all []time.Time) {
	for t := Start; t.Before(DayStart); t = t.Add(time.Hour) {
		all = append(all, t)
	}
	for t := DayStart; !t.After(End); t = t.Add(interval) {
		if t.Before(powerCut) || !t.Before(reboot) {
			all = append(all, t)
		}
	}
	for len(all) > 0 && all[0].Before(from) {
		all = all[1:]
	}
	return all
}

// hourOf is the time of day in hours.
func hourOf(t time.Time) float64 {
	return float64(t.Hour()) + float64(t.Minute())/60 + float64(t.Second())/3600
}

// noise is a number in [0, 1) that depends on its arguments alone, so that
// every recording is the same (splitmix64).
func noise(who int, step int64) float64 {
	x := uint64(who)*0x9e3779b97f4a7c15 + uint64(step)*0xd1342543de82ef95
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return float64((x^x>>31)>>11) / (1 << 53)
}
