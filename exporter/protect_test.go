package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestProtection asks for tables that nobody else can change. A kernel that cannot
// have them, before Linux 6.9, says so once and counts all the same; there, too, a
// restart and a configuration that asks for it later lose nothing.
func TestProtection(t *testing.T) {
	able := kernelIsAtLeast(t, 6, 9)
	for _, hook := range []string{"forward", "device"} {
		t.Run(hook, func(t *testing.T) {
			n := bridgeLAN.build(t)
			n.start(t)
			n.switchTo(t, hook)
			n.checkCounting(t)
			protected := strings.Replace(n.config(hook), "accounting: {", "accounting: {protect_table: true, ", 1)
			n.reload(t, protected)
			n.waitForHook(t, hook)
			n.checkCounting(t)
			was := handleOf(t)
			n.terminate(t)
			n.start(t)
			n.waitForHook(t, hook)
			if is := handleOf(t); is != was {
				t.Errorf("a restart made the table anew: its number was %s and is %s", was, is)
			}
			n.checkCounting(t)
			n.checkTotals(t)
			if stolen := nft("delete table inet network_metrics") == nil; stolen == able {
				t.Errorf("somebody else can delete the table: %v, on a kernel that can protect it: %v", stolen, able)
			}
			log, err := os.ReadFile(n.log)
			if err != nil {
				t.Fatal(err)
			}
			const starts = 2 // with protection asked for
			if told := strings.Count(string(log), "this kernel cannot protect the accounting table"); told != map[bool]int{true: 0, false: starts}[able] {
				t.Errorf("the log tells %d times that the kernel cannot protect tables; it can: %v", told, able)
			}
		})
	}
}

// kernelIsAtLeast looks at the number of the running kernel's release.
func kernelIsAtLeast(t *testing.T, major, minor int) bool {
	t.Helper()
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	var is [2]int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &is[0], &is[1]); err != nil {
		t.Fatal(err)
	}
	return is[0] > major || is[0] == major && is[1] >= minor
}

// handleOf is the kernel's number of the exporter's table.
func handleOf(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("nft", "-a", "list", "table", "inet", "network_metrics").Output()
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(out), "\n") // table inet network_metrics { # handle 7
	_, handle, _ := strings.Cut(first, "# handle ")
	if handle == "" {
		t.Fatalf("no handle in %q", first)
	}
	return handle
}
