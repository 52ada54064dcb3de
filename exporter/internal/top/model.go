package top

import (
	"slices"
	"strings"
	"unicode/utf8"

	tea "github.com/charmbracelet/bubbletea"

	"router-monitoring/exporter/internal/web"
)

// Messages that come over the API.
type (
	snapshot web.Document // a second's
	history  web.Document // with what was moved lately
	lost     struct{ err error }
)

// model is all that the screen depends on.
type model struct {
	now    *web.Document
	lately map[string]*web.History // by client
	err    error                   // of the connection; nil while it stands

	sort, filter  string
	filtering     bool   // keys go to the filter
	chosen        string // the client under the cursor; empty while nobody moved it
	open          bool   // it fills the screen
	first         int    // row at the top of the list
	width, height int
}

func newModel(d *web.Document, sort string) *model {
	m := &model{sort: sort, width: 80, height: 24}
	m.remember(d)
	m.now = d
	return m
}

func (m *model) Init() tea.Cmd { return nil }

// Update takes a message to the model, which it changes in place.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case *snapshot:
		m.now, m.err = (*web.Document)(msg), nil
	case *history:
		m.remember((*web.Document)(msg))
	case lost:
		m.err = msg.err
	case tea.KeyMsg:
		if m.filtering {
			return m, m.type_(msg)
		}
		return m, m.press(msg.String())
	}
	return m, nil
}

func (m *model) remember(d *web.Document) {
	m.lately = make(map[string]*web.History, len(d.Clients))
	for i := range d.Clients {
		m.lately[d.Clients[i].ID] = d.Clients[i].History
	}
}

// press does what a key stands for.
func (m *model) press(key string) tea.Cmd {
	switch key {
	case "q", "ctrl+c":
		return tea.Quit
	case "ctrl+z":
		return tea.Suspend
	case "esc", "backspace":
		m.back()
	case "enter":
		m.open = m.chosen != "" || m.move(0)
	case "/":
		m.filtering, m.open = true, false
	case "up", "k":
		m.move(-1)
	case "down", "j":
		m.move(1)
	case "pgup":
		m.move(-m.rows())
	case "pgdown", " ":
		m.move(m.rows())
	case "home", "g":
		m.move(-len(m.now.Clients))
	case "end", "G":
		m.move(len(m.now.Clients))
	case "left", "<":
		m.resort(-1)
	case "right", ">", "s":
		m.resort(1)
	case "r":
		m.reverse()
	}
	return nil
}

// back leaves what was entered last.
func (m *model) back() {
	switch {
	case m.open:
		m.open = false
	case m.filter != "":
		m.filter = ""
	default:
		m.chosen, m.first = "", 0
	}
}

// type_ takes a key to the filter.
func (m *model) type_(msg tea.KeyMsg) tea.Cmd {
	switch msg.Type {
	case tea.KeyCtrlC:
		return tea.Quit
	case tea.KeyEnter, tea.KeyDown, tea.KeyUp:
		m.filtering = false
	case tea.KeyEsc:
		m.filtering, m.filter = false, ""
	case tea.KeyBackspace:
		_, n := utf8.DecodeLastRuneInString(m.filter)
		m.filter = m.filter[:len(m.filter)-n]
	case tea.KeyRunes, tea.KeySpace:
		if len(m.filter) < 64 {
			m.filter += clean(string(msg.Runes))
		}
	}
	return nil
}

// move moves the cursor by so many rows, and reports whether there is a row.
func (m *model) move(by int) bool {
	found := m.found()
	if len(found) == 0 {
		return false
	}
	at := slices.IndexFunc(found, func(c *web.Client) bool { return c.ID == m.chosen })
	if at < 0 {
		at, by = m.first, max(by-1, 0)
	}
	at = min(max(at+by, 0), len(found)-1)
	m.chosen = found[at].ID
	m.first = min(max(m.first, at-m.rows()+1), at)
	return true
}

// resort goes to another column; the way round is that column's own.
func (m *model) resort(by int) {
	keys := web.Orders()
	at := slices.Index(keys, strings.TrimPrefix(m.sort, "-"))
	m.sort = keys[(at+by+len(keys))%len(keys)]
}

func (m *model) reverse() {
	if key, reversed := strings.CutPrefix(m.sort, "-"); reversed {
		m.sort = key
	} else {
		m.sort = "-" + m.sort
	}
}

// found are the clients that the filter lets through, sorted.
func (m *model) found() []*web.Client {
	found, _ := web.Arrange(m.now.Clients, m.sort, m.filter)
	return found
}

// client is the chosen one; nil if it is gone.
func (m *model) client() *web.Client {
	i := slices.IndexFunc(m.now.Clients, func(c web.Client) bool { return c.ID == m.chosen })
	if i < 0 {
		return nil
	}
	return &m.now.Clients[i]
}
