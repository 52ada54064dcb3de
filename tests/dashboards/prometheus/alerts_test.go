package prometheus

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"

	"router-monitoring/tests/dashboards/household"
)

func TestAlerts(t *testing.T) {
	const hold = 2 * time.Minute
	span := Range{To: time.Unix(10*60, 0), Step: time.Minute}
	type states map[string][]household.Sample
	on := func(minute int64) household.Sample { return household.Sample{Time: minute * 60_000, Value: 1} }
	over := func(minute int64) household.Sample {
		return household.Sample{Time: minute * 60_000, Value: household.Stale}
	}
	for name, c := range map[string]struct {
		minutes []int64
		want    states
	}{
		"too short to fire":       {[]int64{3, 4}, states{"pending": {on(3), on(4), over(5)}}},
		"fires after its time":    {[]int64{3, 4, 5, 6}, states{"pending": {on(3), on(4), over(5)}, "firing": {on(5), on(6), over(7)}}},
		"a gap begins anew":       {[]int64{1, 2, 4, 5}, states{"pending": {on(1), on(2), over(3), on(4), on(5), over(6)}}},
		"still active at the end": {[]int64{8, 9, 10}, states{"pending": {on(8), on(9), over(10)}, "firing": {on(10)}}},
	} {
		var values []model.SamplePair
		for _, m := range c.minutes {
			values = append(values, model.SamplePair{Timestamp: model.Time(m * 60_000), Value: 7})
		}
		got := states{}
		for _, s := range alerts(map[string]string{"alertname": "A"}, values, hold, span) {
			got[s.Labels["alertstate"]] = s.Samples
		}
		sameBits := cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
		if diff := cmp.Diff(c.want, got, sameBits); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
