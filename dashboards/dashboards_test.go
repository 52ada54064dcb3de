// Package dashboards checks the Grafana dashboards: what Grafana would silently
// ignore or show empty is found here.
package dashboards

import "testing"

func TestDashboards(t *testing.T) {
	router, client := committed(t)
	k := readKnown(t, router, client)
	for _, d := range []*dashboard{router, client} {
		t.Run(d.Title, func(t *testing.T) {
			for _, problem := range lint(d, k) {
				t.Error(problem)
			}
		})
	}
}

func committed(t *testing.T) (router, client *dashboard) {
	t.Helper()
	var err error
	if router, err = readDashboard("router.json"); err != nil {
		t.Fatal(err)
	}
	if client, err = readDashboard("client.json"); err != nil {
		t.Fatal(err)
	}
	return router, client
}
