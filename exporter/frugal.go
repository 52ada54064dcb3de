package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// limitMemory has the heap grow to half more than is in use before garbage is
// collected: Go's default of twice as much takes 2 MiB more with 25 clients and
// saves a twentieth of a scrape's time. The soft limit is there so that a burst
// (thousands of clients, many scrapes at once) does not leave a large heap behind.
// GOGC and GOMEMLIMIT in the environment still win.
func limitMemory(maxClients int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(32<<20 + int64(maxClients)<<12)
	}
}

// frugalPeriod is the time from one look at what is in use to the next. After each,
// the pages in use are mapped again, which takes a third of a millisecond in all.
const frugalPeriod = time.Minute

// manyClients are worth several processors. A household is served by one with a
// fifth less processor time, which goes into waking the others up, and sooner.
const manyClients = 1000

// beFrugal takes what the clients there are need and gives the rest back, now and
// every minute until ctx ends. GOMAXPROCS in the environment still wins.
func beFrugal(ctx context.Context, clients func() int, log *slog.Logger) {
	all := runtime.GOMAXPROCS(0)
	if os.Getenv("GOMAXPROCS") == "" {
		defer runtime.GOMAXPROCS(all)
	}
	tick := time.NewTicker(frugalPeriod)
	defer tick.Stop()
	for {
		if err := unmapProgram(); err != nil {
			log.Debug("the program's unused pages stay in memory", "err", err)
		}
		if os.Getenv("GOMAXPROCS") == "" {
			useProcessors(clients(), all)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// useProcessors stops the world for a moment only where the number changes.
func useProcessors(clients, all int) {
	n := 1
	if clients >= manyClients {
		n = all
	}
	runtime.GOMAXPROCS(n)
}

// unmapProgram unmaps the pages of the program's own file. The kernel maps 16 pages
// around each one that is touched and keeps them all, so that what ran once, at the
// start or when a name was looked up, would stay resident for years. The pages
// remain in the page cache, from where those in use come back without a read.
func unmapProgram() error {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return err
	}
	defer smaps.Close()
	mappings, err := cleanMappings(smaps, program)
	if err != nil {
		return err
	}
	for _, m := range mappings {
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, m.start, m.end-m.start, unix.MADV_DONTNEED); errno != 0 {
			return fmt.Errorf("madvise: %w", errno)
		}
	}
	return nil
}

// mapping is a range of addresses, the end exclusive.
type mapping struct{ start, end uintptr }

// cleanMappings reads text in the format of /proc/PID/smaps, see proc_pid_smaps(5),
// and returns the mappings of a file that hold nothing but what is in it: which
// cannot be written and have no anonymous page. (A position-independent program's
// relocations cannot be written either, but would be lost.)
func cleanMappings(smaps io.Reader, file string) ([]mapping, error) {
	var clean []mapping
	var last mapping
	var permissions, path string
	lines := bufio.NewScanner(smaps)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if !strings.HasSuffix(name, ":") {
			if _, err := fmt.Sscanf(name, "%x-%x", &last.start, &last.end); err != nil {
				return nil, fmt.Errorf("smaps: %q: %w", lines.Text(), err)
			}
			permissions, path = value[:min(4, len(value))], ""
			if i := strings.IndexByte(value, '/'); i >= 0 {
				path = value[i:]
			}
			continue
		}
		if name == "Anonymous:" && path == file && permissions[1] != 'w' && strings.TrimSpace(value) == "0 kB" {
			clean = append(clean, last)
		}
	}
	return clean, lines.Err()
}
