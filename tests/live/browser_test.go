package live

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// patience bounds every wait for the browser.
const patience = 20 * time.Second

// browser is a Chromium that is driven over a pair of pipes, in the DevTools
// protocol: JSON messages, each with a zero byte behind it
// (https://chromedevtools.github.io/devtools-protocol, --remote-debugging-pipe).
type browser struct {
	commands *os.File

	mu      sync.Mutex
	last    int
	waiting map[int]chan reply
	pages   map[string]*page // by session
	closed  error
}

type reply struct {
	ID        int             `json:"id"`
	Method    string          `json:"method"`
	SessionID string          `json:"sessionId"`
	Params    json.RawMessage `json:"params"`
	Result    json.RawMessage `json:"result"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// chromium finds the browser, under the names that distributions give it.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("Chromium is missing: apt-get install chromium")
	return ""
}

// newBrowser starts a browser without a window that knows nothing and ends with
// the test.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	readCommands, commands, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, writeAnswers, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(chromium(t), "--headless", "--remote-debugging-pipe", "--user-data-dir="+t.TempDir(),
		"--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-extensions",
		"--no-sandbox") // root has none, and what is shown is ours
	cmd.ExtraFiles = []*os.File{readCommands, writeAnswers} // its descriptors 3 and 4
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	readCommands.Close()
	writeAnswers.Close()
	b := &browser{commands: commands, waiting: map[int]chan reply{}, pages: map[string]*page{}}
	go b.listen(answers)
	t.Cleanup(func() {
		_, _ = b.call("", "Browser.close", nil)
		commands.Close()
		_ = cmd.Wait()
		answers.Close()
	})
	return b
}

// listen hands out what the browser says until it ends.
func (b *browser) listen(answers *os.File) {
	in := bufio.NewReaderSize(answers, 1<<20)
	for {
		text, err := in.ReadBytes(0)
		if err != nil {
			b.end(err)
			return
		}
		var r reply
		if err := json.Unmarshal(text[:len(text)-1], &r); err != nil {
			b.end(err)
			return
		}
		b.mu.Lock()
		wanted, p := b.waiting[r.ID], b.pages[r.SessionID]
		delete(b.waiting, r.ID)
		b.mu.Unlock()
		switch {
		case r.ID != 0 && wanted != nil:
			wanted <- r
		case r.Method != "" && p != nil:
			p.note(r.Method, r.Params)
		}
	}
}

func (b *browser) end(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = fmt.Errorf("the browser ended: %w", err)
	for _, wanted := range b.waiting {
		close(wanted)
	}
	clear(b.waiting)
}

// call sends a command, to a page if there is a session, and waits for its result.
func (b *browser) call(session, method string, params map[string]any) (json.RawMessage, error) {
	wanted := make(chan reply, 1)
	b.mu.Lock()
	if b.closed != nil {
		defer b.mu.Unlock()
		return nil, b.closed
	}
	b.last++
	message := map[string]any{"id": b.last, "method": method, "params": params}
	if session != "" {
		message["sessionId"] = session
	}
	if params == nil {
		delete(message, "params")
	}
	b.waiting[b.last] = wanted
	text, err := json.Marshal(message)
	if err == nil {
		_, err = b.commands.Write(append(text, 0))
	}
	b.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	select {
	case r, ok := <-wanted:
		switch {
		case !ok:
			return nil, fmt.Errorf("%s: the browser ended", method)
		case r.Error != nil:
			return nil, fmt.Errorf("%s: %s", method, r.Error.Message)
		}
		return r.Result, nil
	case <-time.After(patience):
		return nil, fmt.Errorf("%s: no answer", method)
	}
}
