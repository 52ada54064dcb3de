package household

import (
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func play(t *testing.T, clients int) (all []Series) {
	t.Helper()
	h, err := New(clients)
	if err != nil {
		t.Fatal(err)
	}
	err = h.Play(func(s Series) error {
		all = append(all, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// elsewhere are the metrics of parts that this household did not turn on. Those of
// real services are recorded, see cmd/recorded-services.
var elsewhere = regexp.MustCompile(`^network_(qdisc|port|dhcp)_`)

// former is the address of the client that moved.
var former = lives["laptop-ben"].formerly

func TestEveryMetricOfTheExporterIsPlayed(t *testing.T) {
	scrape, err := os.ReadFile("../../../exporter/internal/collector/testdata/scrape.txt")
	if err != nil {
		t.Fatal(err)
	}
	played := map[string]bool{}
	for _, s := range play(t, 25) {
		played[s.Labels["__name__"]] = true
	}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+)`).FindAllSubmatch(scrape, -1) {
		if name := string(m[1]); !played[name] && !elsewhere.MatchString(name) {
			t.Errorf("%s is not played", name)
		}
	}
}

func TestRecordingIsAlwaysTheSame(t *testing.T) {
	values := func() map[string]float64 {
		sums := map[string]float64{}
		for _, s := range play(t, 2) {
			sum := 0.0
			for i, p := range s.Samples {
				sum += p.Value * float64(i%7)
			}
			sums[key(s)] = sum
		}
		return sums
	}
	if diff := cmp.Diff(values(), values()); diff != "" {
		t.Error(diff)
	}
}

func TestSeriesAreUniqueAndInOrder(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range play(t, 30) {
		if seen[key(s)] {
			t.Errorf("%s is played twice", key(s))
		}
		seen[key(s)] = true
		for i := 1; i < len(s.Samples); i++ {
			if s.Samples[i].Time <= s.Samples[i-1].Time {
				t.Fatalf("%s goes back in time at sample %d", key(s), i)
			}
		}
		// An address that the line lost, or a client.
		ends := s.Labels["__name__"] == "network_wan_info" || s.Labels["ip"] == former
		if last := s.Samples[len(s.Samples)-1]; last.Time != End.UnixMilli() && !ends {
			t.Errorf("%s ends at %d", key(s), last.Time)
		}
	}
}

// Every byte belongs to a client or is accounted for, as the exporter has it.
func TestForwardedBytesAreThoseOfTheClientsAndOthers(t *testing.T) {
	for _, direction := range []string{"rx", "tx"} {
		var parts, whole float64
		for _, s := range play(t, 25) {
			last := s.Samples[len(s.Samples)-1].Value
			switch name := s.Labels["__name__"]; {
			case s.Labels["ip"] == former: // its counters went on under the next address
			case name == "network_client_"+direction+"_bytes_total":
				parts += last
			case s.Labels["direction"] != direction:
			case name == "network_unattributed_bytes_total", name == "network_forgotten_bytes_total":
				parts += last
			case name == "network_forwarded_bytes_total":
				whole += last
			}
		}
		if parts != whole {
			t.Errorf("%s: %f bytes are forwarded, %f accounted for", direction, whole, parts)
		}
	}
}

func key(s Series) string { return fmt.Sprint(s.Labels) }
