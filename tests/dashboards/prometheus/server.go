// Package prometheus runs a real Prometheus on a recording of the past: it is
// started empty, given the recording over remote write, and asked as Grafana
// would ask it.
package prometheus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Server is a Prometheus that runs.
type Server struct {
	URL   string // of its HTTP interface
	cmd   *exec.Cmd
	log   string
	ended chan struct{}
}

const startTimeout = 30 * time.Second

// At is a Prometheus that somebody else started.
func At(url string) *Server { return &Server{URL: url} }

// Start runs the Prometheus that the PATH has, in a folder of its own, until
// Stop.
func Start(ctx context.Context, dir string) (*Server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, []byte("global: {}\n"), 0o644); err != nil {
		return nil, fmt.Errorf("configure prometheus: %w", err)
	}
	s := &Server{URL: "http://" + addr, log: filepath.Join(dir, "prometheus.log"), ended: make(chan struct{})}
	// A head of 120 days takes samples of the 60 days before its newest one, in
	// any order of the series.
	s.cmd = exec.Command("prometheus", "--config.file="+config, "--web.listen-address="+addr,
		"--web.enable-remote-write-receiver", "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--storage.tsdb.min-block-duration=120d", "--storage.tsdb.max-block-duration=120d",
		"--storage.tsdb.retention.time=100y", "--log.level=warn")
	return s, s.run(ctx)
}

func (s *Server) run(ctx context.Context) error {
	log, err := os.Create(s.log)
	if err != nil {
		return fmt.Errorf("make log of prometheus: %w", err)
	}
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start prometheus: %w", err)
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	if err := s.waitUntilReady(ctx); err != nil {
		s.Stop()
		return err
	}
	return nil
}

// Stop ends Prometheus. Nothing of its data is needed again.
func (s *Server) Stop() {
	_ = s.cmd.Process.Kill()
	<-s.ended
}

func (s *Server) waitUntilReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		_, err := s.do(ctx, http.MethodGet, "/-/ready", nil)
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("prometheus ended: %s", s.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("prometheus does not answer: %w: %s", err, s.lastWords())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *Server) lastWords() string {
	const enough = 2000
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-enough):]))
}

// do makes a request and gives the answer's body, which it has to have in full
// and with a status of success.
func (s *Server) do(ctx context.Context, method, path string, body io.Reader) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.URL+path, body)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if resp.StatusCode/100 != 2 {
		err = errors.Join(err, fmt.Errorf("prometheus answers %s: %.300s", resp.Status, answer))
	}
	return answer, err
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}
