package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	gometrics "runtime/metrics"
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

// frugalPeriod is the time from one look at what is in use to the next.
const frugalPeriod = 15 * time.Second

// manyClients are worth several processors. A household is served by one with a
// fifth less processor time, which goes into waking the others up, and sooner.
const manyClients = 1000

// beFrugal takes what the clients there are need and gives the rest back, now and
// every frugalPeriod until ctx ends. GOMAXPROCS in the environment still wins.
//
// A collection of garbage looks up every function on every stack, all over the
// program's tables, which are not needed again until the next one, and that may be
// minutes away. So after each the program is unmapped, which takes half a millisecond;
// what a scrape needs is mapped again in a third of one.
func beFrugal(ctx context.Context, clients func() int, log *slog.Logger) {
	all := runtime.GOMAXPROCS(0)
	if os.Getenv("GOMAXPROCS") == "" {
		defer runtime.GOMAXPROCS(all)
	}
	unmappedAt := uint64(math.MaxUint64) // not yet
	tick := time.NewTicker(frugalPeriod)
	defer tick.Stop()
	for {
		if n := collections(); n != unmappedAt {
			unmappedAt = n
			if err := unmapProgram(); err != nil {
				log.Debug("the program's unused pages stay in memory", "err", err)
			}
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

// collections is how often garbage was collected so far.
func collections() uint64 {
	s := []gometrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}}
	gometrics.Read(s)
	return s[0].Value.Uint64()
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
	var last *mapping // nil if it cannot be one
	found := false
	lines := bufio.NewScanner(smaps)
	for lines.Scan() {
		line := lines.Bytes()
		if name, value, isField := bytes.Cut(line, []byte(":")); isField && !bytes.Contains(name, []byte("-")) {
			if last != nil && string(name) == "Anonymous" && string(bytes.TrimSpace(value)) == "0 kB" {
				clean = append(clean, *last)
			}
			continue
		}
		last = nil // of "address-address permissions offset device inode path"
		path := bytes.IndexByte(line, '/')
		if path < 0 || string(line[path:]) != file {
			continue
		}
		found = true
		var m mapping
		var permissions string
		if _, err := fmt.Sscanf(string(line), "%x-%x %s", &m.start, &m.end, &permissions); err != nil {
			return nil, fmt.Errorf("smaps: %q: %w", line, err)
		}
		if !strings.Contains(permissions, "w") {
			last = &m
		}
	}
	if err := lines.Err(); err != nil || found {
		return clean, err
	}
	return nil, fmt.Errorf("smaps: no mapping of %s", file)
}
