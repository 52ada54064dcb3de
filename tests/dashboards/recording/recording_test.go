package recording

import (
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"router-monitoring/tests/dashboards/household"
)

const one = `# TYPE clients gauge
clients 2
# TYPE info gauge
info{ip="192.168.1.5",name=""} 1
`

func write(t *testing.T, scrapes ...Scrape) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "recording")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, s := range scrapes {
		if err := Write(f, s); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestWhatIsWrittenIsLoaded(t *testing.T) {
	want := []Scrape{{time.UnixMilli(1500), "exporter", []byte(one)}, {time.UnixMilli(2500), "node", []byte("up 1\n")}}
	got, err := Load(write(t, want...))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBadRecordings(t *testing.T) {
	for name, text := range map[string]string{
		"no time at the beginning": "clients 2\n",
		"a time that is none":      "# scrape noon exporter\n",
	} {
		path := filepath.Join(t.TempDir(), "recording")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A series that a scrape lacks ends there. A later recording is moved to the end
// of the first one, and only what has the prefix is taken.
func TestSeries(t *testing.T) {
	r := New()
	for _, add := range []struct {
		scrapes []Scrape
		prefix  string
	}{
		{[]Scrape{{time.UnixMilli(1000), "exporter", []byte(one)}, {time.UnixMilli(2000), "exporter", []byte("clients 3\n")}}, ""},
		{[]Scrape{{time.UnixMilli(9000), "exporter", []byte("qdisc 5\nclients 9\n")}}, "qdisc"},
	} {
		if err := r.Add(add.scrapes, add.prefix); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string][]household.Sample{}
	_ = r.Play(func(s household.Series) error {
		got[s.Labels["__name__"]+s.Labels["ip"]] = s.Samples
		return nil
	})
	want := map[string][]household.Sample{
		"clients":         {{Time: 1000, Value: 2}, {Time: 2000, Value: 3}},
		"info192.168.1.5": {{Time: 1000, Value: 1}, {Time: 2000, Value: staleNaN}},
		"qdisc":           {{Time: 2000, Value: 5}},
	}
	sameBits := cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
	if diff := cmp.Diff(want, got, sameBits); diff != "" {
		t.Error(diff)
	}
}
