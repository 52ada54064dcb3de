// Package module evaluates our NixOS modules with nixpkgs' lib alone, checks what
// NixOS would put on a machine, and keeps it below golden/.
package module

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden/ and docs/nixos-options.md instead of comparing")

// A configuration is a list of NixOS modules, as a Nix expression seen from this
// folder in which lib is nixpkgs' lib.
type configuration string

// outcome is what eval.nix says of a configuration.
type outcome struct {
	Assertions []string
	Warnings   []string
	Files      map[string]struct{ Text, Symlink *string }
}

// nix evaluates an expression to JSON. Files that it writes into the Nix store
// come to lie below store, a folder.
func nix(t *testing.T, store, expression string) ([]byte, error) {
	t.Helper()
	cmd := exec.Command("nix-instantiate", "--eval", "--strict", "--json", "--read-write-mode",
		"--store", store, "--option", "build-users-group", "",
		"--expr", fmt.Sprintf("let lib = import %q; in %s", nixpkgsLib(t), expression))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("nix-instantiate: %w\n%s", err, stderr.Bytes())
	}
	return out, nil
}

// evaluate puts an attribute of eval.nix' answer into v.
func evaluate(t *testing.T, store string, c configuration, attribute string, v any) error {
	t.Helper()
	out, err := nix(t, store, fmt.Sprintf("(import ./eval.nix { inherit lib; modules = %s; }).%s", c, attribute))
	if err != nil {
		return err
	}
	return json.Unmarshal(out, v)
}

// nixpkgsLib returns nixpkgs' lib and skips the test where there is none.
func nixpkgsLib(t *testing.T) string {
	t.Helper()
	root := os.Getenv("NIXPKGS_LIB")
	if root == "" {
		t.Skip("NIXPKGS_LIB does not say where a checkout of nixpkgs, or of its lib, is")
	}
	lib, err := filepath.Abs(filepath.Join(root, "lib"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(lib, "default.nix")); err != nil {
		t.Fatalf("NIXPKGS_LIB=%s has to be a folder with lib/default.nix in it: %v", root, err)
	}
	return lib
}

// newStore returns an empty Nix store. What is in one is read-only, which keeps an
// ordinary user from removing it.
func newStore(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() {
		_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				return os.Chmod(path, 0o755)
			}
			return err
		})
	})
	return dir
}

// Syntax is checked of every Nix file, also of those that no other test reads.
func TestNixFilesParse(t *testing.T) {
	var files []string
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && entry.Name() != ".." {
			return fs.SkipDir
		}
		if strings.HasSuffix(path, ".nix") {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("no Nix files in the checkout (%v)", err)
	}
	cmd := exec.Command("nix-instantiate", append([]string{"--parse"}, files...)...)
	cmd.Env = append(os.Environ(), "NIX_REMOTE=dummy://") // parsing needs no store
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Errorf("nix-instantiate --parse: %v\n%s", err, stderr.Bytes())
	}
}
