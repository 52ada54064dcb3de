package live

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// page is a tab of the browser. It remembers all that a visitor's console would
// complain of.
type page struct {
	t       *testing.T
	browser *browser
	session string

	mu       sync.Mutex
	problems []string
}

// open makes a tab, before anything is loaded into it.
func (b *browser) open(t *testing.T) *page {
	t.Helper()
	var target struct{ TargetID string }
	result, err := b.call("", "Target.createTarget", map[string]any{"url": "about:blank"})
	if err == nil {
		err = json.Unmarshal(result, &target)
	}
	if err != nil {
		t.Fatal(err)
	}
	var attached struct{ SessionID string }
	result, err = b.call("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true})
	if err == nil {
		err = json.Unmarshal(result, &attached)
	}
	if err != nil {
		t.Fatal(err)
	}
	p := &page{t: t, browser: b, session: attached.SessionID}
	b.mu.Lock()
	b.pages[p.session] = p
	b.mu.Unlock()
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		p.call(domain+".enable", nil)
	}
	t.Cleanup(func() { _, _ = b.call("", "Target.closeTarget", map[string]any{"targetId": target.TargetID}) })
	return p
}

func (p *page) call(method string, params map[string]any) json.RawMessage {
	p.t.Helper()
	result, err := p.browser.call(p.session, method, params)
	if err != nil {
		p.t.Fatal(err)
	}
	return result
}

// note keeps errors: thrown ones, those written to the console, violations of the
// Content-Security-Policy, and answers that are none.
func (p *page) note(method string, params json.RawMessage) {
	var e struct {
		Type     string
		Entry    struct{ Level, Text, URL string }
		Response struct {
			Status int
			URL    string
		}
	}
	_ = json.Unmarshal(params, &e)
	bad := method == "Runtime.exceptionThrown" ||
		method == "Runtime.consoleAPICalled" && (e.Type == "error" || e.Type == "warning" || e.Type == "assert") ||
		method == "Log.entryAdded" && (e.Entry.Level == "error" || e.Entry.Level == "warning") ||
		method == "Network.responseReceived" && e.Response.Status >= 400
	if bad {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.problems = append(p.problems, fmt.Sprintf("%s: %.600s", method, params))
	}
}

// checkConsole fails where a visitor's console would complain, and forgets it.
func (p *page) checkConsole(when string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, problem := range p.problems {
		p.t.Errorf("%s: %s", when, problem)
	}
	p.problems = nil
}

func (p *page) load(url string) {
	p.t.Helper()
	p.call("Page.navigate", map[string]any{"url": url})
	p.await(`document.readyState === "complete" && location.href !== "about:blank"`)
}

// eval gives the value of a JavaScript expression.
func eval[T any](p *page, expression string) (value T) {
	p.t.Helper()
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	text := p.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true})
	if err := json.Unmarshal(text, &r); err != nil || r.ExceptionDetails != nil {
		p.t.Fatalf("%s: %v %.500s", expression, err, r.ExceptionDetails)
	}
	if err := json.Unmarshal(r.Result.Value, &value); err != nil {
		p.t.Fatalf("%s: %v: %.500s", expression, err, text)
	}
	return value
}

// await waits until an expression is true, and tells how long that took.
func (p *page) await(expression string) time.Duration {
	p.t.Helper()
	start := time.Now()
	for !eval[bool](p, "Boolean("+expression+")") {
		if time.Since(start) > patience {
			p.t.Fatalf("waited in vain for %s; the page says:\n%.1500s", expression, eval[string](p, "document.body.innerText"))
		}
		time.Sleep(50 * time.Millisecond)
	}
	return time.Since(start)
}

// press types keys of which the page is to know the names.
func (p *page) press(keys ...string) {
	p.t.Helper()
	codes := map[string]int{"Tab": 9, "Enter": 13}
	for _, key := range keys {
		down := map[string]any{"type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": codes[key]}
		if key == "Enter" {
			down["text"] = "\r"
		}
		p.call("Input.dispatchKeyEvent", down)
		p.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": codes[key]})
	}
}

// tabTo presses the tabulator until an expression is true.
func (p *page) tabTo(expression string) {
	p.t.Helper()
	for range 40 {
		if eval[bool](p, "Boolean("+expression+")") {
			return
		}
		p.press("Tab")
	}
	p.t.Fatalf("the tabulator does not lead to %s", expression)
}

func (p *page) write(text string) {
	p.t.Helper()
	p.call("Input.insertText", map[string]any{"text": text})
}

// look makes the window as wide as a device's and choose its colours.
func (p *page) look(width, height int, scale float64, colours string) {
	p.t.Helper()
	p.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600})
	p.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": colours}}})
}

// picture is a PNG of the whole page, or of its top.
func (p *page) picture(top int) []byte {
	p.t.Helper()
	size := eval[[2]int](p, "[innerWidth, document.documentElement.scrollHeight]")
	if top > 0 {
		size[1] = min(size[1], top)
	}
	var shot struct{ Data string }
	text := p.call("Page.captureScreenshot", map[string]any{
		"captureBeyondViewport": true, "clip": map[string]any{"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1},
	})
	if err := json.Unmarshal(text, &shot); err != nil {
		p.t.Fatal(err)
	}
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		p.t.Fatal(err)
	}
	return png
}

// column gives the texts of one column of the table.
func (p *page) column(selector string) []string {
	p.t.Helper()
	all := eval[string](p, fmt.Sprintf("[...document.querySelectorAll(%q)].map((n) => n.textContent).join('\\n')", "#clients tbody "+selector))
	return strings.Split(all, "\n")
}
