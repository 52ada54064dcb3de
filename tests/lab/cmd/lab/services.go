package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"router-monitoring/tests/lab"
)

// startTimeout is how long exporter or Prometheus may take to answer.
const startTimeout = 30 * time.Second

// services are the programs under demonstration.
type services []*service

// service is one program with its log.
type service struct {
	name    string
	cmd     *exec.Cmd
	logPath string
	ended   chan struct{}
}

// startServices writes the configurations and starts exporter and Prometheus.
func startServices(ctx context.Context, l *lab.Lab, o demoOptions, dir, publicAddr string) (services, error) {
	exporterConfig, err := writeYAML(dir, "exporter.yml", exporterConfig(l.Profile, filepath.Join(dir, "state")))
	if err != nil {
		return nil, err
	}
	prometheusConfig, err := writeYAML(dir, "prometheus.yml", prometheusConfig(o.rules))
	if err != nil {
		return nil, err
	}
	var all services
	for _, s := range []struct {
		name, path, ready string
		args              []string
	}{
		{"exporter", o.exporter, "http://" + exporterAddr + "/-/ready", []string{
			"--config.file=" + exporterConfig, "--web.listen-address=" + exporterAddr}},
		{"Prometheus", o.prometheus, "http://" + prometheusAddr + "/-/ready", []string{
			"--config.file=" + prometheusConfig, "--web.listen-address=" + prometheusAddr,
			"--web.external-url=http://" + publicAddr + "/", "--storage.tsdb.path=" + filepath.Join(dir, "prometheus"),
			"--log.level=warn"}},
	} {
		started, err := start(dir, s.name, s.path, s.args...)
		if err != nil {
			all.stop()
			return nil, err
		}
		all = append(all, started)
		if err := started.waitFor(ctx, s.ready); err != nil {
			all.stop()
			return nil, err
		}
		fmt.Printf("%s is up.\n", strings.ToUpper(s.name[:1])+s.name[1:])
	}
	return all, nil
}

// start runs a program in a process group of its own: a Ctrl-C at the terminal
// must not end it before it was asked for its last figures.
func start(dir, name, path string, args ...string) (*service, error) {
	s := &service{name: name, logPath: filepath.Join(dir, name+".log"), ended: make(chan struct{})}
	log, err := os.Create(s.logPath)
	if err != nil {
		return nil, fmt.Errorf("make log of %s: %w", name, err)
	}
	defer log.Close()
	s.cmd = exec.Command(path, args...)
	s.cmd.Dir = dir
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if s.cmd.Path, err = filepath.Abs(path); err != nil {
		return nil, fmt.Errorf("find %s: %w", name, err)
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	return s, nil
}

// waitFor waits until the service answers at the address.
func (s *service) waitFor(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		_, err := get(ctx, url)
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("%s ended: %s", s.name, s.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w: %s", s.name, err, s.lastWords())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// lastWords is the end of the service's log.
func (s *service) lastWords() string {
	const enough = 2000
	text, err := os.ReadFile(s.logPath)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-enough):]))
}

// stop ends the programs, the last started first.
func (all services) stop() {
	for i := len(all) - 1; i >= 0; i-- {
		s := all[i]
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.ended:
		case <-time.After(5 * time.Second):
			_ = s.cmd.Process.Kill()
			<-s.ended
		}
	}
}

// get reads a page that has to answer with status 200.
func get(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		err = errors.Join(err, fmt.Errorf("GET %s: %s: %.200s", url, resp.Status, body))
	}
	return body, err
}
