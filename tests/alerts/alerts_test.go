// Package alerts tests the whole way of an alert: traffic in the lab, exporter,
// Prometheus with the rules of this repository, Alertmanager, a receiver.
package alerts

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"router-monitoring/tests/lab"
)

// TestMain gives the tests a router's network namespace of their own.
func TestMain(m *testing.M) {
	lab.Isolate()
	os.Exit(m.Run())
}

func TestAlertsArrive(t *testing.T) {
	l, err := lab.New(lab.Profile{Clients: []lab.Client{{Name: "tv"}, {Name: "nas"}, {Name: "phone"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	tv, nas, phone := l.Client("tv"), l.Client("nas"), l.Client("phone")
	h := newHousehold(t, tv, nas)
	h.lease(t, tv, "living-room-tv")
	in := newReceiver(t)
	exporter := h.startExporter(t)
	prometheus := startPrometheus(t, h.exporter, startAlertmanager(t, in.url))

	// The NAS is busy too, below the limit of one device.
	load, stop := context.WithCancel(t.Context())
	defer stop()
	go play(load, l, lab.Flow{Client: "nas", Direction: lab.Down, Rate: 50 * lab.Kbit})
	go play(load, l, lab.Flow{Client: "tv", Direction: lab.Down, Rate: 20 * lab.Mbit})
	hog := in.wait(t, "HighBandwidthUsage")
	if hog.Labels["hostname"] != "living-room-tv" || hog.Labels["mac"] != tv.MAC.String() || hog.Labels["direction"] != "rx" {
		t.Errorf("the alert names another client: %v", hog.Labels)
	}
	if !strings.HasPrefix(hog.Annotations["summary"], "living-room-tv downloads at ") {
		t.Errorf("the alert says: %s", hog.Annotations["summary"])
	}
	if first := in.firing("NewDevice"); len(first) > 0 {
		t.Errorf("a device that was known is announced as new: %v", first)
	}

	// A device joins without a name, gets one while the alert fires, and the
	// exporter restarts: one alert all the same.
	if _, err := l.UDP(t.Context(), lab.Flow{Client: "phone", Direction: lab.Down, Packets: 10}); err != nil {
		t.Fatal(err)
	}
	news := in.wait(t, "NewDevice")
	if news.Labels["mac"] != phone.MAC.String() || !strings.Contains(news.Annotations["description"], phone.IPv4.String()) {
		t.Errorf("the alert is about another device: %v %v", news.Labels, news.Annotations)
	}
	h.lease(t, phone, "annas-phone")
	// Between two scrapes, for one that fails ends the alert.
	if err := waitFor(t.Context(), func() bool { return prometheus.has(t, "time() - timestamp(network_clients) < 0.2") }); err != nil {
		t.Fatal("no scrape was seen to come")
	}
	exporter.stop(t)
	h.startExporter(t)
	if err := waitFor(t.Context(), func() bool {
		return prometheus.has(t, `count(router_monitoring:client:info{hostname="annas-phone"}) == 1`)
	}); err != nil {
		t.Fatal("the phone never got its name")
	}
	time.Sleep(5 * time.Second) // for a second alert to come
	for name, want := range map[string]int{"NewDevice": 1, "HighBandwidthUsage": 1} {
		if got := in.firing(name); len(got) != want {
			t.Errorf("%s came %d times: %v", name, len(got), got)
		}
	}
	if others := in.except("NewDevice", "HighBandwidthUsage"); len(others) > 0 {
		t.Errorf("uncalled for: %v", others)
	}
	if prometheus.has(t, `count_over_time(ALERTS{alertname="AccountingInconsistent"}[1h])`) {
		t.Error("what was forwarded was not, at some moment, what all clients have")
	}
}

// play is cut short when the test has seen enough.
func play(ctx context.Context, l *lab.Lab, f lab.Flow) {
	f.Duration = time.Minute
	_, _ = l.UDP(ctx, f)
}
