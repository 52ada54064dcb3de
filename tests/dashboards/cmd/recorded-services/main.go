// Command recorded-services records what the exporter tells of a router on which
// real services run: DHCP servers, port mappings, DNS resolvers, and a line that is
// slow and at times full; or speed tests of that line. The router, its clients and the
// internet are the lab's.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"router-monitoring/tests/lab"
)

type options struct {
	exporter  string
	out       string
	duration  time.Duration
	interval  time.Duration
	dns       bool
	speedtest bool
}

func main() {
	var o options
	app := kingpin.New("recorded-services", "Records the exporter on a router with real services, in a lab.")
	app.Flag("exporter", "Path of network-metrics-exporter.").Required().ExistingFileVar(&o.exporter)
	app.Flag("out", "The recording.").Required().StringVar(&o.out)
	app.Flag("duration", "How long to record.").Default("170s").DurationVar(&o.duration)
	app.Flag("interval", "Time between two scrapes.").Default("2s").DurationVar(&o.interval)
	app.Flag("dns", "Run DNS resolvers and their exporters too.").BoolVar(&o.dns)
	app.Flag("speedtest", "Run speed tests and record these alone.").BoolVar(&o.speedtest)
	kingpin.MustParse(app.Parse(os.Args[1:]))
	lab.Isolate()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := o.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "recorded-services:", err)
		os.Exit(1)
	}
}

func (o options) run(ctx context.Context) error {
	l, err := lab.New(profile)
	if err != nil {
		return err
	}
	defer l.Close()
	dir, err := os.MkdirTemp("", "recorded-services-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	h := &house{Lab: l, dir: dir, time: o.duration, day: day, dns: o.dns}
	if o.speedtest {
		h.day = testDay
	}
	defer h.stop()
	sources, err := h.start(ctx, o)
	if err != nil {
		return err
	}
	out, err := os.Create(o.out)
	if err != nil {
		return err
	}
	defer out.Close()

	ctx, cancel := context.WithTimeout(ctx, o.duration)
	defer cancel()
	lived := make(chan error, 1)
	go func() { lived <- h.live(ctx) }()
	if err := record(ctx, out, sources, o.interval); err != nil {
		return err
	}
	if err := <-lived; err != nil {
		return fmt.Errorf("%w\n%s", err, h.lastWords())
	}
	return nil
}
