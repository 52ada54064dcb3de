// Package dashboards checks the Grafana dashboards: what Grafana would silently
// ignore or show empty is found here.
package dashboards

import (
	"maps"
	"slices"
	"testing"
)

func TestDashboards(t *testing.T) {
	all := committed(t)
	k := readKnown(t, slices.Collect(maps.Values(all))...)
	for name, d := range all {
		t.Run(name, func(t *testing.T) {
			for _, problem := range lint(d, k) {
				t.Error(problem)
			}
		})
	}
}

func committed(t *testing.T) map[string]*dashboard {
	t.Helper()
	all := map[string]*dashboard{}
	for _, name := range []string{"router", "router-full", "client"} {
		d, err := readDashboard(name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		all[name] = d
	}
	return all
}
