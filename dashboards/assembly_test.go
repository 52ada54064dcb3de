package dashboards

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"testing"
)

var update = flag.Bool("update", false, "write the assembled dashboards instead of comparing")

// What is committed is what default.nix makes of the parts, so that it can be
// imported without Nix.
func TestCommittedIsAssembled(t *testing.T) {
	for _, name := range []string{"router", "client"} {
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

// Sections can be left out, put in another order and added, and no panel's id
// depends on that.
func TestChosenSections(t *testing.T) {
	var all, some dashboard
	parse := func(raw []byte, into *dashboard) {
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatal(err)
		}
	}
	parse(assemble(t, "-A", "router"), &all)
	parse(assemble(t, "-A", "router", "--arg", "sections",
		`[ "system" { title = "Extra"; id = 9000; panels = [ { type = "text"; title = "Note"; w = 24; h = 2; } ]; } "now" ]`), &some)

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
	if len(rows) != 3 || rows[0] != "System" || rows[1] != "Extra" || rows[2] != "Now" {
		t.Errorf("rows are %q", rows)
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
