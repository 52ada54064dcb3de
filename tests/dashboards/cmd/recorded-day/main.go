// Command recorded-day runs a command beside a Prometheus that holds a
// household's recorded day, or what was recorded of real services. The command
// finds its URL in PROMETHEUS and the time of the last sample, in seconds, in NOW.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"router-monitoring/tests/dashboards/household"
	"router-monitoring/tests/dashboards/prometheus"
	"router-monitoring/tests/dashboards/recording"
)

type options struct {
	clients    int
	recordings []string
	interval   time.Duration
	rules      []string
	only       []string
	command    []string
}

func main() {
	var o options
	app := kingpin.New("recorded-day", "Runs a command beside a Prometheus that holds a household's recorded day.")
	app.Flag("clients", "Clients of the household.").Default("25").IntVar(&o.clients)
	app.Flag("recording", "Instead of the household, what a file holds, or FILE:PREFIX, whose names begin so. Several end at the same time.").StringsVar(&o.recordings)
	app.Flag("interval", "Least interval between two evaluations of a rule.").Default("1m").DurationVar(&o.interval)
	app.Flag("rules", "Rule file, those that others build upon first.").ExistingFilesVar(&o.rules)
	app.Flag("only-for", "Leave out the series that none of these files mentions.").ExistingFilesVar(&o.only)
	app.Arg("command", "The command and, after --, its arguments.").Required().StringsVar(&o.command)
	kingpin.MustParse(app.Parse(os.Args[1:]))

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := o.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "recorded-day:", err)
		os.Exit(1)
	}
}

func (o options) run(ctx context.Context) error {
	replay, now, err := o.replay()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "recorded-day-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server, err := prometheus.Start(ctx, dir)
	if err != nil {
		return err
	}
	defer server.Stop()
	if err := server.Replay(ctx, replay); err != nil {
		return err
	}
	command := exec.CommandContext(ctx, o.command[0], o.command[1:]...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.Env = append(os.Environ(), "PROMETHEUS="+server.URL,
		"NOW="+strconv.FormatInt(now.Unix(), 10))
	return command.Run()
}

// replay also tells when the recording ends.
func (o options) replay() (r prometheus.Replay, now time.Time, err error) {
	r.Interval = o.interval
	for _, path := range o.only {
		text, err := os.ReadFile(path)
		if err != nil {
			return r, now, err
		}
		r.Queries = append(r.Queries, string(text))
	}
	if r.Rules, err = prometheus.LoadRules(o.rules...); err != nil {
		return r, now, err
	}
	if len(o.recordings) > 0 {
		recorded, err := o.recorded()
		return prometheus.Replay{Recording: recorded, Queries: r.Queries}, recorded.End, err
	}
	r.Recording, err = household.New(o.clients)
	return r, household.End, err
}

func (o options) recorded() (*recording.Recording, error) {
	r := recording.New()
	for _, name := range o.recordings {
		path, prefix, _ := strings.Cut(name, ":")
		scrapes, err := recording.Load(path)
		if err == nil {
			err = r.Add(scrapes, prefix)
		}
		if err != nil {
			return r, err
		}
	}
	return r, nil
}
