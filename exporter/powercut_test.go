package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"router-monitoring/tests/lab"
)

// TestNoGhostTraffic has a real Prometheus watch an exporter over a power cut, a
// reboot and the loss of its state.
func TestNoGhostTraffic(t *testing.T) {
	l := newLab(t)
	s := newService(t, fmt.Sprintf(watchedYAML, l.Client("alice").MAC, l.Client("nas").MAC))
	s.start(t)
	p := startPrometheus(t, strings.TrimPrefix(s.address, "http://"))
	p.await(t, s, l)
	w := &watched{Lab: l, service: s, prometheus: p}

	w.beginnings = sums(w.traffic(t, 50))
	p.await(t, s, l)
	s.terminate(t)
	s.start(t) // the state holds all so far, and that it may be outdated from now on
	old := copyFolder(t, s.state)
	saved := lifetimes(s.scrape(t), l)

	w.traffic(t, 100)
	p.await(t, s, l)
	unseen := sums(w.traffic(t, 10)) // perhaps: it comes between two scrapes
	s.kill()
	restoreFolder(t, old, s.state)
	w.reboot(t)
	w.started(t, "a power cut")
	since := sums(w.traffic(t, 400)) // more than before: it must not pass for a continuation
	w.check(t, "after a power cut", unseen)
	for name, was := range saved {
		if got, want := lifetimes(s.scrape(t), l)[name], was.plus(since[name]); got != want {
			t.Errorf("%s: a lifetime of %+v after a power cut, want what was saved and what came since, %+v", name, got, want)
		}
	}

	before := s.scrape(t)
	s.terminate(t)
	w.reboot(t)
	s.start(t)
	if faults := s.scrape(t).decreased(before); faults != nil {
		t.Errorf("a clean reboot: counters decreased: %v", faults)
	}
	since = sums(w.traffic(t, 30))
	w.check(t, "after a clean reboot", unseen)

	s.kill()
	restoreFolder(t, t.TempDir(), s.state)
	w.started(t, "the loss of the state")
	for name, lifetime := range lifetimes(s.scrape(t), l) {
		if lifetime != since[name] {
			t.Errorf("%s: a lifetime of %+v after the loss of the state, want what the table holds, %+v", name, lifetime, since[name])
		}
	}
	w.traffic(t, 500)
	w.check(t, "after the loss of the state", unseen)
}

// The guest is not declared: its series begins when it does, with a value that
// increase() cannot know to have come from 0.
const watchedYAML = `
update_interval: 1s
clients:
  - {name: alice, mac: "%s"}
  - {name: nas, mac: "%s"}
`

// watched is a lab with an exporter that Prometheus watches.
type watched struct {
	*lab.Lab
	service    *service
	prometheus *prometheusServer
	beginnings map[string]use // each client's first traffic
}

// traffic lets every client send and receive.
func (w *watched) traffic(t *testing.T, packets int) map[string]lab.Counts {
	t.Helper()
	moved := map[string]lab.Counts{}
	for _, c := range w.Clients {
		before := truth(w.Lab, c.Name)
		for _, family := range []lab.Family{lab.IPv4, lab.IPv6} {
			for _, direction := range []lab.Direction{lab.Up, lab.Down} {
				if _, err := w.UDP(t.Context(), lab.Flow{Client: c.Name, Family: family, Direction: direction, Packets: packets, Payload: 1000}); err != nil {
					t.Fatal(err)
				}
			}
		}
		after := truth(w.Lab, c.Name)
		moved[c.Name] = lab.Counts{
			Up:   lab.Traffic{Bytes: after.Up.Bytes - before.Up.Bytes},
			Down: lab.Traffic{Bytes: after.Down.Bytes - before.Down.Bytes},
		}
	}
	return moved
}

// reboot takes from the kernel what a reboot takes.
func (w *watched) reboot(t *testing.T) {
	t.Helper()
	if err := nft("delete table inet network_metrics"); err != nil {
		t.Fatal(err)
	}
}

// started starts the exporter after an event that its counters cannot outlive.
func (w *watched) started(t *testing.T, event string) {
	t.Helper()
	w.service.start(t)
	m := w.service.scrape(t)
	for _, c := range w.Clients {
		mac := c.MAC.String()
		if tx := m.value("network_client_tx_bytes_total", "mac", mac); tx != 0 {
			t.Errorf("%s: after %s the counter begins at %v, want 0", c.Name, event, tx)
		}
		// absent while the table tells of its bytes and nothing yet of its presence
		if seen := m.value("network_client_first_seen_timestamp_seconds", "mac", mac); seen != 0 && !math.IsNaN(seen) {
			t.Errorf("%s: after %s first seen at %v, want 0: it is no new device", c.Name, event, seen)
		}
	}
	w.prometheus.await(t, w.service, w.Lab)
}

// check compares the increase of every counter over the whole time with what
// went over the line. What Prometheus may not have seen may be missing.
func (w *watched) check(t *testing.T, when string, unseen map[string]use) {
	t.Helper()
	w.prometheus.await(t, w.service, w.Lab)
	m := w.service.scrape(t)
	for _, c := range w.Clients {
		if seen := m.value("network_client_first_seen_timestamp_seconds", "mac", c.MAC.String()); seen != 0 {
			t.Errorf("%s: %s first seen at %v, want 0: it is no new device", c.Name, when, seen)
		}
		sent, lost := truth(w.Lab, c.Name), unseen[c.Name]
		if c.Name == "guest" {
			lost = lost.plus(w.beginnings[c.Name])
		}
		for direction, want := range map[string]struct{ most, unseen uint64 }{
			"tx": {sent.Up.Bytes, lost.Tx}, "rx": {sent.Down.Bytes, lost.Rx},
		} {
			series := fmt.Sprintf("network_client_%s_bytes_total{mac=%q}", direction, c.MAC)
			got := math.Round(w.prometheus.increase(t, series)) // it extrapolates in floating point
			t.Logf("%s: %s moved %d bytes (%s), increase() says %.0f", when, c.Name, want.most, direction, got)
			if got > float64(want.most) || got < float64(want.most-want.unseen) {
				t.Errorf("%s: increase(%s) is %f, want from %d to %d", when, series, got, want.most-want.unseen, want.most)
			}
		}
	}
}

// use is how many bytes a client sent and received.
type use struct{ Tx, Rx uint64 }

func (u use) plus(o use) use { return use{u.Tx + o.Tx, u.Rx + o.Rx} }

func sums(moved map[string]lab.Counts) map[string]use {
	all := map[string]use{}
	for name, c := range moved {
		all[name] = use{c.Up.Bytes, c.Down.Bytes}
	}
	return all
}

func lifetimes(m metrics, l *lab.Lab) map[string]use {
	all := map[string]use{}
	for _, c := range l.Clients {
		v := func(direction string) uint64 {
			return uint64(m.value("network_client_lifetime_bytes", "mac", c.MAC.String(), "direction", direction))
		}
		all[c.Name] = use{v("tx"), v("rx")}
	}
	return all
}

func copyFolder(t *testing.T, folder string) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	return copied
}

func restoreFolder(t *testing.T, from, folder string) {
	t.Helper()
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(folder, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// prometheusServer is a real Prometheus that scrapes one exporter each second.
type prometheusServer struct{ address string }

func startPrometheus(t *testing.T, target string) *prometheusServer {
	t.Helper()
	dir, p := t.TempDir(), &prometheusServer{freeAddress(t)}
	file := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf("global: {scrape_interval: 1s}\nscrape_configs: [{job_name: exporter, static_configs: [{targets: [%q]}]}]\n", target)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "prometheus", "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+p.address, "--log.level=warn")
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v; run this with 'make test', which brings it along", err)
	}
	t.Cleanup(func() { stop(); _ = cmd.Wait() })
	return p
}

// await waits until Prometheus knows every client as the exporter shows it now.
func (p *prometheusServer) await(t *testing.T, s *service, l *lab.Lab) {
	t.Helper()
	m := s.scrape(t)
	for _, c := range l.Clients {
		for _, name := range []string{"network_client_tx_bytes_total", "network_client_rx_bytes_total"} {
			want := m.value(name, "mac", c.MAC.String())
			if math.IsNaN(want) {
				continue // not known yet
			}
			series := fmt.Sprintf("%s{mac=%q}", name, c.MAC)
			eventually(t, fmt.Sprintf("Prometheus has %s at %v", series, want), func() bool {
				v, err := p.query(series, "")
				return err == nil && (len(v) == 1 && float64(v[0].Value) == want)
			})
		}
	}
}

// increase is what a dashboard would show over the whole time. At the time of a
// sample, and with a first sample of 0, nothing is extrapolated.
func (p *prometheusServer) increase(t *testing.T, series string) float64 {
	t.Helper()
	last, err := p.query("timestamp("+series+")", "")
	if err != nil || len(last) != 1 {
		t.Fatalf("%s: %v %v", series, last, err)
	}
	v, err := p.query("increase("+series+"[1h])", fmt.Sprintf("%.3f", float64(last[0].Value)))
	if err != nil || len(v) != 1 {
		t.Fatalf("%s: %v %v", series, v, err)
	}
	return float64(v[0].Value)
}

// query asks for an instant vector, now or at a Unix time.
func (p *prometheusServer) query(promQL, at string) (model.Vector, error) {
	values := url.Values{"query": {promQL}}
	if at != "" {
		values.Set("time", at)
	}
	client := http.Client{Timeout: 5 * time.Second}
	res, err := client.Get("http://" + p.address + "/api/v1/query?" + values.Encode())
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var answer struct {
		Error string
		Data  struct{ Result model.Vector }
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if answer.Error != "" {
		return nil, fmt.Errorf("query %s: %s", promQL, answer.Error)
	}
	return answer.Data.Result, nil
}
