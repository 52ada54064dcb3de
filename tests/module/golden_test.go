package module

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What NixOS would put on the machines of cases/ and of the VM tests is committed,
// so that a change of it is seen, and for tests where nixpkgs' lib is not at hand.
func TestGolden(t *testing.T) {
	all := configurations(t)
	t.Cleanup(func() { stale(t, all) })
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := newStore(t)
			var o outcome
			if err := evaluate(t, store, c, "outcome", &o); err != nil {
				t.Fatal(err)
			}
			for _, message := range o.Assertions {
				t.Errorf("NixOS would refuse it: %s", message)
			}
			compare(t, newTree(t, store, o), filepath.Join("golden", name))
		})
	}
}

// configurations returns those of cases/*.nix and the machines of the VM tests.
func configurations(t *testing.T) map[string]configuration {
	t.Helper()
	all := map[string]configuration{}
	for _, path := range glob(t, "cases/*.nix") {
		all[base(path)] = configuration("[ ./" + path + " ]")
	}
	for _, path := range glob(t, "../vm/*.nix") {
		if test := base(path); test != "default" {
			nodes := fmt.Sprintf("import ./nodes.nix { inherit lib; test = %s; }", path)
			for _, machine := range attributes(t, nodes) {
				all["vm-"+test+"-"+machine] = configuration("(" + nodes + ")." + machine)
			}
		}
	}
	return all
}

func attributes(t *testing.T, expression string) (names []string) {
	t.Helper()
	out, err := nix(t, newStore(t), "builtins.attrNames ("+expression+")")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &names); err != nil {
		t.Fatal(err)
	}
	return names
}

// compare compares a tree with the committed one, or commits it.
func compare(t *testing.T, want tree, root string) {
	t.Helper()
	if t.Failed() {
		return
	}
	if *update {
		if err := os.RemoveAll(root); err != nil {
			t.Fatal(err)
		}
		if err := want.write(root); err != nil {
			t.Fatal(err)
		}
	}
	got := readTree(t, root)
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if diff := cmp.Diff(shown(got, path), shown(want, path)); diff != "" {
			t.Errorf("%s%s is not what the module makes now (-committed +now):\n%s", root, path, diff)
		}
		delete(got, path)
	}
	for path := range got {
		t.Errorf("%s%s is not there anymore", root, path)
	}
	if t.Failed() {
		t.Log("if that is intended: go test ./tests/module -update")
	}
}

// shown is a file of a tree as lines.
func shown(files tree, path string) []string {
	f, exists := files[path]
	if !exists {
		return nil
	}
	return append([]string{f.mode.String()}, strings.Split(f.text, "\n")...)
}

// stale finds trees of configurations that are gone.
func stale(t *testing.T, all map[string]configuration) {
	for _, root := range glob(t, "golden/*") {
		if _, exists := all[filepath.Base(root)]; exists {
			continue
		}
		if !*update {
			t.Errorf("%s belongs to no configuration: go test ./tests/module -update removes it", root)
		} else if err := os.RemoveAll(root); err != nil {
			t.Error(err)
		}
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s here (%v)", pattern, err)
	}
	return files
}

func base(path string) string {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
}
