package alerts

import (
	"slices"
	"strings"
	"testing"
)

var severities = []string{"critical", "warning", "info"}

// wanted are the alerts people were promised.
var wanted = strings.Fields(`HighBandwidthUsage QuotaNearlyUsed QuotaExceeded NewDevice SustainedStreaming
	TooManyConnections ConntrackNearlyFull DHCPPoolNearlyFull FlowtableBypass AccountingBypassed AccountingIncomplete AccountingInconsistent
	ExporterDown SourceDown
	WanDown PacketLoss DiskAlmostFull HighTemperature HighCpu LowMemory`)

func TestAlerts(t *testing.T) {
	missing := slices.Clone(wanted)
	for _, r := range rules(t) {
		if r.Alert == "" {
			continue
		}
		missing = slices.DeleteFunc(missing, func(name string) bool { return name == r.Alert })
		switch {
		case r.For == 0:
			t.Errorf("%s fires at once: it needs 'for'", r.Alert)
		case !slices.Contains(severities, r.Labels["severity"]):
			t.Errorf("%s has the severity %q", r.Alert, r.Labels["severity"])
		case r.Annotations["summary"] == "" || r.Annotations["description"] == "":
			t.Errorf("%s needs a summary and a description", r.Alert)
		}
	}
	if len(missing) > 0 {
		t.Errorf("missing: %s", missing)
	}
}
