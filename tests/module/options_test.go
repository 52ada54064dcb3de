package module

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// option is one as nixpkgs' lib describes it.
type option struct {
	Name, Type, Description string
	Loc                     []string
	Default, Example        *literal
}

// literal is a value: Nix code, or words in Markdown.
type literal struct {
	Kind string `json:"_type"`
	Text string
}

const optionsPage = "../../docs/nixos-options.md"

// docs/nixos-options.md says what the module's options are.
func TestOptionsPage(t *testing.T) {
	var options []option
	if err := evaluate(t, newStore(t), "[ ]", "options", &options); err != nil {
		t.Fatal(err)
	}
	want := page(options)
	if *update {
		if err := os.WriteFile(optionsPage, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(optionsPage)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the options say: go test ./tests/module -run TestOptionsPage -update", optionsPage)
	}
}

// Every option has a description, and every link of one leads somewhere.
func TestOptionsPageIsWhole(t *testing.T) {
	text, err := os.ReadFile(optionsPage)
	if err != nil {
		t.Fatal(err)
	}
	if without := regexp.MustCompile(`(?m)^###+ .*\n\n- `).FindAllString(string(text), -1); without != nil {
		t.Errorf("no description: %q", without)
	}
	for _, link := range regexp.MustCompile(`\]\(([^)#]+)`).FindAllStringSubmatch(string(text), -1) {
		if strings.Contains(link[1], "://") {
			continue
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(optionsPage), link[1])); err != nil {
			t.Errorf("a description has a link to what is not there: %v", err)
		}
	}
}

// page writes the options: those of the appliance, which most need, before those of
// the exporter, and of each the group first that has no name.
func page(options []option) []byte {
	var w bytes.Buffer
	w.WriteString("<!-- go test ./tests/module -run TestOptionsPage -update writes this from module/ -->\n\n" +
		"# Options of the NixOS modules\n\nHow they are meant: [On NixOS](nixos.md).\n")
	for _, service := range []string{"services.router-monitoring", "services.network-metrics-exporter"} {
		fmt.Fprintf(&w, "\n## %s\n", service)
		of := slices.DeleteFunc(slices.Clone(options), func(o option) bool {
			return !strings.HasPrefix(o.Name, service+".") || strings.HasPrefix(o.Description, "Alias of ")
		})
		slices.SortStableFunc(of, func(a, b option) int {
			return cmp.Or(strings.Compare(a.group(), b.group()), cmp.Compare(a.rank(), b.rank()))
		})
		group := ""
		for _, o := range of {
			if o.group() != group {
				group = o.group()
				fmt.Fprintf(&w, "\n### %s.%s\n", service, group)
			}
			o.write(&w)
		}
	}
	return w.Bytes()
}

// group is what some options of a service have in common.
func (o option) group() string {
	if len(o.Loc) < 4 {
		return ""
	}
	return o.Loc[2]
}

// rank puts the option first that turns something on.
func (o option) rank() int {
	if strings.HasSuffix(o.Name, ".enable") {
		return 0
	}
	return 1
}

// heading is a level below the group's.
func (o option) heading() string {
	if o.group() == "" {
		return "###"
	}
	return "####"
}

// role is how NixOS' manual marks an option, a file and the like.
var role = regexp.MustCompile("{[a-z]+}`")

func (o option) write(w *bytes.Buffer) {
	fmt.Fprintf(w, "\n<a id=\"opt-%s\"></a>\n%s `%s`\n\n", o.Name, o.heading(), strings.Join(o.Loc[2:], "."))
	if text := strings.TrimSpace(o.Description); text != "" {
		fmt.Fprintf(w, "%s\n\n", role.ReplaceAllString(text, "`"))
	}
	fmt.Fprintf(w, "- Type: %s\n", kind(o.Type))
	o.Default.write(w, "Default")
	o.Example.write(w, "Example")
}

// kind says a type without what only Nix programmers ask.
func kind(text string) string {
	return strings.NewReplacer("(submodule)", "set of options", " convertible to it", "",
		"open submodule of (YAML 1.1 value)", "YAML").Replace(text)
}

func (l *literal) write(w *bytes.Buffer, name string) {
	switch {
	case l == nil:
	case l.Kind == "literalMD":
		fmt.Fprintf(w, "- %s: %s\n", name, role.ReplaceAllString(l.Text, "`"))
	default:
		code := strings.TrimSpace(l.Text)
		if line := strings.Join(strings.Fields(code), " "); len(line) <= 72 && !strings.Contains(line, ";") {
			code = line
		}
		if !strings.Contains(code, "\n") {
			fmt.Fprintf(w, "- %s: `%s`\n", name, code)
			return
		}
		fmt.Fprintf(w, "- %s:\n\n  ```nix\n  %s\n  ```\n", name, strings.ReplaceAll(code, "\n", "\n  "))
	}
}
