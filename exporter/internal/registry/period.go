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

// Period is the use since a billing day.
type Period struct {
	Start time.Time          // midnight of the billing day, in the router's time zone
	Base  sample.ByDirection // the total at that moment
}

// roll begins a new period where the billing day has come. A clock that steps
// back (a router without a battery boots in the past) begins none, and one that
// had stepped ahead only corrects the day.
func (p *Period) roll(now time.Time, day int, loc *time.Location, total sample.ByDirection) {
	switch start := periodStart(now, day, loc); {
	case p.Start.IsZero(), start.After(p.Start):
		*p = Period{start, total}
	case p.Start.After(now):
		if p.Start.Sub(now) > 24*time.Hour && now.Year() > clockUnset {
			p.Start = start
		}
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

func billingDay(year int, month time.Month, day int, loc *time.Location) time.Time {
	last := time.Date(year, month+1, 0, 0, 0, 0, 0, loc).Day()
	return time.Date(year, month, min(day, last), 0, 0, 0, 0, loc)
}

// rollPeriods is called before growth is added, so that what was counted up to
// now belongs to the period that ends.
func (r *Registry) rollPeriods(now time.Time) {
	r.period.roll(now, r.cfg.Quota.BillingDay, r.cfg.Location, plus(r.total.Forwarded, r.total.Router))
	for c := range r.clients {
		c.period.roll(now, r.quota(c).BillingDay, r.cfg.Location, c.totals.Internet)
	}
}

// quota is the client's own, or else no quota and the household's billing day.
func (r *Registry) quota(c *client) Quota {
	if c.declared != nil && c.declared.Quota.BillingDay > 0 {
		return c.declared.Quota
	}
	return Quota{BillingDay: r.cfg.Quota.BillingDay}
}
