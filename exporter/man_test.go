package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestManPage compares the manual page with --help and looks for what would make
// man(1) show it wrongly.
func TestManPage(t *testing.T) {
	page, help := output(t, "--help-man"), output(t, "--help")
	flags := regexp.MustCompile(`--(?:\[no-\])?([a-z.-]+)`).FindAllStringSubmatch(help, -1)
	if len(flags) < 8 {
		t.Fatalf("%d flags in the help:\n%s", len(flags), help)
	}
	for _, flag := range flags {
		if escaped := `\-\-` + strings.ReplaceAll(flag[1], "-", `\-`); !strings.Contains(page, escaped) {
			t.Errorf("no flag %s", flag[0])
		}
	}
	for _, want := range []string{
		".SH NAME\nnetwork\\-metrics\\-exporter \\- ", strings.ReplaceAll(defaultConfigFile, "-", `\-`), "SIGHUP", "STATE_DIRECTORY", "NOTIFY_SOCKET",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("lacks %q", want)
		}
	}
	request := regexp.MustCompile(`^\.(TH|SH|TP|br|PP|IP|EX|EE|B|BR|RI|I)( |\n)`)
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, ".") && !request.MatchString(line) || strings.HasPrefix(line, "'") {
			t.Errorf("text that troff takes for a request: %s", line)
		}
		if regexp.MustCompile(`(^|[^\\])-`).MatchString(line) {
			t.Errorf("a - that becomes a hyphen: %s", line)
		}
		if line == "\n" {
			t.Error("an empty line")
		}
	}
}

// output is what the program prints.
func output(t *testing.T, flag string) string {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", flag)
	cmd.Env = append(os.Environ(), beExporter+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", flag, err, out)
	}
	return string(out)
}
