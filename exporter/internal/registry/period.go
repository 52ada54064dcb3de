package registry

import (
	"time"

	"router-monitoring/exporter/internal/sample"
)

// Quota is how much may be used in a period, and when a period begins.
type Quota struct {
	Bytes      uint64 // in both directions; 0 for none
	BillingDay int    // day of the month, 1 to 31; months that lack it begin the period on their last day
}

// Period is the use since a billing day, or of a day, and the one before, should
// the clock have been ahead.
type Period struct {
	Start     time.Time          // midnight, in the router's time zone
	Base      sample.ByDirection // the total at that moment
	PrevStart time.Time
	PrevBase  sample.ByDirection
	Behind    time.Time // since when the clock has been before Start; zero if it is not
}

const (
	// Another time zone moves midnight by less, another period by more. It may move
	// today's midnight into another day, so that today is told apart by half a day.
	samePeriod = 36 * time.Hour
	sameDay    = 12 * time.Hour
	// A router without a battery boots in the past and learns the time soon.
	clockPatience = time.Hour
)

// roll begins a new period where the billing day has come. A clock that is behind
// begins none; where it stays behind it had been ahead before, and the period
// that began then is taken back.
func (p *Period) roll(now, start time.Time, same time.Duration, total sample.ByDirection) {
	switch {
	case p.Start.IsZero():
		p.Start, p.Base = start, total
	case start.Sub(p.Start).Abs() < same:
		p.Start, p.Behind = start, time.Time{}
	case start.After(p.Start):
		*p = Period{Start: start, Base: total, PrevStart: p.Start, PrevBase: p.Base}
	case p.Behind.IsZero() || now.Before(p.Behind):
		p.Behind = now
	case now.Sub(p.Behind) > clockPatience && now.Year() > clockUnset && !p.PrevStart.IsZero():
		*p = Period{Start: start, Base: p.PrevBase}
	}
}

// clockUnset is the last year in which a clock must be wrong.
const clockUnset = 2025

// periodStart is the last midnight of a billing day at or before now.
func periodStart(now time.Time, day int, loc *time.Location) time.Time {
	now = now.In(loc)
	year, month, _ := now.Date()
	start := billingDay(year, month, day, loc)
	if start.After(now) {
		start = billingDay(year, month-1, day, loc)
	}
	return start
}

// midnight is the one at or before now.
func midnight(now time.Time, loc *time.Location) time.Time {
	year, month, day := now.In(loc).Date()
	return time.Date(year, month, day, 0, 0, 0, 0, loc)
}

func billingDay(year int, month time.Month, day int, loc *time.Location) time.Time {
	last := time.Date(year, month+1, 0, 0, 0, 0, 0, loc).Day()
	return time.Date(year, month, min(day, last), 0, 0, 0, 0, loc)
}

// hour is one of the router's time zone.
type hour struct{ year, day, hour int }

// rollPeriods is called before growth is added, so that what was counted up to
// now belongs to the period that ends.
func (r *Registry) rollPeriods(now time.Time) {
	local := now.In(r.cfg.Location)
	present := hour{local.Year(), local.YearDay(), local.Hour()}
	if present == r.rolled { // midnight begins an hour
		return
	}
	r.rolled = present
	r.period.roll(now, periodStart(now, r.cfg.Quota.BillingDay, r.cfg.Location), samePeriod, r.line())
	r.today.roll(now, midnight(now, r.cfg.Location), sameDay, r.line())
	for c := range r.clients {
		r.rollClient(c, now)
	}
}

func (r *Registry) rollClient(c *client, now time.Time) {
	c.period.roll(now, periodStart(now, r.quota(c).BillingDay, r.cfg.Location), samePeriod, c.totals.Internet)
	c.today.roll(now, midnight(now, r.cfg.Location), sameDay, c.totals.Internet)
}

// quota is the client's own, or else no quota and the household's billing day.
func (r *Registry) quota(c *client) Quota {
	if c.declared != nil && c.declared.Quota.BillingDay > 0 {
		return c.declared.Quota
	}
	return Quota{BillingDay: r.cfg.Quota.BillingDay}
}
