package dashboards

import (
	"slices"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// What the panel Pools shows as full is what DHCPPoolNearlyFull tells of.
func TestPoolsAreThoseOfTheAlert(t *testing.T) {
	groups, errs := rulefmt.ParseFile("../alerts/recording.rules.yml", false, model.UTF8Validation, parser.NewParser(parser.Options{}))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	recorded, shown := "", ""
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			if rule.Record == "router_monitoring:dhcp_pool_used:ratio" {
				recorded = rule.Expr
			}
		}
	}
	for _, p := range committed(t)["router-full"].Panels {
		if p.Title == "Pools" {
			shown = p.Targets[0].Expr
		}
	}
	if want, got := ofAnyRouter(t, recorded), ofAnyRouter(t, shown); want != got {
		t.Errorf("the panel asks for\n%s\nbut what is recorded for the alert is\n%s", got, want)
	}
}

// ofAnyRouter is a query without the label router.
func ofAnyRouter(t *testing.T, text string) string {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(interpolate(text))
	if err != nil {
		t.Fatal(err)
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			n.LabelMatchers = slices.DeleteFunc(n.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == "router" })
		case *parser.AggregateExpr:
			n.Grouping = slices.DeleteFunc(n.Grouping, func(label string) bool { return label == "router" })
		}
		return nil
	})
	return expr.String()
}
