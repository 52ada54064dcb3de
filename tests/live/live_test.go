// Package live looks at the live page as its visitors do: with a browser, at the
// exporter of a router on which clients are busy.
package live

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"router-monitoring/tests/lab"
)

func TestMain(m *testing.M) {
	lab.Isolate()
	os.Exit(m.Run())
}

// hostile is a name that a page must show as it is.
const hostile = `<img src=x onerror="document.title=1">`

// exporter is a running one.
type exporter struct {
	program, config, address string
	cmd                      *exec.Cmd
}

func newExporter(t *testing.T, config string) *exporter {
	t.Helper()
	dir := t.TempDir()
	e := &exporter{program: filepath.Join(dir, "network-metrics-exporter"), config: filepath.Join(dir, "config.yml"), address: freeAddress(t)}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", e.program, "router-monitoring/exporter").CombinedOutput(); err != nil {
		t.Fatalf("build the exporter: %v\n%s", err, out)
	}
	config += fmt.Sprintf("lan: {interfaces: [%s]}\nwan: {interfaces: [%s]}\nstate_dir: %s\n", lab.BrLAN.Name, lab.WAN, filepath.Join(dir, "state"))
	if err := os.WriteFile(e.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.stop)
	e.start(t)
	return e
}

func (e *exporter) start(t *testing.T) {
	t.Helper()
	e.cmd = exec.Command("sh", "-c", `echo router >/proc/sys/kernel/hostname; exec "$0" "$@"`,
		e.program, "--config.file="+e.config, "--web.listen-address="+e.address)
	e.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUTS} // which the page tells its name of
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		res, err := http.Get(e.url("/-/ready"))
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("the exporter does not become ready")
		}
	}
}

func (e *exporter) stop() {
	if e.cmd != nil {
		_ = e.cmd.Process.Signal(syscall.SIGTERM)
		_ = e.cmd.Wait()
		e.cmd = nil
	}
}

func (e *exporter) url(path string) string { return "http://" + e.address + path }

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// download lets a client receive at a rate until the test ends.
func download(t *testing.T, l *lab.Lab, client string, rate lab.Rate) {
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	go func() {
		_, err := l.UDP(ctx, lab.Flow{Client: client, Direction: lab.Down, Rate: rate, Duration: 5 * time.Minute})
		done <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestBrowser(t *testing.T) {
	parent := t
	l, err := lab.New(lab.Profile{Clients: []lab.Client{{Name: "alice"}, {Name: "bob"}, {Name: "carol"}, {Name: "mallory"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	e := newExporter(t, fmt.Sprintf(`
clients:
  - {name: alice, mac: "%s", type: laptop, quota: {bytes: 1GB}}
  - {name: bob, mac: "%s", type: console}
  - {name: carol, mac: "%s"}
  - {name: '%s', mac: "%s"}
`, l.Client("alice").MAC, l.Client("bob").MAC, l.Client("carol").MAC, hostile, l.Client("mallory").MAC))
	b := newBrowser(t)
	download(t, l, "alice", 1e6)

	t.Run("hog rises to the top", func(t *testing.T) {
		risesToTheTop(t, b, e, func(rate lab.Rate) { download(parent, l, "bob", rate) })
	})
	t.Run("words", func(t *testing.T) { words(t, b, e) })
	t.Run("sort", func(t *testing.T) { sorts(t, b, e) })
	t.Run("filter", func(t *testing.T) { filters(t, b, e) })
	t.Run("hostile name", func(t *testing.T) { hostileName(t, b, e) })
	t.Run("keyboard", func(t *testing.T) { keyboard(t, b, e) })
	t.Run("phone", func(t *testing.T) { phone(t, b, e) })
	t.Run("without a script", func(t *testing.T) { withoutScript(t, b, e) })
	t.Run("one client", func(t *testing.T) { oneClient(t, b, e, l) })
	t.Run("below a path", func(t *testing.T) { belowAPath(t, b, e) })
	t.Run("restart", func(t *testing.T) { restart(t, b, e) })
}

// live opens the page and waits until it follows the stream.
func live(t *testing.T, b *browser, url string) *page {
	t.Helper()
	p := b.open(t)
	p.load(url)
	p.await(`document.getElementById("state").textContent === "Live:"`)
	return p
}

const firstRow = `document.querySelector("#clients tbody tr")`

func risesToTheTop(t *testing.T, b *browser, e *exporter, download func(lab.Rate)) {
	p := live(t, b, e.url("/"))
	p.await(firstRow + `.querySelector("a").textContent === "alice"`)
	const rate = 8e6
	download(rate)
	if took := p.await(firstRow + `.querySelector("a").textContent === "bob"`); took > 3*time.Second {
		t.Errorf("it took %s", took)
	}
	shown := fmt.Sprintf(`Math.abs(parseFloat(%s.querySelector("td.down .value").textContent) * 1e6 - %v) < %v`, firstRow, rate, rate/20)
	if took := p.await(shown); took > 3*time.Second {
		t.Errorf("the right rate took %s", took)
	}
	p.await(firstRow + `.querySelector("td.down rect").getAttribute("width") > 90`)
	p.await(firstRow + `.querySelector("td.recent path.down").getAttribute("d").length > 20`)
	p.checkConsole("a minute of use")
}

// words asks the script for all that the server says of the same values.
func words(t *testing.T, b *browser, e *exporter) {
	text, err := os.ReadFile("../../exporter/internal/web/testdata/words.json")
	if err != nil {
		t.Fatal(err)
	}
	p := live(t, b, e.url("/"))
	faults := eval[[]string](p, fmt.Sprintf(`import("/live/words.js").then((words) => %s
		.map(({ function: name, args, want }) => [name, args, want, words[name](...args)])
		.filter(([, , want, got]) => want !== got)
		.map((fault) => JSON.stringify(fault)))`, text))
	for _, fault := range faults {
		t.Error("function, arguments, the server, the script:", fault)
	}
	p.checkConsole("words")
}

func sorts(t *testing.T, b *browser, e *exporter) {
	p := live(t, b, e.url("/"))
	names := []string{hostile, "alice", "bob", "carol"}
	for _, direction := range []string{"ascending", "descending"} {
		eval[bool](p, `document.querySelector("th.name a").click() ?? true`)
		if diff := cmp.Diff(names, p.column(".name a")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", direction, diff)
		}
		if got := eval[string](p, `document.querySelector("th.name").getAttribute("aria-sort")`); got != direction {
			t.Errorf("aria-sort is %q, want %q", got, direction)
		}
		slices.Reverse(names)
	}
	p.load(eval[string](p, "location.href")) // the address keeps the order
	p.await(`document.getElementById("state").textContent === "Live:"`)
	if got := p.column(".name a"); got[0] != "carol" {
		t.Errorf("after loading it again the order is %v", got)
	}
	eval[bool](p, `(() => { const s = document.getElementById("sort"); s.value = "today"; s.dispatchEvent(new Event("change")); return true })()`)
	if got := p.column(".name a"); got[0] != "bob" {
		t.Errorf("sorted by today the order is %v", got)
	}
	p.checkConsole("sorting")
}

func filters(t *testing.T, b *browser, e *exporter) {
	p := live(t, b, e.url("/"))
	eval[bool](p, `document.getElementById("q").focus() ?? true`)
	p.write("CONS bo")
	p.await(`document.querySelectorAll("#clients tbody tr").length === 1`)
	if got := p.column(".name a"); got[0] != "bob" {
		t.Errorf("found %v", got)
	}
	if got := eval[string](p, `document.getElementById("found").textContent`); got != "1 client" {
		t.Errorf("it says %q", got)
	}
	time.Sleep(2200 * time.Millisecond) // two snapshots
	if got := p.column(".name a"); len(got) != 1 {
		t.Errorf("later there are %v", got)
	}
	p.load(eval[string](p, "location.href"))
	p.await(`document.querySelectorAll("#clients tbody tr").length === 1`)
	p.checkConsole("filtering")
}

func hostileName(t *testing.T, b *browser, e *exporter) {
	p := live(t, b, e.url("/?q=alice")) // so that the script makes the row
	eval[bool](p, `(() => { const q = document.getElementById("q"); q.value = ""; q.dispatchEvent(new Event("input")); return true })()`)
	for _, by := range []string{"the script", "the server"} {
		if got := p.column(".name a"); !slices.Contains(got, hostile) {
			t.Errorf("%s shows the name as %q", by, got)
		}
		if n := eval[int](p, `document.querySelectorAll("img").length`); n > 0 {
			t.Errorf("%s made %d images", by, n)
		}
		p.load(e.url("/"))
	}
	p.load(eval[string](p, fmt.Sprintf(`[...document.querySelectorAll("#clients a")].find((a) => a.textContent === %q).href`, hostile)))
	if got := eval[string](p, `document.querySelector("h1 span").textContent`); got != hostile {
		t.Errorf("its own page says %q", got)
	}
	p.checkConsole("a hostile name")
	// What if something did get in? The policy keeps it from running.
	eval[bool](p, fmt.Sprintf(`(() => { document.getElementById("what").innerHTML = %q; return true })()`, hostile))
	time.Sleep(300 * time.Millisecond)
	if got := eval[string](p, "document.title"); got == "1" {
		t.Error("a script in the page's text was run")
	}
}

func keyboard(t *testing.T, b *browser, e *exporter) {
	p := live(t, b, e.url("/"))
	p.tabTo(`document.activeElement.closest("th")?.dataset.sort === "name"`)
	p.press("Enter")
	p.await(`document.querySelector("th.name").getAttribute("aria-sort") === "ascending"`)
	p.tabTo(`document.activeElement.closest("tbody")`)
	before := eval[string](p, "document.activeElement.textContent")
	eval[bool](p, `(() => { const s = document.getElementById("sort"); s.value = "down"; s.dispatchEvent(new Event("change")); return true })()`)
	time.Sleep(1200 * time.Millisecond)
	if after := eval[string](p, "document.activeElement.textContent"); before == "" || after != before {
		t.Errorf("the focus was on %q and is on %q", before, after)
	}
	p.press("Enter")
	p.await(`location.pathname.startsWith("/client/")`)
	p.checkConsole("the keyboard")
}

func phone(t *testing.T, b *browser, e *exporter) {
	bob := eval[string](live(t, b, e.url("/")), firstRow+".dataset.id")
	p := b.open(t) // from now on the one that is seen
	for _, width := range []int{320, 390} {
		p.look(width, 844, 2, "light")
		for _, path := range []string{"/", "/client/" + bob} {
			p.load(e.url(path))
			p.await(`document.getElementById("state").textContent === "Live:"`)
			if wide := eval[int](p, "document.documentElement.scrollWidth"); wide > width {
				t.Errorf("%s is %d px wide on a phone of %d px", path, wide, width)
			}
		}
	}
	p.checkConsole("a phone")
}

func withoutScript(t *testing.T, b *browser, e *exporter) {
	p := b.open(t)
	p.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": true})
	p.load(e.url("/?sort=name&q=bob"))
	if got := p.column(".name a"); len(got) != 1 || got[0] != "bob" {
		t.Errorf("it shows %v", got)
	}
	if got := p.column(".down .value"); !strings.HasSuffix(got[0], "Mbit/s") {
		t.Errorf("the rate is %q", got)
	}
	if got := eval[string](p, `document.querySelector("noscript meta").getAttribute("http-equiv")`); got != "refresh" {
		t.Error("it is not loaded again")
	}
	p.load(eval[string](p, `document.querySelector("#clients th.name a").href`))
	if got := p.column(".name a"); len(got) != 1 {
		t.Errorf("the other way round it shows %v", got)
	}
	p.checkConsole("no script")
}

func oneClient(t *testing.T, b *browser, e *exporter, l *lab.Lab) {
	bob := l.Client("bob")
	p := live(t, b, e.url("/client/"+bob.MAC.String()))
	p.await(`document.getElementById("down").textContent.endsWith("Mbit/s")`)
	if got := eval[string](p, `document.getElementById("ips").textContent`); !strings.Contains(got, bob.IPv4.String()) {
		t.Errorf("its addresses are %q", got)
	}
	p.await(`document.querySelector("#recent path.down").getAttribute("d").length > 20`)
	p.checkConsole("one client")
	p.load(e.url("/client/nobody"))
	if got := eval[string](p, `document.querySelector("h1").textContent`); got != "No client has this address" {
		t.Errorf("of nobody it says %q", got)
	}
}

// belowAPath reaches the page through a proxy that serves it elsewhere.
func belowAPath(t *testing.T, b *browser, e *exporter) {
	to, err := url.Parse(e.url(""))
	if err != nil {
		t.Fatal(err)
	}
	proxy := &http.Server{Addr: freeAddress(t), Handler: http.StripPrefix("/my/router", httputil.NewSingleHostReverseProxy(to))}
	go func() { _ = proxy.ListenAndServe() }()
	t.Cleanup(func() { proxy.Close() })
	p := live(t, b, "http://"+proxy.Addr+"/my/router/")
	p.load(eval[string](p, firstRow+`.querySelector("a").href`))
	p.await(`document.getElementById("state").textContent === "Live:"`)
	p.load(eval[string](p, `document.querySelector(".back a").href`))
	p.await(`document.querySelectorAll("#clients tbody tr").length === 4`)
	p.checkConsole("below a path")
}

// restart ends the exporter while somebody looks.
func restart(t *testing.T, b *browser, e *exporter) {
	p := live(t, b, e.url("/"))
	start := time.Now()
	e.stop()
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("a viewer held up its end for %s", took)
	}
	p.await(`document.getElementById("state").textContent.startsWith("Connection lost")`)
	e.start(t)
	p.await(`document.getElementById("state").textContent === "Live:"`)
	p.await(`document.querySelectorAll("#clients tbody tr").length === 4`)
}
