package module

import (
	"encoding/json"
	"os"
	"testing"
)

// The dashboards show this router's Prometheus first, also where Grafana has another
// default.
func TestDashboardsShowTheirDatasource(t *testing.T) {
	parse := func(path string, into any) {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatal(err)
		}
	}
	var provisioned struct {
		Datasources []struct {
			Name, UID string
			IsDefault bool
		}
	}
	parse(glob(t, "golden/full/nix/store/*-datasource.yaml")[0], &provisioned)
	ours := provisioned.Datasources[0]
	if ours.IsDefault {
		t.Errorf("%s is the default, so that this tests nothing", ours.Name)
	}
	for _, path := range glob(t, "golden/full/etc/router-monitoring/dashboards/*.json") {
		var dashboard struct {
			Templating struct {
				List []struct {
					Type    string
					Current struct{ Text, Value any }
				}
			}
		}
		parse(path, &dashboard)
		found := false
		for _, v := range dashboard.Templating.List {
			if v.Type != "datasource" {
				continue
			}
			found = true
			if v.Current.Text != ours.Name || v.Current.Value != ours.UID {
				t.Errorf("%s shows %v first, not %s (%s)", path, v.Current, ours.Name, ours.UID)
			}
		}
		if !found {
			t.Errorf("%s has no variable for its data source", path)
		}
	}
}
