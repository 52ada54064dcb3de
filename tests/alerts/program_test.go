package alerts

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait of the test.
const patience = 40 * time.Second

// program is a running program. Its path may be that of a script that replaces
// itself by the program.
type program struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{}
}

// start runs a program until the test ends, and waits until it answers. The log
// is shown if the test fails.
func start(t *testing.T, ready, path string, args ...string) *program {
	t.Helper()
	p := &program{cmd: exec.Command(path, args...), log: filepath.Join(t.TempDir(), "log"), done: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.stop(t)
		if t.Failed() {
			text, _ := os.ReadFile(p.log)
			t.Logf("%s said:\n%.8000s", filepath.Base(path), text)
		}
	})
	if err := waitFor(t.Context(), func() bool { return answers(ready) }); err != nil {
		t.Fatalf("%s does not answer at %s", filepath.Base(path), ready)
	}
	return p
}

// stop ends the program as an init system would.
func (p *program) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
		t.Errorf("%s had to be killed", p.cmd.Path)
	}
}

// find looks for a program that distributions call by different names.
func find(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("%s is missing: PATH=\"$PATH:$(tests/tools.sh --path %[1]s)\" finds it", names[0])
	return ""
}

func answers(url string) bool {
	resp, err := http.Get(url)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func waitFor(ctx context.Context, ok func() bool) error {
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(50 * time.Millisecond) {
		if ctx.Err() != nil || time.Now().After(deadline) {
			return errors.New("waited in vain")
		}
	}
	return nil
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
