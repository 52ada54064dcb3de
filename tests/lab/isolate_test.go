package lab

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
)

// helperVar makes the test program play one of the helpers below instead of
// running tests.
const helperVar = "LAB_TEST_HELPER"

// helpers are programs that begin, as any user of the lab does, with Isolate.
var helpers = map[string]func(){
	"status": func() { os.Exit(7) },
	"inherit": func() {
		_, err := fmt.Fprintf(Inherited()[0], "%d files", len(Inherited()))
		exit(0, err)
	},
	"namespaces": func() {
		fmt.Println(ownNamespaces())
		os.Exit(0)
	},
	"signal": func() {
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGTERM)
		fmt.Println("ready")
		<-told
		os.Exit(8)
	},
	"orphan": func() { // a child's child outlives it; both its end and ours must be noticed
		out, err := exec.Command("sh", "-c", "sleep 0.1 & echo $!").Output()
		if err != nil {
			exit(1, err)
		}
		proc := "/proc/" + strings.TrimSpace(string(out))
		for range 100 {
			if _, err := os.Stat(proc); errors.Is(err, os.ErrNotExist) {
				os.Exit(0)
			}
			time.Sleep(10 * time.Millisecond)
		}
		exit(1, errors.New("a zombie stays"))
	},
	"forever": func() {
		fmt.Println("ready")
		time.Sleep(time.Minute)
	},
}

// helper prepares a helper, outside of any namespaces but the test's own.
func helper(t *testing.T, name string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(testContext(t), "/proc/self/exe")
	cmd.Env = append(os.Environ(), helperVar+"="+name)
	cmd.Stderr = os.Stderr
	return cmd
}

// startReady starts a helper and waits until it is inside.
func startReady(t *testing.T, cmd *exec.Cmd) (output *bufio.Reader) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	output = bufio.NewReader(out)
	if line, err := output.ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("helper says %q, %v", line, err)
	}
	return output
}

// ownNamespaces names the namespaces that Isolate is about.
func ownNamespaces() (names []string) {
	for _, kind := range []string{"net", "mnt", "pid"} {
		name, err := os.Readlink("/proc/self/ns/" + kind)
		if err != nil {
			name = err.Error()
		}
		names = append(names, name)
	}
	return names
}

func TestIsolateLeavesEveryNamespace(t *testing.T) {
	out, err := helper(t, "namespaces").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "net:[") {
		t.Fatalf("helper says %q", out)
	}
	for _, own := range ownNamespaces() {
		if strings.Contains(string(out), own) {
			t.Errorf("helper is in %s as well: %s", own, out)
		}
	}
}

func TestIsolatePassesOnTheStatus(t *testing.T) {
	var ended *exec.ExitError
	if err := helper(t, "status").Run(); !errors.As(err, &ended) || ended.ExitCode() != 7 {
		t.Errorf("helper ended with %v, want status 7", err)
	}
}

func TestIsolatePassesOnSignals(t *testing.T) {
	cmd := helper(t, "signal")
	startReady(t, cmd)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var ended *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &ended) || ended.ExitCode() != 8 {
		t.Errorf("helper ended with %v, want status 8", err)
	}
}

func TestIsolateHandsOverFiles(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := helper(t, "inherit")
	cmd.ExtraFiles = []*os.File{w}
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	if line, _ := bufio.NewReader(r).ReadString(0); line != "1 files" {
		t.Errorf("read %q through the inherited file", line)
	}
}

func TestIsolateReapsOrphans(t *testing.T) {
	if err := helper(t, "orphan").Run(); err != nil {
		t.Error(err)
	}
}

func TestIsolatedProcessesDieWithTheirParent(t *testing.T) {
	cmd := helper(t, "forever")
	output := startReady(t, cmd)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// The pipe ends when the last process that holds it is gone.
	ended := make(chan error, 1)
	go func() {
		_, err := output.ReadByte()
		ended <- err
	}()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("the isolated process lives on")
	}
	_ = cmd.Wait()
}

// runHelper plays a helper if this process was started as one.
func runHelper() {
	name, ok := os.LookupEnv(helperVar)
	if !ok {
		return
	}
	if name == "inherit" && !Isolated() {
		Isolate(os.NewFile(firstExtraFile, "pipe"))
	}
	Isolate()
	helpers[name]()
}
