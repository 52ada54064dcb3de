package module

import (
	"os"
	"strings"
	"testing"
)

// TestExampleIsQuoted: what is evaluated here and boots in a VM is what people read.
func TestExampleIsQuoted(t *testing.T) {
	read := func(file string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	example := read("../../docs/example.nix")
	for _, file := range []string{"../../README.md", "../../docs/nixos.md"} {
		text := read(file)
		inList := strings.ReplaceAll(text, "\n   ", "\n")
		if !strings.Contains(text, example) && !strings.Contains(inList, example) {
			t.Errorf("%s does not quote docs/example.nix as it is", file)
		}
	}
}
