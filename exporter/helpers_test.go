package main

import (
	"context"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"router-monitoring/tests/lab"
)

// service is the exporter as systemd sees it: a program with a configuration and
// a state folder, which is started again and again and may be killed.
type service struct {
	*exporter
	program string
	state   string // its folder
	log     string // file with what it wrote to standard error
	cmd     *exec.Cmd
}

// newService prepares a service of the program that these tests are part of.
func newService(t *testing.T, config string) *service {
	t.Helper()
	dir := t.TempDir()
	s := &service{
		exporter: &exporter{
			address: "http://" + freeAddress(t),
			file:    filepath.Join(dir, "config.yml"),
			client:  &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}},
		},
		program: "/proc/self/exe",
		state:   filepath.Join(dir, "state"),
		log:     filepath.Join(dir, "log"),
	}
	s.configure(t, config)
	t.Cleanup(func() {
		s.kill()
		if log, _ := os.ReadFile(s.log); t.Failed() {
			t.Logf("the end of the log:\n%s", log[max(0, len(log)-8<<10):])
		}
	})
	return s
}

// launch starts the service and does not wait for it.
func (s *service) launch(t *testing.T) {
	t.Helper()
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s.cmd = exec.Command(s.program, "--config.file="+s.file, "--web.listen-address="+strings.TrimPrefix(s.address, "http://"))
	s.cmd.Env = append(os.Environ(), beExporter+"=1", "STATE_DIRECTORY="+s.state)
	s.cmd.Stderr = log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
}

// start starts the service and waits until it answers scrapes.
func (s *service) start(t *testing.T) {
	t.Helper()
	s.launch(t)
	eventually(t, "the exporter is ready", s.isReady)
}

// terminate ends the service as systemd does.
func (s *service) terminate(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
	s.cmd = nil
}

// kill ends the service, if it runs, with no chance to do anything more.
func (s *service) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// play runs the lab's load until it is told to stop, and waits until the last
// datagram has arrived.
func play(t *testing.T, l *lab.Lab) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := l.Play(ctx, 0)
		done <- err
	}()
	return sync.OnceFunc(func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// truth is what a client sent and received.
func truth(l *lab.Lab, client string) lab.Counts { return l.Truth()[client].Sum(lab.Kind{}) }

// decreased lists the counters of the network (not those of the process) that
// are lower than before, or gone.
func (m metrics) decreased(before metrics) (faults []string) {
	for name, family := range before {
		if family.GetType() != dto.MetricType_COUNTER || !strings.HasPrefix(name, "network_") || strings.HasPrefix(name, "network_exporter_") {
			continue
		}
		now := m.counters(name)
		for labels, was := range before.counters(name) {
			if is, there := now[labels]; !there || is < was {
				faults = append(faults, name+labels)
			}
		}
	}
	return slices.Sorted(slices.Values(faults))
}

// counters gives the values of all series of a counter. Which client it is tells
// the MAC; name and address may change.
func (m metrics) counters(name string) map[string]float64 {
	values := map[string]float64{}
	for _, s := range m[name].GetMetric() {
		labels := map[string]string{}
		for _, l := range s.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		var text strings.Builder
		if labels["mac"] != "" {
			delete(labels, "hostname")
			delete(labels, "ip")
		}
		for _, key := range slices.Sorted(maps.Keys(labels)) {
			text.WriteString(" " + key + "=" + labels[key])
		}
		values[text.String()] = s.GetCounter().GetValue()
	}
	return values
}
