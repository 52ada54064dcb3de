package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"router-monitoring/tests/lab"
)

// TestTop looks at a household through a real terminal.
func TestTop(t *testing.T) {
	h := newHousehold(t)
	h.udp(t, lab.Flow{Client: "alice", Direction: lab.Down, Packets: 1000, Payload: 1000})
	const name, moved = "Alice's phone", "1.03 MB"

	cmd := topCommand(h)
	table, err := cmd.Output()
	if err != nil || !strings.Contains(string(table), name) || !strings.Contains(string(table), moved) {
		t.Errorf("what is no terminal gets %q, %v", table, err)
	}

	terminal, screen := newTerminal(t)
	cmd = topCommand(h)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = screen, screen, screen
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	screen.Close()
	var mu sync.Mutex
	var seen strings.Builder
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := terminal.Read(b)
			mu.Lock()
			seen.Write(b[:n])
			mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	shows := func(text string) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			return strings.Contains(seen.String(), text)
		}
	}
	eventually(t, "the client is on the screen", shows(name))
	h.udp(t, lab.Flow{Client: "alice", Direction: lab.Down, Packets: 1000, Payload: 1000})
	eventually(t, "what it moved since is", shows("2.06 MB"))
	fmt.Fprint(terminal, "q")
	ended := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
	defer ended.Stop()
	if err := cmd.Wait(); err != nil {
		t.Errorf("after q: %v", err)
	}
}

func topCommand(h household) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", "top", "--url="+h.address)
	cmd.Env = append(os.Environ(), beExporter+"=1", "TERM=xterm-256color")
	return cmd
}

// newTerminal opens a pseudo terminal of 120 columns: the side of whoever sits in
// front of it, and the program's.
func newTerminal(t *testing.T) (terminal, screen *os.File) {
	t.Helper()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	fd := int(terminal.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 120})
	}
	if err == nil {
		screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatalf("open a pseudo terminal: %v", err)
	}
	return terminal, screen
}
