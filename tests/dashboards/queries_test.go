package dashboards

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"router-monitoring/tests/dashboards/prometheus"
)

// The rules, in the order in which they build upon each other.
const (
	thresholds = "--rules=../../alerts/thresholds.rules.yml"
	records    = "--rules=../../alerts/recording.rules.yml"
	alerts     = "--rules=../../alerts/alerts.rules.yml"
)

// view is a dashboard as somebody looks at it.
type view struct {
	dashboard, client string
	sections          []int // only these, if any are given
}

// views show everything: one client with a quota, and one that is new.
var views = []view{{dashboard: "router"}, {dashboard: "client", client: "tv-livingroom"}, {dashboard: "client", client: "vacuum"}}

// replayed is a Prometheus with a recording, of what the dashboards ask for. It is
// made by a program of its own, which the race detector does not slow down.
func replayed(t *testing.T, flags ...string) *prometheus.Server {
	t.Helper()
	program := built(t, "./cmd/recorded-day")
	flags = append(flags, "--only-for=../../dashboards/router-full.json", "--only-for=../../dashboards/client.json")
	// It lasts until its input ends.
	cmd := exec.Command(program, append(flags, "--", "sh", "-c", "echo $PROMETHEUS; exec cat")...)
	cmd.Stderr = t.Output()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	url, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal("recorded-day does not say where Prometheus is, see above")
	}
	return prometheus.At(strings.TrimSpace(url))
}

// built is a program of this repository.
func built(t *testing.T, pkg string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), filepath.Base(pkg))
	cmd := exec.Command("go", "build", "-o", path, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
	return path
}

// answer is what came of a request.
type answer struct {
	request
	prometheus.Result
}

// ask makes every request of a dashboard.
func ask(t *testing.T, server *prometheus.Server, v view, m moment) (answers []answer) {
	t.Helper()
	d, err := load(v.dashboard)
	if err != nil {
		t.Fatal(err)
	}
	variables, err := resolve(t.Context(), server, d.Templating.List, v.client, m)
	if err != nil {
		t.Fatalf("%s: %v", d.Title, err)
	}
	if len(v.sections) > 0 {
		d = d.only(v.sections)
	}
	requests, err := d.requests(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range requests {
		r.where = d.Title + ": " + r.where
		r.expr = interpolate(r.expr, m.variables(r.span, r.step), variables)
		result, err := r.send(t.Context(), server, m.end)
		if err != nil {
			t.Errorf("%s: %v\n%s", r.where, err, r.expr)
			continue
		}
		answers = append(answers, answer{r, result})
	}
	return answers
}

func (r request) send(ctx context.Context, server *prometheus.Server, end time.Time) (prometheus.Result, error) {
	if r.instant {
		return server.Instant(ctx, r.expr, end)
	}
	// Grafana aligns both ends with the step.
	return server.Range(ctx, r.expr, prometheus.Range{
		From: end.Add(-r.span).Truncate(r.step), To: end.Truncate(r.step), Step: r.step})
}

func TestEveryQueryReturnsData(t *testing.T) {
	t.Parallel()
	server := replayed(t, thresholds, records, alerts)
	empty, found := map[string]string{}, map[string]bool{}
	for _, v := range views {
		for _, a := range ask(t, server, v, lastDay) {
			if len(a.Series) > 0 {
				found[a.where] = true
			} else {
				empty[a.where] = a.expr
			}
		}
	}
	for where, expr := range empty {
		if !found[where] {
			t.Errorf("%s returns nothing:\n%s", where, expr)
		}
	}
}

// The time that a query takes depends on the machine; the samples that it reads
// do not.
func TestNoQueryIsExpensive(t *testing.T) {
	t.Parallel()
	const clients, most = 250, 2_000_000
	// Evaluated every 4 minutes, rules give the same series: Prometheus looks 5 back.
	server := replayed(t, thresholds, records, fmt.Sprint("--clients=", clients), "--interval=4m")
	var answers []answer
	for _, v := range views {
		answers = append(answers, ask(t, server, v, lastDay)...)
	}
	for _, a := range answers {
		if a.Samples > most {
			t.Errorf("%s reads %d samples of %d clients and a day, more than %d:\n%s", a.where, a.Samples, clients, most, a.expr)
		}
	}
	slices.SortFunc(answers, func(a, b answer) int { return cmp.Compare(b.Took, a.Took) })
	for _, a := range answers[:min(10, len(answers))] {
		t.Logf("%6.1f ms %9d samples %5d series  %s", 1000*a.Took.Seconds(), a.Samples, len(a.Series), a.where)
	}
}
