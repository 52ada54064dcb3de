package registry

import (
	"math"
	"time"

	"router-monitoring/exporter/internal/sample"
)

// What was moved lately is kept in two rows of slots of equal length: 5 minutes
// of 5 s, and an hour of minutes.
const (
	RecentStep = 5 * time.Second
	HourStep   = time.Minute
	slots      = 60
)

// Readings closer together than rateInterval tell no rate, for they are not that
// precise: what came between counts for the next one.
const rateInterval = 500 * time.Millisecond

// Speed is bytes a second; inside a row, bytes.
type Speed [sample.Directions]float32

// History is bytes a second in past slots, the oldest first. It holds no more
// slots than have passed since the process began.
type History struct{ Recent, Hour []Speed }

// pace is the time of all histories. They run on time since the first reading,
// which a clock that is set does not move.
type pace struct {
	first    time.Time
	last     time.Duration // since first, of the last reading that told rates
	interval time.Duration // that those are of
}

// motion is what one party moved lately.
type motion struct {
	told         sample.ByDirection // the total at pace.last
	rate         [sample.Directions]uint64
	recent, hour *row // nil until something moved: 1 kB for both
}

// row is a ring of slots, one more than are shown, for the last is not complete.
type row struct {
	newest int64 // number of the last slot; those before it up to len(moved) are valid
	moved  [slots + 1]Speed
}

// record tells from the totals what was moved since the last reading.
func (r *Registry) record(now time.Time) {
	p := &r.pace
	if first := p.first.IsZero(); first {
		p.first = now
		for c := range r.clients { // what came before may be days old
			c.motion.told = c.totals.Internet
		}
		r.motion.told = r.line()
		return
	}
	until := now.Sub(p.first)
	if until-p.last < rateInterval {
		return
	}
	from := p.last
	p.last, p.interval = until, until-from
	r.motion.record(r.line(), from, until)
	for c := range r.clients {
		c.motion.record(c.totals.Internet, from, until)
	}
}

// line is all that went over the line to the Internet.
func (r *Registry) line() sample.ByDirection { return plus(r.total.Forwarded, r.total.Router) }

func (m *motion) record(total sample.ByDirection, from, until time.Duration) {
	if total == m.told {
		m.rate = [sample.Directions]uint64{}
		return
	}
	var grown [sample.Directions]float64
	for d := range grown {
		if total[d].Bytes > m.told[d].Bytes {
			grown[d] = float64(total[d].Bytes - m.told[d].Bytes)
		}
		m.rate[d] = uint64(math.Round(grown[d] / (until - from).Seconds()))
	}
	m.told = total
	if m.recent == nil {
		m.recent, m.hour = new(row), new(row)
	}
	m.recent.spread(RecentStep, grown, from, until)
	m.hour.spread(HourStep, grown, from, until)
}

// spread shares bytes out among the slots of the time in which they came.
func (w *row) spread(step time.Duration, grown [sample.Directions]float64, from, until time.Duration) {
	last := int64(until / step)
	for n := max(w.newest+1, last-slots); n <= last; n++ {
		w.moved[n%int64(len(w.moved))] = Speed{}
	}
	w.newest = max(w.newest, last)
	for n := max(int64(from/step), last-slots); n <= last; n++ {
		within := min(until, time.Duration(n+1)*step) - max(from, time.Duration(n)*step)
		for d := range grown {
			w.moved[n%int64(len(w.moved))][d] += float32(grown[d] * float64(within) / float64(until-from))
		}
	}
}

// merge adds what another one moved.
func (m *motion) merge(o *motion) {
	m.told = plus(m.told, o.told)
	for d := range m.rate {
		m.rate[d] += o.rate[d]
	}
	if o.recent == nil {
		return
	}
	if m.recent == nil {
		m.recent, m.hour = new(row), new(row)
	}
	m.recent.merge(o.recent)
	m.hour.merge(o.hour)
}

func (w *row) merge(o *row) {
	newest := max(w.newest, o.newest)
	sum := row{newest: newest}
	for n := max(0, newest-slots); n <= newest; n++ {
		for d := range sample.Directions {
			sum.moved[n%int64(len(sum.moved))][d] = w.at(n)[d] + o.at(n)[d]
		}
	}
	*w = sum
}

// at is what was moved in a slot, which is nothing where the row does not reach.
func (w *row) at(n int64) Speed {
	if w == nil || n > w.newest || n < w.newest-slots {
		return Speed{}
	}
	return w.moved[n%int64(len(w.moved))]
}

// history shows the slots that are over.
func (m *motion) history(p *pace) *History {
	return &History{m.recent.rates(RecentStep, p), m.hour.rates(HourStep, p)}
}

func (w *row) rates(step time.Duration, p *pace) []Speed {
	over := int64(p.last / step)
	rates := make([]Speed, 0, min(slots, over))
	for n := max(0, over-slots); n < over; n++ {
		moved := w.at(n)
		for d := range moved {
			moved[d] /= float32(step.Seconds())
		}
		rates = append(rates, moved)
	}
	return rates
}

// ends is when the last slot that is over ended, by the clock as it is now: it may
// have been set since the first reading.
func (p *pace) ends(now time.Time, step time.Duration) time.Time {
	return now.Add(p.last.Truncate(step) - now.Sub(p.first))
}

// WithHistory is a [Registry.Look] that holds what was moved lately as well.
func (r *Registry) WithHistory(now time.Time) *Snapshot {
	s := r.Look(now)
	s.History = r.motion.history(&r.pace)
	s.RecentEnd, s.HourEnd = r.pace.ends(now, RecentStep), r.pace.ends(now, HourStep)
	for i, c := range r.order { // which the snapshot is in
		s.Clients[i].History = c.motion.history(&r.pace)
	}
	return s
}
