package alerts

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDocumented compares with docs/alerts.md and with the list that
// recording.rules.yml begins with.
func TestDocumented(t *testing.T) {
	list, _, _ := strings.Cut(read(t, "recording.rules.yml"), "\ngroups:")
	listed := regexp.MustCompile(`router_monitoring:\w+:\w+`).FindAllString(list, -1)
	headings := regexp.MustCompile(`(?m)^### (\w+)$`).FindAllStringSubmatch(read(t, "../docs/alerts.md"), -1)
	thresholds := read(t, "../docs/alerts.md")
	var alerts, recorded []string
	for _, r := range rules(t) {
		recorded = append(recorded, r.Record)
		switch {
		case r.Alert != "":
			alerts = append(alerts, r.Alert)
		case r.file == "recording.rules.yml" && !slices.Contains(listed, r.Record):
			t.Errorf("%s is not in the list at the top of its file", r.Record)
		case r.file == "thresholds.rules.yml" && !strings.Contains(thresholds, strings.TrimPrefix(r.Record, threshold)):
			t.Errorf("docs/alerts.md does not tell of %s", r.Record)
		}
	}
	for _, name := range listed {
		if !slices.Contains(recorded, name) {
			t.Errorf("recording.rules.yml lists %s, which nothing records", name)
		}
	}
	var documented []string
	for _, h := range headings {
		documented = append(documented, h[1])
	}
	slices.Sort(documented)
	slices.Sort(alerts)
	if alerts = slices.Compact(alerts); !slices.Equal(documented, alerts) {
		t.Errorf("docs/alerts.md has headings for %s\nthere are %s", documented, alerts)
	}
}
