package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"router-monitoring/tests/lab"
)

// answer is what the test reads of the API's answers.
type answer struct {
	Health struct {
		OK    bool
		Audit struct {
			RX int64 `json:"rx_difference_bytes"`
		}
	}
	Clients []struct {
		Name  string
		Rate  *uint64 `json:"rx_bytes_per_second"`
		Today uint64  `json:"today_rx_bytes"`
		Total uint64  `json:"rx_bytes_total"`
	}
}

func (e *exporter) ask(t *testing.T, path string) (*http.Response, answer) {
	t.Helper()
	res, err := e.client.Get(e.address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var a answer
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(text, &a); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	return res, a
}

func (a answer) today(name string) uint64 {
	for _, c := range a.Clients {
		if c.Name == name {
			return c.Today
		}
	}
	return 0
}

// TestLive follows one client's bytes into the API, over a restart, and turns the
// page off and on.
func TestLive(t *testing.T) {
	h := newHousehold(t)
	sent := h.udp(t, lab.Flow{Client: "nas", Direction: lab.Down, Packets: 1000, Payload: 1000}).Down.Bytes
	eventually(t, "the bytes show", func() bool {
		_, a := h.ask(t, "/api/v1/clients")
		return a.today("nas") == sent && a.Health.OK && a.Health.Audit.RX == 0
	})
	if res, _ := h.ask(t, "/"); res.StatusCode != http.StatusOK || !strings.Contains(res.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("the page: %s", res.Status)
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	e := startExporter(t, householdConfig(h.Lab))
	if _, a := e.ask(t, "/api/v1/clients"); a.today("nas") != sent {
		t.Errorf("after a restart %d bytes today, want %d", a.today("nas"), sent)
	}

	stream, err := http.Get(e.address + "/api/v1/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	e.configure(t, householdConfig(h.Lab)+"web: {live: false}\n")
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the page is off", func() bool { res, _ := e.ask(t, "/api/v1/clients"); return res.StatusCode == http.StatusNotFound })
	for path, want := range map[string]int{"/": 200, "/metrics": 200, "/client/x": 404, "/live/style.css": 404, "/api/v1/stream": 404} {
		if res, _ := e.ask(t, path); res.StatusCode != want {
			t.Errorf("%s: %s while the page is off, want %d", path, res.Status, want)
		}
	}
	if _, err := io.Copy(io.Discard, stream.Body); err != nil {
		t.Errorf("the stream ended with %v", err)
	}
	e.configure(t, householdConfig(h.Lab))
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the page is back", func() bool { res, _ := e.ask(t, "/api/v1/clients"); return res.StatusCode == http.StatusOK })
}

// TestLiveRates compares the stream with a flow of a known rate, beside scrapes.
func TestLiveRates(t *testing.T) {
	h := newHousehold(t)
	stream, err := http.Get(h.address + "/api/v1/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	const rate = 4e6 // bit/s
	done := make(chan error, 1)
	go func() {
		_, err := h.UDP(t.Context(), lab.Flow{Client: "nas", Direction: lab.Down, Rate: rate, Duration: 8 * time.Second})
		done <- err
	}()
	events, right := 0, 0
	for lines := bufio.NewScanner(stream.Body); events < 7 && lines.Scan(); {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		events++
		h.scrape(t) // whose reading must not disturb the rate
		var a answer
		if err := json.Unmarshal([]byte(data), &a); err != nil {
			t.Fatal(err)
		}
		for _, c := range a.Clients {
			if c.Name == "nas" && c.Rate != nil && float64(*c.Rate) > rate/8*0.9 && float64(*c.Rate) < rate/8*1.1 {
				right++
			}
		}
	}
	if right < 4 {
		t.Errorf("%d of %d snapshots tell the right rate", right, events)
	}
	stream.Body.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
