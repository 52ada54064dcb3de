package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"router-monitoring/tests/lab"
)

// program is a service that runs, with its log.
type program struct {
	name  string
	cmd   *exec.Cmd
	log   string
	ended chan struct{}
}

const patience = 30 * time.Second

// run starts a program on the router until stop.
func (h *house) run(path string, args ...string) (*program, error) {
	return h.runOn(h.Router, path, args...)
}

func (h *house) runOn(host *lab.Host, path string, args ...string) (*program, error) {
	name := filepath.Base(path)
	p := &program{name: name, log: filepath.Join(h.dir, fmt.Sprintf("%d-%s.log", len(h.programs), name)), ended: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd = exec.Command(path, args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = h.dir, log, log
	p.cmd.Env = append(os.Environ(), keaFolders(h.dir)...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := host.Do(p.cmd.Start); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	h.programs = append(h.programs, p)
	return p, nil
}

// stop ends all programs.
func (h *house) stop() {
	for _, p := range h.programs {
		p.stop()
	}
}

func (p *program) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// waitFor waits until a program answers at an address.
func (p *program) waitFor(ctx context.Context, url string) error {
	return p.until(ctx, "it answers at "+url, func() bool {
		resp, err := http.Get(url)
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// until waits for something that a program does.
func (p *program) until(ctx context.Context, what string, done func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for !done() {
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended: %s", p.name, p.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("%s: waiting until %s: %w: %s", p.name, what, ctx.Err(), p.lastWords())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}

func (p *program) lastWords() string {
	const enough = 2000
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-enough):]))
}

// lastWords are the ends of all logs.
func (h *house) lastWords() (text string) {
	for _, p := range h.programs {
		text += p.name + " said:\n" + p.lastWords() + "\n"
	}
	return text
}
