package module

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const packageFile = "../../exporter/package.nix"

// TestVendorHash asks for what nixpkgs' buildGoModule asks for: the hash of the
// folder that `go mod vendor` makes of the package's sources.
func TestVendorHash(t *testing.T) {
	src := t.TempDir()
	for _, path := range []string{"go.mod", "go.sum", "exporter", "tests/lab"} {
		to := filepath.Join(src, path)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		execute(t, ".", "cp", "-r", filepath.Join("../..", path), to)
	}
	execute(t, src, "go", "mod", "vendor")
	want := strings.TrimSpace(execute(t, src, "nix", "--extra-experimental-features", "nix-command", "hash", "path", "vendor"))

	file, err := os.ReadFile(packageFile)
	if err != nil {
		t.Fatal(err)
	}
	setting := regexp.MustCompile(`vendorHash = "([^"]*)"`)
	got := setting.FindSubmatch(file)
	switch {
	case got == nil:
		t.Fatalf("%s has no vendorHash", packageFile)
	case string(got[1]) == want:
	case *update:
		if err := os.WriteFile(packageFile, bytes.Replace(file, got[1], []byte(want), 1), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s: vendorHash is %s, the dependencies' is %s: write that, or run 'go test ./tests/module -run TestVendorHash -update'", packageFile, got[1], want)
	}
}

func execute(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.Bytes())
	}
	return string(out)
}

// TestLock asks whether the lock holds all inputs of the flake, so that using it
// needs no network but for fetching them.
func TestLock(t *testing.T) {
	flake := t.TempDir()
	for _, file := range []string{"flake.nix", "flake.lock"} {
		execute(t, ".", "cp", filepath.Join("../..", file), flake)
	}
	t.Setenv("NIX_REMOTE", "local?root="+t.TempDir())
	t.Setenv("HOME", t.TempDir())
	execute(t, flake, "nix", "--offline", "--extra-experimental-features", "nix-command flakes",
		"flake", "metadata", "--no-update-lock-file", "path:"+flake)
}
