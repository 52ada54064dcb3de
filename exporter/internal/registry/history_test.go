package registry

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"router-monitoring/exporter/internal/sample"
)

// TestRates goes through readings as they come.
func TestRates(t *testing.T) {
	r, c := newRegistry(), epoch("a")
	now := t0
	read := func(after time.Duration, bytes uint64) *Snapshot {
		t.Helper()
		now = now.Add(after)
		if bytes > 0 {
			c.up(mac(1), "192.168.1.5", bytes)
		}
		r.SetAccounting(now, c.reading())
		return r.Look(now)
	}
	if s := read(0, 1e9); s.Rate != [2]uint64{} || !s.RateTime.IsZero() || s.Clients[0].Rate != [2]uint64{} {
		t.Errorf("the first reading tells a rate of %d", s.Clients[0].Rate)
	}
	for _, step := range []struct {
		name     string
		after    time.Duration
		bytes    uint64
		want     uint64
		interval time.Duration
	}{
		{"a scrape and a look at once tell nothing", 100 * time.Millisecond, 50, 0, 0},
		{"what came before counts then", 900 * time.Millisecond, 950, 1000, time.Second},
		{"too soon to tell", 10 * time.Millisecond, 20, 1000, time.Second},
		{"over five seconds", 4990 * time.Millisecond, 480, 100, 5 * time.Second},
		{"silence", time.Second, 0, 0, time.Second},
		{"a reading failed for a minute", time.Minute, 6000, 100, time.Minute},
	} {
		s := read(step.after, step.bytes)
		if got := s.Clients[0].Rate[sample.Upload]; got != step.want || s.RateInterval != step.interval || s.Rate[sample.Upload] != step.want {
			t.Errorf("%s: %d and %d bytes a second over %s, want %d over %s", step.name, got, s.Rate[sample.Upload], s.RateInterval, step.want, step.interval)
		}
	}
	now = now.Add(time.Second)
	c = epoch("b") // somebody deleted the table
	c.up(mac(1), "192.168.1.5", 7)
	r.SetAccounting(now, c.reading())
	if got := r.Look(now).Clients[0].Rate; got != [2]uint64{sample.Upload: 7} {
		t.Errorf("a table made anew: %d bytes a second, want 7", got)
	}
}

// TestHistory checks that all bytes stand in the slots they came in.
func TestHistory(t *testing.T) {
	r, c := newRegistry(), epoch("a")
	r.SetAccounting(t0, c.reading())
	now := t0
	read := func(after time.Duration, bytes uint64) {
		now = now.Add(after)
		c.up(mac(1), "192.168.1.5", bytes)
		r.SetAccounting(now, c.reading())
	}
	read(2*time.Second, 200)
	read(6*time.Second, 600) // half of it in the first slot
	read(10*time.Second, 1000)
	s := r.WithHistory(now)
	at100 := Speed{sample.Upload: 100}
	if diff := cmp.Diff(&History{Recent: []Speed{at100, at100, at100}, Hour: []Speed{}}, s.Clients[0].History); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(s.History, s.Clients[0].History); diff != "" {
		t.Error("the line and its only client:", diff)
	}
	if want := t0.Add(15 * time.Second); !s.RecentEnd.Equal(want) || !s.HourEnd.Equal(t0) {
		t.Errorf("ends at %s and %s, want %s and %s", s.RecentEnd, s.HourEnd, want, t0)
	}
	for range 1000 { // a reading every 7 s, over and over around the rings
		read(7*time.Second, 700)
	}
	for name, got := range map[string][]Speed{"recent": r.WithHistory(now).Clients[0].History.Recent, "hour": r.WithHistory(now).Clients[0].History.Hour} {
		if len(got) != slots {
			t.Errorf("%s: %d slots, want %d", name, len(got), slots)
		}
		for i, m := range got {
			if d := m[sample.Upload] - 100; d < -0.01 || d > 0.01 {
				t.Errorf("%s: slot %d has %v bytes a second, want 100", name, i, m)
			}
		}
	}
	now = now.Add(2 * time.Hour) // the exporter slept
	r.SetAccounting(now, c.reading())
	h := r.WithHistory(now).Clients[0].History
	if len(h.Recent) != slots || h.Recent[0] != (Speed{}) || len(h.Hour) != slots || h.Hour[slots-1] != (Speed{}) {
		t.Error("old slots are shown as new ones")
	}
}

// TestHistoryOfAQuietClient checks that it takes no memory.
func TestHistoryOfAQuietClient(t *testing.T) {
	r, c := newRegistry(Declared{Name: "quiet", MACs: []sample.MAC{mac(2)}}), epoch("a")
	r.SetAccounting(t0, c.reading())
	r.SetAccounting(t0.Add(11*time.Second), c.reading())
	s := r.WithHistory(t0.Add(11 * time.Second))
	if diff := cmp.Diff(&History{Recent: make([]Speed, 2), Hour: []Speed{}}, s.Clients[0].History); diff != "" {
		t.Error(diff)
	}
	for q := range r.clients {
		if q.motion.recent != nil || q.motion.hour != nil {
			t.Error("it has slots")
		}
	}
}

// TestHistoryOfTwoThatAreOne checks that slots of a client known by its address
// join those of its MAC.
func TestHistoryOfTwoThatAreOne(t *testing.T) {
	r, c := newRegistry(), epoch("a")
	r.SetAccounting(t0, c.reading())
	c.up(mac(1), "fd00:1::5", 500)
	c.down("192.168.1.5", 500)
	r.SetAccounting(t0.Add(5*time.Second), c.reading())
	if n := len(r.Look(t0).Clients); n != 2 {
		t.Fatalf("%d clients, want 2 at first", n)
	}
	r.SetPresence(t0, confirmed(mac(1), "192.168.1.5"))
	s := r.WithHistory(t0.Add(5 * time.Second))
	if len(s.Clients) != 1 {
		t.Fatalf("%d clients, want 1", len(s.Clients))
	}
	if got := s.Clients[0]; got.Rate != [2]uint64{100, 100} || got.History.Recent[0] != (Speed{100, 100}) {
		t.Errorf("rate %d, history %v", got.Rate, got.History.Recent)
	}
}

// TestToday goes over midnights, restarts and clocks that are wrong.
func TestToday(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) time.Time {
		got, err := time.ParseInLocation("2006-01-02 15:04", s, berlin)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	r, c := newRegistry(), epoch("a")
	r.cfg.Location = berlin
	for _, step := range []struct {
		now     string
		restart bool
		want    uint64
	}{
		{"2026-01-10 12:00", false, 100},
		{"2026-01-10 23:59", false, 200},
		{"2026-01-11 00:00", false, 100},
		{"2026-01-11 12:00", true, 200},
		{"1970-01-01 00:01", false, 300}, // a boot without a battery
		{"2026-01-11 13:00", false, 400},
		{"2026-01-13 08:00", true, 100}, // off over two midnights
		{"2026-03-28 23:59", false, 100},
		{"2026-03-29 03:30", false, 100}, // summer time begins
		{"2026-03-29 23:59", false, 200},
		{"2026-03-30 00:00", false, 100}, // after a day of 23 hours
	} {
		if step.restart {
			cfg := r.cfg
			r = Restore(cfg, r.State(true), at(step.now))
			r.SetNetwork(net)
		}
		c.up(mac(1), "192.168.1.5", 100)
		r.SetAccounting(at(step.now), c.reading())
		s := r.Look(at(step.now))
		if got := s.Clients[0].Today[sample.Upload].Bytes; got != step.want {
			t.Errorf("%s: client %d bytes today, want %d", step.now, got, step.want)
		}
		if got := s.Today[sample.Upload].Bytes; got != step.want {
			t.Errorf("%s: household %d bytes today, want %d", step.now, got, step.want)
		}
	}
}

// TestLooking checks that who only looks changes nothing of what scrapes see.
func TestLooking(t *testing.T) {
	for name, look := range map[string]func(*Registry){
		"scraped": func(r *Registry) { r.Snapshot(t0) },
		"looked":  func(r *Registry) { r.Look(t0); r.WithHistory(t0) },
	} {
		r, c := newRegistry(), epoch("a")
		c.up(mac(1), "fd00:1::5", 500)
		c.down("192.168.1.5", 300)
		r.SetAccounting(t0, c.reading())
		look(r)
		r.SetPresence(t0, confirmed(mac(1), "192.168.1.5"))
		want := uint64(300) // nobody saw them, so they join the client
		if name == "scraped" {
			want = 0 // a counter must not jump
		}
		if got := r.Snapshot(t0).Clients[0].Internet[sample.Download].Bytes; got != want {
			t.Errorf("%s: the client shows %d bytes, want %d", name, got, want)
		}
	}
}
