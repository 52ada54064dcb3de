package dashboards

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// good is a dashboard without fault; each test plants one in it.
const good = `{
  "uid": "good", "title": "Good",
  "links": [{"title": "Other", "url": "/d/other?var-client=x"}],
  "annotations": {"list": [{"name": "Event", "datasource": {"type": "prometheus", "uid": "${datasource}"}, "expr": "clients{name=~\"$client\"} > ${__from}"}]},
  "templating": {"list": [
    {"name": "datasource", "type": "datasource", "query": "prometheus"},
    {"name": "client", "type": "query", "datasource": {"type": "prometheus", "uid": "${datasource}"}, "query": {"query": "label_values(clients, name)"}},
    {"name": "top", "type": "query", "datasource": {"type": "prometheus", "uid": "${datasource}"}, "query": {"query": "query_result(topk(5, clients offset $__range))"}}
  ]},
  "panels": [
    {"type": "row", "id": 1, "title": "Row", "collapsed": false, "panels": [], "gridPos": {"x": 0, "y": 0, "w": 24, "h": 1}},
    {
      "type": "timeseries", "id": 2, "title": "Rate", "description": "How fast.",
      "gridPos": {"x": 0, "y": 1, "w": 12, "h": 8},
      "datasource": {"type": "prometheus", "uid": "${datasource}"},
      "targets": [{"refId": "A", "datasource": {"type": "prometheus", "uid": "${datasource}"}, "expr": "sum by (name) (rate(bytes_total{name=~\"$client\"}[$__rate_interval]))", "legendFormat": "{{name}}"}],
      "options": {"legend": {"calcs": ["max"], "showLegend": true}},
      "fieldConfig": {
        "defaults": {
          "unit": "bps", "color": {"mode": "fixed"}, "custom": {"fillOpacity": 10},
          "links": [{"title": "Show", "url": "/d/other?var-client=${__field.labels.hostname:percentencode}&${__url_time_range}"}]
        },
        "overrides": [{"matcher": {"id": "byFrameRefID", "options": "A"}, "properties": [{"id": "custom.stacking", "value": {"mode": "normal"}}, {"id": "unit", "value": "bps"}]}]
      }
    },
    {
      "type": "table", "id": 3, "title": "Table", "description": "How many.",
      "gridPos": {"x": 12, "y": 1, "w": 12, "h": 8},
      "datasource": {"type": "prometheus", "uid": "${datasource}"},
      "targets": [{"refId": "A", "datasource": {"type": "prometheus", "uid": "${datasource}"}, "expr": "label_replace(clients, \"id\", \"$1\", \"name\", \"(.*)\")", "legendFormat": "{{name}}"}],
      "transformations": [{"id": "organize", "options": {"renameByName": {"Value": "Clients"}}}],
      "options": {"showHeader": true},
      "fieldConfig": {
        "defaults": {"unit": "short"},
        "overrides": [{"matcher": {"id": "byName", "options": "Clients"}, "properties": [{"id": "decimals", "value": 0}]}]
      }
    }
  ]
}`

func TestFaults(t *testing.T) {
	other := &dashboard{UID: "other"}
	other.Templating.List = []variable{{Name: "client", Type: "query"}}
	k := readKnown(t, other)
	k.counters = map[string]bool{"clients": false, "bytes_total": true, "ALERTS": false, "node_load1": false}

	if problems := lintText(t, good, k); len(problems) > 0 {
		t.Fatalf("the good dashboard: %q", problems)
	}
	// Each fault replaces the first occurrence of a text.
	for _, test := range []struct{ name, old, new, want string }{
		{"id twice", `"id": 3`, `"id": 2`, `"Rate" has it`},
		{"no id", `"id": 3, `, ``, `the id is zero`},
		{"beyond the grid", `"x": 12, "y": 1, "w": 12`, `"x": 14, "y": 1, "w": 12`, `off the grid`},
		{"overlap", `"x": 12, "y": 1`, `"x": 11, "y": 8`, `overlaps "Rate"`},
		{"no title", `"title": "Table"`, `"title": ""`, `no title`},
		{"no description", `"description": "How many."`, `"description": ""`, `no description`},
		{"no unit", `"unit": "short"`, `"min": 0`, `no unit`},
		{"unknown unit", `"unit": "short"`, `"unit": "shorts"`, `no unit "shorts"`},
		{"unknown unit in an override", `"id": "unit", "value": "bps"`, `"id": "unit", "value": "bits/s"`, `no unit "bits/s"`},
		{"unknown panel type", `"type": "table"`, `"type": "tables"`, `unknown panel type "tables"`},
		{"unknown key of the dashboard", `"uid": "good"`, `"uid": "good", "tag": []`, `dashboard "tag"`},
		{"unknown key of a panel", `"type": "table"`, `"type": "table", "timefrom": "1h"`, `key of a panel "timefrom"`},
		{"unknown key of a query", `"legendFormat"`, `"legend": "x", "legendFormat"`, `key of a query "legend"`},
		{"unknown option", `"showLegend"`, `"showLegends"`, `option of timeseries "legend.showLegends"`},
		{"option of another panel type", `"showHeader": true`, `"showHeader": true, "colorMode": "value"`, `option of table "colorMode"`},
		{"unknown field option", `"unit": "short"`, `"unit": "short", "decimal": 0`, `field option "decimal"`},
		{"unknown custom option", `"fillOpacity"`, `"fillOpcity"`, `custom field option "fillOpcity"`},
		{"unknown custom option in an override", `"custom.stacking"`, `"custom.trnsform"`, `custom field option "trnsform`},
		{"unknown property in an override", `"id": "decimals"`, `"id": "decimal"`, `field option "decimal"`},
		{"unknown matcher", `"id": "byFrameRefID"`, `"id": "byRefId"`, `matcher "byRefId"`},
		{"override for a query that is not there", `"options": "A"`, `"options": "B"`, `no query is called "B"`},
		{"override for a name that is not there", `"options": "Clients"`, `"options": "Client"`, `nothing is called "Client"`},
		{"unknown color mode", `"mode": "fixed"`, `"mode": "fix"`, `color mode "fix"`},
		{"unknown transformation", `"id": "organize"`, `"id": "organise"`, `transformation "organise"`},
		{"no query", `"targets": [{"refId"`, `"targets": [], "links": [{"refId"`, `no query`},
		{"refId twice", `"targets": [`, `"targets": [{"refId": "A", "datasource": {"type": "prometheus", "uid": "${datasource}"}, "expr": "clients", "legendFormat": "x"}, `, `refId "A"`},
		{"no legend", `"legendFormat": "{{name}}"`, `"legendFormat": ""`, `no legend`},
		{"legend of a label that is aggregated away", `"legendFormat": "{{name}}"`, `"legendFormat": "{{hostname}}"`, `label "hostname" is not in query A`},
		{"data source by name", `"refId": "A", "datasource": {"type": "prometheus", "uid": "${datasource}"}`, `"refId": "A", "datasource": {"type": "prometheus", "uid": "abc"}`, `data source`},
		{"no data source", `"datasource": {"type": "prometheus", "uid": "${datasource}"},
      "targets"`, `"targets"`, `data source`},
		{"variable that is not there", `$client`, `$clients`, `no variable $clients`},
		{"variable that is not there, in a panel", `name=~\"$client\"}[`, `name=~\"$clint\"}[`, `no variable $clint`},
		{"dashboard link to nowhere", `/d/other?var-client=x`, `/d/nowhere`, `no dashboard "nowhere"`},
		{"data link to nowhere", `/d/other?var-client=$`, `/d/nowhere?var-client=$`, `no dashboard "nowhere"`},
		{"data link that sets an unknown variable", `/d/other?var-client=$`, `/d/other?var-host=$`, `no variable "host"`},
		{"data link that is none", `/d/other?var-client=$`, `other?var-client=$`, `no link to a dashboard`},
		{"broken PromQL", `sum by (name) (rate(`, `sum by (name) rate((`, `parse error`},
		{"broken PromQL in a variable", `topk(5, clients`, `topk(5 clients`, `parse error`},
		{"broken PromQL in an annotation", `> ${__from}`, `> > ${__from}`, `parse error`},
		{"metric that nobody exports", `label_replace(clients`, `label_replace(client`, `nobody exports or records "client"`},
		{"metric that nobody exports, by its name as a label", `label_replace(clients`, `label_replace({__name__=\"client\"}`, `nobody exports or records "client"`},
		{"metric that nobody exports, in a variable", `label_values(clients`, `label_values(client`, `nobody exports or records "client"`},
		{"counter without rate", `label_replace(clients`, `label_replace(bytes_total`, `counter bytes_total is used without rate()`},
		{"counter under another function", `label_replace(clients`, `label_replace(max_over_time(bytes_total[$__range])`, `counter bytes_total is used without rate()`},
		{"counter under rate in a subquery only", `label_replace(clients`, `label_replace(rate(bytes_total[$__range:1m])`, `counter bytes_total is used without rate()`},
		{"gauge under rate", `rate(bytes_total{`, `rate(clients{`, `rate() of clients, which is no counter`},
		{"alerts of every router", `label_replace(clients`, `label_replace(ALERTS`, `ALERTS without router=~`},
		{"alerts with the label router alone", `label_replace(clients`, `label_replace(ALERTS{router=~\"$client\"}`, `ALERTS without router=~`},
		{"hosts that are no routers", `label_replace(clients`, `label_replace(node_load1`, `node_load1 is shown of every host`},
		{"rate over a fixed window", `$__rate_interval`, `5m`, `does not follow the time shown`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if !strings.Contains(good, test.old) {
				t.Fatalf("the good dashboard does not contain %q", test.old)
			}
			problems := lintText(t, strings.Replace(good, test.old, test.new, 1), k)
			if !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, test.want) }) {
				t.Errorf("found %q, want one with %q", problems, test.want)
			}
		})
	}
}

func lintText(t *testing.T, text string, k *known) []string {
	t.Helper()
	d := new(dashboard)
	if err := json.NewDecoder(bytes.NewReader([]byte(text))).Decode(d); err != nil {
		t.Fatal(err)
	}
	return lint(d, k)
}
