package dashboards

import (
	"fmt"
	"time"

	"router-monitoring/tests/dashboards/household"
)

// moment is when somebody looks at a dashboard, and at how much of the past.
type moment struct {
	end    time.Time
	span   time.Duration
	scrape time.Duration // Grafana's setting of the data source's scrape interval
}

// lastDay is the household's.
var lastDay = moment{household.End, 24 * time.Hour, household.Scrape}

// niceSteps are those that Grafana rounds to (rangeUtil.roundInterval): a step up
// to the limit becomes the value.
var niceSteps = []struct{ limit, value time.Duration }{
	{1500 * time.Millisecond, time.Second}, {3500 * time.Millisecond, 2 * time.Second}, {7500 * time.Millisecond, 5 * time.Second},
	{12500 * time.Millisecond, 10 * time.Second}, {17500 * time.Millisecond, 15 * time.Second}, {25 * time.Second, 20 * time.Second}, {45 * time.Second, 30 * time.Second},
	{90 * time.Second, time.Minute}, {210 * time.Second, 2 * time.Minute}, {450 * time.Second, 5 * time.Minute},
	{750 * time.Second, 10 * time.Minute}, {1050 * time.Second, 15 * time.Minute}, {1500 * time.Second, 20 * time.Minute},
	{2700 * time.Second, 30 * time.Minute}, {90 * time.Minute, time.Hour}, {150 * time.Minute, 2 * time.Hour},
	{270 * time.Minute, 3 * time.Hour}, {9 * time.Hour, 6 * time.Hour}, {24 * time.Hour, 12 * time.Hour},
}

// stepOf is the step that Grafana chooses for a span of time on so many points.
func stepOf(span time.Duration, points int, least time.Duration) time.Duration {
	exact := span / time.Duration(points)
	for _, nice := range niceSteps {
		if exact < nice.limit {
			return max(nice.value, least)
		}
	}
	return max(24*time.Hour, least)
}

// timeVariables are Grafana's own.
func (m moment) variables(span, step time.Duration) map[string]string {
	seconds := func(d time.Duration) string { return fmt.Sprintf("%.0fs", d.Seconds()) }
	return map[string]string{
		"__interval":      seconds(step),
		"__interval_ms":   fmt.Sprint(step.Milliseconds()),
		"__rate_interval": seconds(max(step+m.scrape, 4*m.scrape)),
		"__range":         seconds(span),
		"__range_s":       fmt.Sprintf("%.0f", span.Seconds()),
		"__range_ms":      fmt.Sprint(span.Milliseconds()),
		"__from":          fmt.Sprint(m.end.Add(-span).UnixMilli()),
		"__to":            fmt.Sprint(m.end.UnixMilli()),
	}
}
