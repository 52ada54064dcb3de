package dashboards

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"router-monitoring/tests/dashboards/recording"
)

// Sections that need services, by their ids. Those of DNS servers are tested in
// tests/dns.
var ofServices = []int{1000, 1100, 1200, 1300, 1900}

// shaping was recorded on a kernel that has CAKE, which few machines have that
// tests run on: the last scrapes of `make vm-test TESTS=recording`, its qdiscs alone.
const shaping = "testdata/shaping.prom"

// The services run for as long as it takes until each has something to tell.
func TestEveryQueryReturnsDataOfServices(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "services")
	cmd := exec.CommandContext(t.Context(), built(t, "./cmd/recorded-services"),
		"--exporter="+built(t, "../../exporter"), "--out="+file, "--duration=25s", "--interval=1s")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v; run this with 'make test', which brings the services along\n%s", err, out)
	}
	scrapes, err := recording.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	now := moment{scrapes[len(scrapes)-1].Time, 20 * time.Second, 4 * time.Second} // the interval is that of the shaping
	server := replayed(t, "--recording="+file, "--recording="+shaping)
	for _, a := range ask(t, server, view{dashboard: "router-full", sections: ofServices}, now) {
		if len(a.Series) == 0 {
			t.Errorf("%s returns nothing:\n%s", a.where, a.expr)
		}
	}
}
