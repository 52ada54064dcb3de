package top

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/google/go-cmp/cmp"

	"router-monitoring/exporter/internal/web"
)

var update = flag.Bool("update", false, "write the golden files anew")

// household is a document as the API writes it: a client with a quota that is
// nearly used up, one that is away, one whose name tries to command the terminal.
func household(t *testing.T) *web.Document {
	t.Helper()
	n := func(v uint64) *uint64 { return &v }
	now := time.Date(2026, 1, 31, 18, 4, 5, 0, time.UTC)
	seen := now.Add(-3 * time.Hour)
	recent := func(rx ...uint64) *web.History {
		return &web.History{Recent: web.Series{End: now, StepSeconds: 5, RX: rx, TX: make([]uint64, len(rx))}, Hour: web.Series{RX: rx, TX: make([]uint64, len(rx))}}
	}
	return &web.Document{
		Time:   now,
		Router: web.Router{Hostname: "router"},
		Health: web.Health{OK: true, Sources: map[string]bool{"accounting": true}, Accounting: "forward"},
		Totals: web.Totals{Clients: 3, Online: 2, Use: web.Use{RXRate: n(2_000_000), TXRate: n(40_000), PeriodRX: 5e11, Quota: n(1e12), Connections: n(31)}},
		Clients: []web.Client{
			{
				ID: "02:00:00:00:00:01", Name: "tv", IP: "192.168.1.20", IPs: []string{"192.168.1.20", "fd00:1::20"}, MAC: "02:00:00:00:00:01",
				Type: "streaming", Vendor: "TV Company", Online: true, Interface: "br-lan", TCP: 30,
				Use:     web.Use{RXRate: n(1_900_000), TXRate: n(10_000), TodayRX: 3e9, PeriodRX: 4.5e11, Quota: n(5e11), Connections: n(30)},
				TotalRX: 9e11, History: recent(0, 500_000, 1_000_000, 1_900_000),
			},
			{
				ID: "02:00:00:00:00:02", Name: "evil\x1b]0;owned\a\u202ename", IP: "192.168.1.66", IPs: []string{"192.168.1.66"}, Online: true,
				Use: web.Use{RXRate: n(100), TXRate: n(30_000), Connections: n(1)}, History: recent(1),
			},
			{ID: "192.168.1.9", Name: "laptop", IP: "192.168.1.9", IPs: []string{"192.168.1.9"}, LastSeen: &seen, Use: web.Use{RXRate: n(0), TXRate: n(0), TodayRX: 5e6}},
		},
	}
}

func press(m *model, keys ...string) {
	special := map[string]tea.KeyType{"up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight, "enter": tea.KeyEnter, "esc": tea.KeyEsc, "backspace": tea.KeyBackspace}
	for _, k := range keys {
		msg := tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(k)}
		if code, ok := special[k]; ok {
			msg = tea.KeyMsg{Type: code}
		}
		m.Update(msg)
	}
}

func TestScreens(t *testing.T) {
	t.Setenv("TZ", "UTC")
	for name, c := range map[string]struct {
		width, height int
		keys          []string
	}{
		"wide":   {200, 12, nil},
		"usual":  {80, 24, []string{"down", "down"}},
		"phone":  {40, 10, nil},
		"client": {80, 24, []string{"down", "enter"}},
		"filter": {80, 10, []string{"/", "t", "v"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newModel(household(t), "down")
			m.Update(tea.WindowSizeMsg{Width: c.width, Height: c.height})
			press(m, c.keys...)
			got := m.View()
			if lines := strings.Count(got, "\n") + 1; lines != c.height {
				t.Errorf("%d lines on a screen of %d", lines, c.height)
			}
			golden(t, filepath.Join("testdata", name+".txt"), got)
		})
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	var trimmed strings.Builder
	for line := range strings.Lines(got) {
		trimmed.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	if *update {
		if err := os.WriteFile(path, []byte(trimmed.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), trimmed.String()); diff != "" {
		t.Errorf("if the change is meant, run go test ./exporter/internal/top -update (-file +now):\n%s", diff)
	}
}

// TestNamesCannotCommandTheTerminal looks for what is not text in all screens.
func TestNamesCannotCommandTheTerminal(t *testing.T) {
	m := newModel(household(t), "down")
	m.Update(lost{fmt.Errorf("\x1b[2J")})
	for _, screen := range []string{m.View(), m.table()} {
		if i := strings.IndexAny(screen, "\x1b\a\u202e"); i >= 0 {
			t.Errorf("%q", screen[max(0, i-20):])
		}
	}
}

// TestSmallScreens draws into every size there is.
func TestSmallScreens(t *testing.T) {
	m := newModel(household(t), "down")
	press(m, "down")
	for _, open := range []bool{false, true} {
		m.open = open
		for width := range 60 {
			for height := range 12 {
				m.Update(tea.WindowSizeMsg{Width: width, Height: height})
				m.View()
			}
		}
	}
}

func TestKeys(t *testing.T) {
	m := newModel(household(t), "down")
	first := func() string { return m.found()[0].Name }
	for _, step := range []struct {
		keys []string
		want string
	}{
		{nil, "tv"},
		{[]string{"right"}, "evil\x1b]0;owned\a\u202ename"}, // by upload
		{[]string{"right"}, "evil\x1b]0;owned\a\u202ename"}, // by name
		{[]string{"r"}, "tv"},
		{[]string{"/", "l", "a", "p", "enter"}, "laptop"},
		{[]string{"esc", "left", "left"}, "tv"},
	} {
		press(m, step.keys...)
		if got := first(); got != step.want {
			t.Errorf("after %v the first is %q, want %q", step.keys, got, step.want)
		}
	}
	if _, cmd := m.Update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("q")}); cmd == nil {
		t.Error("q does not quit")
	}
}

// TestCursorStaysWithItsClient: rows move each second, the cursor must not.
func TestCursorStaysWithItsClient(t *testing.T) {
	m := newModel(household(t), "down")
	press(m, "down", "enter")
	next := household(t)
	next.Clients[2].RXRate = new(uint64(9e9))
	m.Update((*snapshot)(next))
	if c := m.client(); c == nil || c.Name != "tv" {
		t.Errorf("the cursor is at %v", c)
	}
	next = household(t)
	next.Clients = next.Clients[2:]
	m.Update((*snapshot)(next))
	if !strings.Contains(m.View(), "laptop") {
		t.Error("the client under the cursor has gone, and no list is shown")
	}
}

// TestDocumentSurvives makes sure that what the API writes can be read back.
func TestDocumentSurvives(t *testing.T) {
	text, err := json.Marshal(household(t))
	if err != nil {
		t.Fatal(err)
	}
	var back web.Document
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(household(t), &back); diff != "" {
		t.Error(diff)
	}
}
