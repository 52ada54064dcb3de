package prometheus

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNeeded(t *testing.T) {
	group := Group{Name: "g", Rules: []Rule{{Record: "a:b", Expr: "x"}, {Record: "c:d", Expr: "a:b / 2"}, {Record: "e:f", Expr: "a:b"}, {Alert: "A", Expr: "e:f"}}}
	for query, want := range map[string][]string{
		"sum(c:d)": {"a:b", "c:d"},
		"x":        nil,
		"ALERTS":   {"a:b", "e:f", "ALERTS"},
	} {
		var got []string
		needed, _ := Needed([]Group{group}, []string{query})
		for _, g := range needed {
			for _, r := range g.Rules {
				got = append(got, r.series())
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
}
