package dashboards

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write the assembled dashboards instead of comparing")

// What is committed is what default.nix makes of the parts, so that it can be
// imported without Nix.
func TestCommittedIsAssembled(t *testing.T) {
	for _, name := range []string{"router", "router-full", "client"} {
		t.Run(name, func(t *testing.T) {
			want := assemble(t, "-A", name)
			if *update {
				if err := os.WriteFile(name+".json", want, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got, err := os.ReadFile(name + ".json")
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s.json is not what its parts say: run 'make dashboards'", name)
			}
		})
	}
}

// A section that router-full.json lacks would be checked by nobody.
func TestFullHasEverySection(t *testing.T) {
	files, err := filepath.Glob("router/*.json")
	if err != nil {
		t.Fatal(err)
	}
	full, err := readDashboard("router-full.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		section, err := readDashboard(file)
		if err != nil {
			t.Fatal(err)
		}
		isRow := func(p panel) bool { return p.Type == "row" && p.Title == section.Title }
		if file != "router/dashboard.json" && !slices.ContainsFunc(full.Panels, isRow) {
			t.Errorf("%s is not among everySection of default.nix", file)
		}
	}
}

// Sections can be left out, put in another order and added, and no panel's id
// depends on that.
func TestChosenSections(t *testing.T) {
	var all, some dashboard
	parse := func(raw []byte, into *dashboard) {
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatal(err)
		}
	}
	parse(assemble(t, "-A", "router-full"), &all)
	parse(assemble(t, "-A", "router", "--arg", "sections",
		`[ "system" "dhcp" { title = "Extra"; id = 9000; panels = [ { type = "text"; title = "Note"; w = 24; h = 2; } ]; } "now" ]`), &some)

	titles := map[int]string{9000: "Extra", 9001: "Note"}
	for _, p := range all.Panels {
		titles[p.ID] = p.Title
	}
	var rows []string
	for i, p := range some.Panels {
		if p.Type == "row" {
			rows = append(rows, p.Title)
		}
		if p.Title != titles[p.ID] {
			t.Errorf("id %d is %q, with all sections %q", p.ID, p.Title, titles[p.ID])
		}
		l := linter{at: p.Title}
		if l.grid(&some.Panels[i], some.Panels[:i]); l.problems != nil {
			t.Error(l.problems)
		}
	}
	if want := []string{"System", "DHCP", "Extra", "Now"}; !slices.Equal(rows, want) {
		t.Errorf("rows are %q, want %q", rows, want)
	}
}

// assemble returns default.nix' answer, indented.
func assemble(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("nix-instantiate", append([]string{"--eval", "--strict", "--json", "default.nix"}, args...)...)
	cmd.Env = append(os.Environ(), "NIX_REMOTE=dummy://") // evaluation needs no store
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	raw, err := cmd.Output()
	if err != nil {
		t.Fatalf("nix-instantiate: %v\n%s", err, stderr.Bytes())
	}
	var out bytes.Buffer
	if err := json.Indent(&out, bytes.TrimSpace(raw), "", "  "); err != nil {
		t.Fatal(err)
	}
	return append(out.Bytes(), '\n')
}
