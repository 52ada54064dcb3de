// Package alerts checks the rules that Prometheus loads from this folder.
package alerts

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// rule is one rule and where it stands.
type rule struct {
	rulefmt.Rule
	file, group string
}

func (r *rule) name() string { return r.Record + r.Alert }

// rules reads all files as Prometheus does and fails for what it would refuse.
func rules(t *testing.T) (all []rule) {
	t.Helper()
	for _, file := range glob(t, "*.rules.yml") {
		groups, errs := rulefmt.ParseFile(file, false, model.UTF8Validation, parser.NewParser(parser.Options{}))
		for _, err := range errs {
			t.Error(err)
		}
		if groups == nil {
			continue
		}
		for _, g := range groups.Groups {
			for _, r := range g.Rules {
				all = append(all, rule{r, file, g.Name})
			}
		}
	}
	if t.Failed() {
		t.FailNow()
	}
	return all
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s here (%v)", pattern, err)
	}
	return files
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
