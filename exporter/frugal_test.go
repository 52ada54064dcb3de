package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestCleanMappings(t *testing.T) {
	const smaps = `5581e0000000-5581e0400000 r-xp 00000000 fe:00 2053                       /opt/a program
Size:               4096 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me sd
5581e0400000-5581e0500000 r--p 00400000 fe:00 2053                       /opt/a program
Anonymous:            12 kB
5581e0500000-5581e0600000 rw-p 00500000 fe:00 2053                       /opt/a program
Anonymous:             0 kB
5581e0600000-5581e0700000 r--p 00600000 fe:00 2053                       /opt/a program
Anonymous:             0 kB
7ffc4a93f000-7ffc4a960000 r--p 00000000 00:00 0
Anonymous:             0 kB
7ffc4a99e000-7ffc4a9a0000 r-xp 00000000 fe:00 2054                       /opt/another
Anonymous:             0 kB
`
	got, err := cleanMappings(strings.NewReader(smaps), "/opt/a program")
	want := []mapping{{0x5581e0000000, 0x5581e0400000}, {0x5581e0600000, 0x5581e0700000}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %x, %v; want %x", got, err, want)
	}
	if _, err := cleanMappings(strings.NewReader("hello\n\n"), "/opt/a program"); err == nil {
		t.Error("text of another format was taken")
	}
}

// TestUnmapProgram gives the pages of the running program back and runs on.
func TestUnmapProgram(t *testing.T) {
	before := rssFile(t)
	if err := unmapProgram(); err != nil {
		t.Fatal(err)
	}
	if after := rssFile(t); after >= before {
		t.Errorf("%d kB of files are resident, %d before", after, before)
	}
}

func TestCollections(t *testing.T) {
	before := collections()
	runtime.GC()
	if after := collections(); after <= before {
		t.Errorf("%d collections after one more, %d before", after, before)
	}
}

func TestUseProcessors(t *testing.T) {
	all := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(all)
	for _, tt := range []struct{ clients, want int }{{0, 1}, {manyClients - 1, 1}, {manyClients, 3}, {25, 1}} {
		useProcessors(tt.clients, 3)
		if got := runtime.GOMAXPROCS(0); got != tt.want {
			t.Errorf("%d clients are served by %d processors, want %d", tt.clients, got, tt.want)
		}
	}
}

// TestUnmapSparesRelocations makes what a loader makes: a private mapping of a
// file, written to and then protected.
func TestUnmapSparesRelocations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, make([]byte, os.Getpagesize()), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	page, err := unix.Mmap(int(f.Fd()), 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(page)
	mapped := func() int {
		smaps, err := os.Open("/proc/self/smaps")
		if err != nil {
			t.Fatal(err)
		}
		defer smaps.Close()
		clean, err := cleanMappings(smaps, path)
		if err != nil {
			t.Fatal(err)
		}
		return len(clean)
	}
	if err := unix.Mprotect(page, unix.PROT_READ); err != nil {
		t.Fatal(err)
	}
	if n := mapped(); n != 1 {
		t.Errorf("%d mappings are clean before anything was written, want 1", n)
	}
	if err := unix.Mprotect(page, unix.PROT_READ|unix.PROT_WRITE); err != nil {
		t.Fatal(err)
	}
	page[0] = 1
	if err := unix.Mprotect(page, unix.PROT_READ); err != nil {
		t.Fatal(err)
	}
	if n := mapped(); n != 0 {
		t.Errorf("%d mappings are clean after a write, want none", n)
	}
}

// rssFile is the size in kB of the pages of files that this process has mapped.
func rssFile(t *testing.T) (size int) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "RssFile:")
	if _, err := fmt.Sscan(after, &size); err != nil {
		t.Fatal(err)
	}
	return size
}
