// Command lab builds a router with its clients in network namespaces and either
// keeps it, runs a command on the router, or demonstrates the exporter on it.
// On three machines it plays the part of two: the internet and the clients.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kingpin/v2"

	"router-monitoring/tests/lab"
)

func main() {
	app := kingpin.New("lab", "A router, an internet host and LAN clients in network namespaces.")
	profile := app.Flag("profile", "Load profile: a shipped one's name, or a file.").Default("n5105-25-clients").String()
	scale := app.Flag("scale", "Multiply the profile's rates.").Default("1").Float64()

	var demo demoOptions
	demoCmd := app.Command("demo", "Run exporter and Prometheus on the lab's router under load, and compare what they report with the truth.")
	demo.flags(demoCmd)

	upCmd := app.Command("up", "Build the lab and keep it until Ctrl-C.")

	runCmd := app.Command("run", "Build the lab, run a command on its router and exit with its status.")
	argv := runCmd.Arg("command", "Command and its arguments, after --.").Required().Strings()

	var across machines
	onThisMachine := across.commands(app)

	chosen := kingpin.MustParse(app.Parse(os.Args[1:]))
	if onThisMachine[chosen] == nil {
		enter(chosen == demoCmd.FullCommand(), &demo)
	}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()

	p, err := lab.LoadProfile(*profile)
	if err != nil {
		exit(err)
	}
	p.Scale *= *scale
	if do := onThisMachine[chosen]; do != nil {
		exit(do(ctx, p))
	}
	exit(withLab(p, func(l *lab.Lab) error {
		switch chosen {
		case demoCmd.FullCommand():
			return runDemo(ctx, l, demo)
		case upCmd.FullCommand():
			return keep(ctx, l)
		default:
			return run(ctx, *argv)
		}
	}))
}

// enter isolates the program. Listeners that the host's browser shall reach are
// opened before, in the host's own namespace, and handed over.
func enter(isDemo bool, demo *demoOptions) {
	if lab.Isolated() || !isDemo {
		lab.Isolate()
		return
	}
	files, err := demo.listen()
	if err != nil {
		exit(err)
	}
	lab.Isolate(files...)
}

// commandEnded is the failing exit status of the command of `lab run`.
type commandEnded int

func (c commandEnded) Error() string { return fmt.Sprintf("the command ended with status %d", int(c)) }

// exit ends with the status of the command that was run, else with 1 on errors.
func exit(err error) {
	var ended commandEnded
	switch {
	case err == nil:
		os.Exit(0)
	case errors.As(err, &ended):
		os.Exit(int(ended))
	}
	fmt.Fprintln(os.Stderr, "lab:", err)
	os.Exit(1)
}

// withLab builds the lab of a profile for the time of one function.
func withLab(p lab.Profile, do func(*lab.Lab) error) error {
	l, err := lab.New(p)
	if err != nil {
		return err
	}
	defer l.Close()
	return do(l)
}

// keep shows how to get onto the router and waits. The newest process of that
// name is this one, the others are its parents outside.
func keep(ctx context.Context, l *lab.Lab) error {
	namespaces := "--net --mount --pid"
	// An ordinary user's own namespace knows that user only.
	if uids, err := os.ReadFile("/proc/self/uid_map"); err == nil && bytes.HasSuffix(bytes.TrimSpace(uids), []byte(" 1")) {
		namespaces = "--user --preserve-credentials " + namespaces
	}
	fmt.Printf("A router with %d clients is up; Ctrl-C removes it. To get onto it:\n  "+
		"nsenter %s --target $(pgrep -n -f 'lab.* up$')\n", len(l.Clients), namespaces)
	<-ctx.Done()
	return nil
}

func run(ctx context.Context, argv []string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	err := cmd.Run()
	if status := cmd.ProcessState.ExitCode(); status > 0 {
		return commandEnded(status)
	}
	return err
}
