package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/model"

	"router-monitoring/tests/lab"
)

// Where exporter and Prometheus listen on the router.
const (
	exporterAddr   = "127.0.0.1:9101"
	prometheusAddr = "127.0.0.1:9090"
)

// scrapeInterval is Prometheus's and the exporter's; settleTimeout is how long
// Prometheus may take to hold the final counters.
const (
	scrapeInterval = 5 * time.Second
	settleTimeout  = 4 * scrapeInterval
)

// demoOptions are the flags of `lab demo`.
type demoOptions struct {
	exporter, prometheus string
	rules                string
	duration             time.Duration
	exporterListen       string
	prometheusListen     string
}

func (o *demoOptions) flags(cmd *kingpin.CmdClause) {
	cmd.Flag("exporter", "Path of network-metrics-exporter.").Required().ExistingFileVar(&o.exporter)
	cmd.Flag("prometheus", "Path of Prometheus.").Required().ExistingFileVar(&o.prometheus)
	cmd.Flag("rules", "Rule files for Prometheus, a glob.").StringVar(&o.rules)
	cmd.Flag("duration", "How long the load lasts; 0 until Ctrl-C.").Default("0s").DurationVar(&o.duration)
	cmd.Flag("exporter-listen", "Where the host reaches the exporter.").Default(exporterAddr).StringVar(&o.exporterListen)
	cmd.Flag("prometheus-listen", "Where the host reaches Prometheus.").Default(prometheusAddr).StringVar(&o.prometheusListen)
}

// listen opens the host's side of both addresses, on another port of the same
// address where the wanted one is taken.
func (o *demoOptions) listen() (files []*os.File, err error) {
	if o.duration > 0 && o.duration < 2*scrapeInterval {
		return nil, fmt.Errorf("--duration=%s is too short: Prometheus needs two scrapes, so %s at the least", o.duration, 2*scrapeInterval)
	}
	for _, addr := range []string{o.exporterListen, o.prometheusListen} {
		ln, err := listenNear(addr)
		if err != nil {
			return nil, err
		}
		file, err := ln.(*net.TCPListener).File()
		if err != nil {
			return nil, fmt.Errorf("hand over %s: %w", addr, err)
		}
		files = append(files, file)
	}
	return files, nil
}

func listenNear(addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("listen address %q: %w", addr, err)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		ln, err = net.Listen("tcp", net.JoinHostPort(host, "0"))
	}
	return ln, err
}

// runDemo is the whole demonstration, inside the lab.
func runDemo(ctx context.Context, l *lab.Lab, o demoOptions) error {
	if o.rules != "" { // Prometheus would look beside its configuration
		absolute, err := filepath.Abs(o.rules)
		if err != nil {
			return fmt.Errorf("find rules: %w", err)
		}
		o.rules = absolute
	}
	dir, err := os.MkdirTemp("", "router-monitoring-demo-")
	if err != nil {
		return fmt.Errorf("make folder for the demo: %w", err)
	}
	defer os.RemoveAll(dir)

	listeners, err := inheritedListeners()
	if err != nil {
		return err
	}
	fmt.Printf("Lab: a router with %d clients, profile %s.\n", len(l.Clients), l.Profile.Name)
	services, err := startServices(ctx, l, o, dir, listeners[1].Addr().String())
	if err != nil {
		return err
	}
	defer services.stop()
	go proxy(listeners[0], exporterAddr)
	go proxy(listeners[1], prometheusAddr)
	printAddresses(listeners[0].Addr(), listeners[1].Addr())

	begin := time.Now()
	truth, err := playWithProgress(ctx, l, o.duration)
	if err != nil {
		return err
	}
	interrupted := ctx.Err() != nil
	err = examine(context.WithoutCancel(ctx), l.Profile, truth, rateWindow(time.Since(begin)))
	switch {
	case interrupted:
		return nil
	case err != nil:
		return fmt.Errorf("%w\nthe exporter's log ends with:\n%s", err, services[0].lastWords())
	}
	return nil
}

func printAddresses(exporter, prometheus net.Addr) {
	fmt.Printf("\n  live page   http://%[1]s/\n  metrics     http://%[1]s/metrics\n  Prometheus  http://%[2]s/\n\n",
		exporter, prometheus)
}

func inheritedListeners() (listeners []net.Listener, err error) {
	for _, f := range lab.Inherited() {
		ln, err := net.FileListener(f)
		if err != nil {
			return nil, fmt.Errorf("take over listener: %w", err)
		}
		_ = f.Close()
		listeners = append(listeners, ln)
	}
	if len(listeners) != 2 {
		return nil, errors.New("take over listeners: they were not handed to the lab")
	}
	return listeners, nil
}

// playWithProgress plays the load and tells now and then what the line carries.
func playWithProgress(ctx context.Context, l *lab.Lab, duration time.Duration) (map[string]lab.Truth, error) {
	how := "until Ctrl-C"
	every := time.Minute
	if duration > 0 {
		how = "for " + duration.String()
		every = max(duration/4, scrapeInterval).Round(time.Second)
	}
	fmt.Printf("Playing the load %s.\n", how)
	done := make(chan struct{})
	defer close(done)
	go reportLine(every, done)
	return l.Play(ctx, duration)
}

// rateWindow is the range of a rate: a minute, or less where the load was
// shorter, since the silence before it would lower the rate.
func rateWindow(played time.Duration) model.Duration {
	return model.Duration(max(min(played.Truncate(time.Second), time.Minute), 3*scrapeInterval))
}

// examine compares exporter and Prometheus with the truth and prints both.
func examine(ctx context.Context, p lab.Profile, truth map[string]lab.Truth, window model.Duration) error {
	hogs, hogsErr := queryHogs(ctx, window)
	reported, err := readExporter(ctx)
	if err != nil {
		return err
	}
	result := compare(p, truth, reported)
	result.print(os.Stdout)
	return errors.Join(result.err(), hogsErr, examinePrometheus(ctx, hogs, window, reported))
}
