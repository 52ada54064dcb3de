package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"router-monitoring/tests/lab"
)

// asProgram makes the test program play the lab command.
const asProgram = "LAB_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	lab.Isolate()
	os.Exit(m.Run())
}

// labCommand runs `lab` with these arguments.
func labCommand(t *testing.T, args ...string) (output string, status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func TestCommand(t *testing.T) {
	demo := func(exporter, listen string) []string {
		return []string{"demo", "--exporter=" + exporter, "--prometheus=/bin/true",
			"--exporter-listen=" + listen, "--prometheus-listen=127.0.0.1:0"}
	}
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		output string
	}{
		{"ok run on the router", []string{"run", "--", "cat", "/proc/sys/net/ipv4/ip_forward"}, 0, "1\n"},
		{"ok status of the command", []string{"run", "--", "sh", "-c", "exit 5"}, 5, ""},
		{"bad command", []string{"run", "--", "no-such-program"}, 1, "no-such-program"},
		{"bad profile", []string{"--profile=nobody", "run", "--", "true"}, 1, "shipped are n5105-25-clients"},
		{"bad exporter path", demo("/no/such/file", "127.0.0.1:0"), 1, "/no/such/file"},
		{"bad exporter", demo("/bin/false", "127.0.0.1:0"), 1, "exporter ended"},
		{"bad duration", append(demo("/bin/true", "127.0.0.1:0"), "--duration=4s"), 1, "10s at the least"},
		{"bad listen address", demo("/bin/true", "9101"), 1, `listen address "9101"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			output, status := labCommand(t, tt.args...)
			if status != tt.status || !strings.Contains(output, tt.output) {
				t.Errorf("status %d and output %q, want %d and %q", status, output, tt.status, tt.output)
			}
		})
	}
}

func TestListenNearTakesAnotherPort(t *testing.T) {
	first, err := listenNear("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	second, err := listenNear(first.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if first.Addr().String() == second.Addr().String() {
		t.Errorf("both listen on %s", first.Addr())
	}
}
