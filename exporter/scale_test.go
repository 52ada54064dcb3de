package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"router-monitoring/tests/lab"
)

// TestManyClients fills the kernel's sets for 4,096 clients, each with an IPv4
// and an IPv6 address, and looks at the memory of the program as it is shipped:
// built without the race detector.
func TestManyClients(t *testing.T) {
	const clients, scrapes, limit = 4096, 20, 64 << 10 // KiB
	l := newLab(t)
	for _, args := range []string{
		"link add br-many type bridge", "addr add 10.0.0.1/16 dev br-many",
		"-6 addr add fd00:10::1/64 dev br-many nodad", "link set br-many up",
	} {
		if out, err := l.Router.Exec(t.Context(), "ip", strings.Fields(args)...); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	t.Cleanup(func() { _ = exec.Command("ip", "link", "del", "br-many").Run() })
	s := newService(t, "lan: {interfaces: [br-many]}\nwan: {interfaces: [wan0]}\n")
	s.program = build(t)
	s.start(t)
	fillSets(t, l, clients)
	m := s.scrape(t)
	if n := m.value("network_clients"); n != clients {
		t.Errorf("%v clients, want %d", n, clients)
	}
	for _, metric := range []string{"network_client_tx_bytes_total", "network_client_rx_bytes_total"} {
		if got := m.sum(metric); got != clients*2*1000 {
			t.Errorf("%s: %.0f in all, want %d", metric, got, clients*2*1000)
		}
	}
	report := func(when string) {
		times, size := scrapeTimes(t, s.exporter, scrapes)
		memory := memoryOf(t, s.cmd.Process.Pid)
		t.Logf("%s: scrape %v in the median, %v at most, %d kB of text; KiB of memory: %v", when, times[scrapes/2], times[scrapes-1], size/1000, memory)
		if memory["VmHWM"] >= limit {
			t.Errorf("%s: %d KiB of memory at most, want less than %d", when, memory["VmHWM"], limit)
		}
	}
	report("as they come")
	s.terminate(t)
	s.start(t)
	report("from the saved state")
	m = s.scrape(t)
	t.Logf("the exporter's own part of a scrape took %.1f ms; state: %.0f bytes, saved in %.1f ms", 1000*m.value("network_exporter_scrape_duration_seconds"), m.value("network_exporter_state_size_bytes"), 1000*m.value("network_exporter_state_save_duration_seconds"))
	if n := m.value("network_clients"); n != clients {
		t.Errorf("%v clients after a restart, want %d", n, clients)
	}
}

// build compiles the program as a release is.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), program)
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

// fillSets makes elements as the packet path would: each client has sent and
// received 1,000 bytes by IPv4 and by IPv6.
func fillSets(t *testing.T, l *lab.Lab, clients int) {
	t.Helper()
	const counted = "counter packets 10 bytes 1000"
	sets := map[string]*strings.Builder{}
	for _, name := range []string{"upload_ipv4", "upload_ipv6", "download_ipv4", "download_ipv6"} {
		sets[name] = &strings.Builder{}
		fmt.Fprintf(sets[name], "add element inet network_metrics %s {", name)
	}
	for i := range clients {
		mac := fmt.Sprintf("52:54:00:10:%02x:%02x", i>>8, i&0xff)
		ip4, ip6 := fmt.Sprintf("10.0.%d.%d", 1+i>>8, i&0xff), fmt.Sprintf("fd00:10::1:%x", i)
		fmt.Fprintf(sets["upload_ipv4"], "%s . %s %s,", mac, ip4, counted)
		fmt.Fprintf(sets["upload_ipv6"], "%s . %s %s,", mac, ip6, counted)
		fmt.Fprintf(sets["download_ipv4"], "%s %s,", ip4, counted)
		fmt.Fprintf(sets["download_ipv6"], "%s %s,", ip6, counted)
	}
	for _, name := range []string{"upload_ipv4", "upload_ipv6", "download_ipv4", "download_ipv6"} {
		if err := l.LoadRuleset(sets[name].String() + "}\n"); err != nil {
			t.Fatal(err)
		}
	}
}

// scrapeTimes measures whole scrapes, sorted, and the size of the last.
func scrapeTimes(t *testing.T, e *exporter, n int) (times []time.Duration, size int64) {
	t.Helper()
	for range n {
		start := time.Now()
		res, err := e.client.Get(e.address + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		size, err = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatal(res.Status, err)
		}
		times = append(times, time.Since(start).Round(100*time.Microsecond))
	}
	slices.Sort(times)
	return times, size
}

// memoryOf reads what proc_pid_status(5) tells of a process, in KiB.
func memoryOf(t *testing.T, pid int) map[string]int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	memory := map[string]int{}
	for line := range bytes.Lines(status) {
		name, value, _ := strings.Cut(string(line), ":")
		switch name {
		case "VmHWM", "VmRSS", "RssAnon":
			kib, err := strconv.Atoi(strings.Fields(value)[0])
			if err != nil {
				t.Fatal(err)
			}
			memory[name] = kib
		}
	}
	if memory["VmHWM"] == 0 {
		t.Fatalf("no memory in the status of the process:\n%s", status)
	}
	return memory
}
