package household

import (
	"math"
	"time"
)

// sinceReboot makes a counter that begins again at 0 with the reboot.
func (h *Household) sinceReboot(total func(i int) float64) func(i int) float64 {
	return counter(h.ticks, total)
}

// counter makes a counter of a total: after the power cut it begins again at 0.
func counter(ticks []time.Time, total func(i int) float64) func(i int) float64 {
	atReboot := 0.0
	for i, t := range ticks {
		if t.Before(powerCut) {
			atReboot = total(i)
		}
	}
	return func(i int) float64 {
		if ticks[i].Before(powerCut) {
			return total(i)
		}
		return total(i) - atReboot
	}
}

// period is the part of a total since the last billing day.
func period(ticks []time.Time, total []float64) func(i int) float64 {
	atBillingDay := 0.0
	for i, t := range ticks {
		if !t.After(BillingDay) {
			atBillingDay = total[i]
		}
	}
	return func(i int) float64 {
		if ticks[i].Before(BillingDay) {
			return math.Round(total[i])
		}
		return math.Round(total[i] - atBillingDay)
	}
}

func bootAt(t time.Time) time.Time {
	if t.Before(reboot) {
		return Start.Add(-41 * 24 * time.Hour)
	}
	return reboot
}
