package live

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"router-monitoring/tests/lab"
)

var (
	pictures = flag.String("pictures", "", "folder to draw the pictures of docs/live.md into")
	after    = flag.Duration("after", 6*time.Minute, "how long clients are busy before that")
)

// TestPictures draws the page as it is with a household of 25 clients, if asked to.
func TestPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("draws pictures: -args -pictures=FOLDER")
	}
	l, config := household(t)
	e := newExporter(t, config)
	ctx, cancel := context.WithCancel(t.Context())
	played := make(chan error, 1)
	go func() {
		_, err := l.Play(ctx, 0)
		played <- err
	}()
	time.Sleep(*after)
	b := newBrowser(t)
	tv := "/client/" + l.Client("tv-livingroom").MAC.String()
	for _, shot := range []struct {
		name, path, colours string
		width               int
		top                 int
	}{
		{"live-dark", "/", "dark", 1280, 900},
		{"live-light", "/", "light", 1280, 900},
		{"live-phone", "/", "dark", 390, 844},
		{"live-phone-light", "/", "light", 390, 844},
		{"live-client", tv, "dark", 1280, 0},
	} {
		p := b.open(t)
		scale := 1.0
		if shot.width < 600 {
			scale = 2
		}
		p.call("Emulation.setLocaleOverride", map[string]any{"locale": "en-GB"})
		p.look(shot.width, 900, scale, shot.colours)
		p.load(e.url(shot.path))
		p.await(`document.getElementById("state").textContent === "Live:"`)
		time.Sleep(4 * time.Second)
		p.checkConsole(shot.name)
		if err := os.WriteFile(filepath.Join(*pictures, shot.name+".png"), p.picture(shot.top), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-played; err != nil {
		t.Error(err)
	}
}

// household is a lab of 25 clients, some of them with quotas, and what its owner
// tells the exporter.
func household(t *testing.T) (*lab.Lab, string) {
	t.Helper()
	profile, err := lab.LoadProfile("n5105-25-clients")
	if err != nil {
		t.Fatal(err)
	}
	l, err := lab.New(profile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	quotas := map[string]string{"tv-livingroom": "3GB", "console": "5GB", "nas": "1GB"}
	var config strings.Builder
	config.WriteString("quota: {bytes: 20GB, billing_day: 1}\nclients:\n")
	for _, c := range l.Profile.Clients {
		fmt.Fprintf(&config, "  - {name: %q, mac: %q, ip: [%s, %q]", c.Name, c.MAC, c.IPv4, c.IPv6)
		if c.Type != "" {
			fmt.Fprintf(&config, ", type: %q", c.Type)
		}
		if quota := quotas[c.Name]; quota != "" {
			fmt.Fprintf(&config, ", quota: {bytes: %s}", quota)
		}
		config.WriteString("}\n")
	}
	return l, config.String()
}
