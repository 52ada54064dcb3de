package collector

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"github.com/prometheus/common/version"
)

// process is what the exporter uses of the machine. What could not be read is 0.
type process struct {
	cpu                  time.Duration // in the program and in the kernel for it
	resident, size, most uint64        // bytes of memory
	files, mostFiles     uint64        // open ones
	threads, goroutines  int
	build                build
}

// build is what the exporter was built from, with and for.
type build struct{ version, revision, branch, tags, goVersion, os, arch string }

var built = build{version.Version, version.GetRevision(), version.Branch, version.GetTags(), version.GoVersion, version.GoOS, version.GoArch}

func readProcess() process {
	p := process{goroutines: runtime.NumGoroutine(), build: built}
	p.threads, _ = runtime.ThreadCreateProfile(nil)
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) == nil {
		p.cpu = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		_, _ = fmt.Sscan(string(text), &p.size, &p.resident) // in pages
		page := uint64(os.Getpagesize())
		p.size, p.resident = p.size*page, p.resident*page
	}
	if names, err := readNames("/proc/self/fd"); err == nil {
		p.files = uint64(len(names) - 1) // one was open to count them
	}
	p.mostFiles, p.most = limit(syscall.RLIMIT_NOFILE), limit(syscall.RLIMIT_AS)
	return p
}

func limit(resource int) uint64 {
	var l syscall.Rlimit
	_ = syscall.Getrlimit(resource, &l)
	return l.Cur
}

func readNames(folder string) ([]string, error) {
	f, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// processMetrics are those of the exporter's own process, under the names that
// they have in all of Prometheus' client libraries. client_golang's collectors
// take ten times as long and left two thirds of the garbage of a scrape of 25
// clients; they need files outside /proc/PID, and show the traffic of the whole
// router as that of the process. Go's memory statistics are left out, for they
// stop the world and cost as much as the clients.
var processMetrics = []*Metric{
	single("network_exporter_build_info", gauge, "Always 1. What the exporter was built from, with and for.",
		[]string{"version", "revision", "branch", "tags", "goversion", "goos", "goarch"},
		func(s *Scrape, out *samples) {
			b := &s.process.build
			out.add(1, b.version, b.revision, b.branch, b.tags, b.goVersion, b.os, b.arch)
		}),
	single("go_info", gauge, "Information about the Go environment.", []string{"version"},
		func(s *Scrape, out *samples) { out.add(1, s.process.build.goVersion) }),
	single("go_goroutines", gauge, "Number of goroutines that currently exist.", nil,
		func(s *Scrape, out *samples) { out.add(float64(s.process.goroutines)) }),
	single("go_threads", gauge, "Number of OS threads created.", nil,
		func(s *Scrape, out *samples) { out.add(float64(s.process.threads)) }),
	single("process_cpu_seconds_total", counter, "Total user and system CPU time spent in seconds.", nil,
		func(s *Scrape, out *samples) { out.add(s.process.cpu.Seconds()) }),
	single("process_resident_memory_bytes", gauge, "Resident memory size in bytes.", nil,
		ofProcess(func(p *process) uint64 { return p.resident })),
	single("process_virtual_memory_bytes", gauge, "Virtual memory size in bytes.", nil,
		ofProcess(func(p *process) uint64 { return p.size })),
	single("process_virtual_memory_max_bytes", gauge, "Maximum amount of virtual memory available in bytes.", nil,
		ofProcess(func(p *process) uint64 { return p.most })),
	single("process_open_fds", gauge, "Number of open file descriptors.", nil,
		ofProcess(func(p *process) uint64 { return p.files })),
	single("process_max_fds", gauge, "Maximum number of open file descriptors.", nil,
		ofProcess(func(p *process) uint64 { return p.mostFiles })),
	single("process_start_time_seconds", gauge, "Start time of the process since unix epoch in seconds.", nil,
		func(s *Scrape, out *samples) { out.time(s.Started) }),
}

func ofProcess(of func(*process) uint64) func(*Scrape, *samples) {
	return func(s *Scrape, out *samples) {
		if v := of(&s.process); v > 0 {
			out.count(v)
		}
	}
}
