// Command network-metrics-exporter counts what every client of a Linux router
// sends and receives, and serves it as Prometheus metrics.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"router-monitoring/exporter/internal/config"
	"router-monitoring/exporter/internal/monitor"
	"router-monitoring/exporter/internal/top"
)

const (
	program           = "network-metrics-exporter"
	defaultConfigFile = "/etc/network-metrics-exporter/config.yml"
	defaultAddress    = "127.0.0.1:9101"
)

func main() {
	kingpin.ManPageTemplate = manPage
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", program, err)
		os.Exit(1)
	}
}

// command runs what the command line asks for: the exporter, unless it names
// another command.
func command(ctx context.Context, args []string) error {
	if len(args) == 0 || args[0] != top.Command {
		return run(ctx, args)
	}
	app, show := top.App(program)
	if _, err := app.Parse(args[1:]); err != nil {
		return fmt.Errorf("%w, try %s --help", err, top.Command)
	}
	return show(ctx)
}

// options are the command line.
type options struct {
	configFile  string
	configNamed bool // on the command line: then it has to exist
	check       bool
	web         *web.FlagConfig
	log         *promslog.Config
}

func parse(args []string) (options, error) {
	var o options
	app := kingpin.New(program, "Counts what every client of this router sends and receives, and serves it as Prometheus metrics. With top as the first word it shows them in a terminal instead: see top --help.")
	app.Flag("config.file", "Configuration file, read again at SIGHUP. Without one, every bridge or interface with a private subnet is watched.").
		Default(defaultConfigFile).IsSetByUser(&o.configNamed).StringVar(&o.configFile)
	app.Flag("config.check", "Check the configuration file and exit.").BoolVar(&o.check)
	o.web = kingpinflag.AddFlags(app, defaultAddress)
	o.log = &promslog.Config{}
	promslogflag.AddFlags(app, o.log)
	app.Version(version.Print(program))
	app.UsageFuncs(manFuncs)
	app.HelpFlag.Short('h')
	_, err := app.Parse(args)
	return o, err
}

// load reads the configuration; a missing file at the default place means none.
func (o options) load() (cfg *config.Config, found bool, err error) {
	cfg, err = config.Load(o.configFile)
	found = err == nil
	if errors.Is(err, fs.ErrNotExist) && !o.configNamed {
		cfg, err = config.Default(), nil
	}
	if err != nil {
		return nil, false, err
	}
	// systemd's StateDirectory= names the folder unless the file does.
	if dir, _, _ := strings.Cut(os.Getenv("STATE_DIRECTORY"), ":"); dir != "" && cfg.StateDir == config.Default().StateDir {
		cfg.StateDir = dir
	}
	return cfg, found, nil
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return fmt.Errorf("%w, try --help", err)
	}
	cfg, found, err := o.load()
	if err != nil {
		return err
	}
	if o.check {
		return report(o, found)
	}
	log := promslog.New(o.log)
	log.Info("starting", "program", program, "version", version.Info())
	if !found {
		log.Info("no configuration file; watching every bridge or interface with a private subnet", "file", o.configFile)
	}
	limitMemory(cfg.Accounting.MaxClients)
	hangup := make(chan os.Signal, 1) // before anything takes time: unasked for, it ends the process
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	m, err := monitor.New(cfg, log)
	if err != nil {
		return err
	}
	return serve(ctx, o, cfg, m, hangup, log)
}

func report(o options, found bool) error {
	if found {
		fmt.Printf("%s is valid\n", o.configFile)
	} else {
		fmt.Printf("%s does not exist; the defaults apply\n", o.configFile)
	}
	return nil
}

// serve runs the monitor and the web server until ctx ends or one of them fails.
// The server ends first: what the monitor saves at its end is then all that was
// ever shown.
func serve(ctx context.Context, o options, cfg *config.Config, m *monitor.Monitor, hangup <-chan os.Signal, log *slog.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	monitorCtx, stopMonitor := context.WithCancel(context.WithoutCancel(ctx))
	defer stopMonitor()
	monitored := make(chan error, 1)
	go func() {
		monitored <- m.Run(monitorCtx)
		cancel()
	}()
	s, systemd := newServer(m, cfg), &notifier{status: m.Status, stuck: m.Stuck, log: log}
	var told sync.WaitGroup
	told.Go(func() { <-ctx.Done(); systemd.stopping() })
	go func() {
		if s.awaitReady(ctx) {
			systemd.ready()
			go systemd.feed(ctx)
			go beFrugal(ctx, m.Clients, log)
			s.reloadOnHangup(ctx, o, hangup, systemd, log)
		}
	}()
	err := s.listen(ctx, o.web, log)
	cancel()
	stopMonitor()
	told.Wait()
	if err = errors.Join(err, <-monitored); err == nil {
		log.Info("stopped; the kernel goes on counting")
	}
	return err
}
