package live

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

var cost = flag.Bool("cost", false, "measure what viewers cost, in two minutes")

// Of 25 busy clients, with viewers who listen to the stream.
const (
	measured = 30 * time.Second
	maxShare = 0.01 // of a processor, for ten viewers, beyond what nobody costs
)

// TestCost measures the exporter's processor time and memory with no viewer, with
// one and with ten, and once more with none, if asked to.
func TestCost(t *testing.T) {
	if !*cost {
		t.Skip("takes two minutes: -args -cost")
	}
	l, config := household(t)
	e := newExporter(t, config)
	ctx, cancel := context.WithCancel(t.Context())
	played := make(chan error, 1)
	go func() {
		_, err := l.Play(ctx, 0)
		played <- err
	}()
	time.Sleep(10 * time.Second)
	shares := map[int]float64{}
	for _, viewers := range []int{0, 1, 10, 0} {
		watching, leave := context.WithCancel(t.Context())
		for range viewers {
			listen(watching, t, e.url("/api/v1/stream"))
		}
		time.Sleep(2 * time.Second)
		before := cpuTime(t, e.cmd.Process.Pid)
		time.Sleep(measured)
		shares[viewers] = (cpuTime(t, e.cmd.Process.Pid) - before).Seconds() / measured.Seconds()
		leave()
		t.Logf("%2d viewers: %.2f %% of a processor, %s", viewers, shares[viewers]*100, memory(t, e.cmd.Process.Pid))
	}
	if more := shares[10] - shares[0]; more > maxShare {
		t.Errorf("ten viewers cost %.2f %% of a processor", more*100)
	}
	cancel()
	if err := <-played; err != nil {
		t.Error(err)
	}
}

// listen follows a stream until ctx ends.
func listen(ctx context.Context, t *testing.T, url string) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
	}()
}

// cpuTime sums up what /proc/PID/task/TID/schedstat counts in nanoseconds, for
// /proc/PID/stat counts in ticks of 10 ms.
func cpuTime(t *testing.T, pid int) (sum time.Duration) {
	t.Helper()
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/schedstat", pid, task.Name()))
		if err != nil {
			continue // the thread has ended
		}
		n, err := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += time.Duration(n)
	}
	return sum
}

func memory(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "VmRSS:") {
			return strings.Join(strings.Fields(line), " ")
		}
	}
	return "no VmRSS"
}
