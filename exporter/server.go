package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/sync/errgroup"

	"router-monitoring/exporter/internal/collector"
	"router-monitoring/exporter/internal/config"
	"router-monitoring/exporter/internal/monitor"
	live "router-monitoring/exporter/internal/web"
)

// server answers HTTP. Its metrics handler is replaced when the configuration
// changes the labels, and the live page comes and goes.
type server struct {
	monitor   *monitor.Monitor
	metrics   atomic.Pointer[http.Handler]
	live      atomic.Pointer[live.Handler] // nil while it is off
	listening chan struct{}                // closed once every address is served
}

func newServer(m *monitor.Monitor, cfg *config.Config) *server {
	s := &server{monitor: m, listening: make(chan struct{})}
	s.use(cfg)
	return s
}

func (s *server) use(cfg *config.Config) {
	h := collector.Handler(s.monitor.Scrape, cfg.ExtraLabels)
	s.metrics.Store(&h)
	switch on := s.live.Load() != nil; {
	case cfg.Web.Live && !on:
		s.live.Store(live.New(s.monitor.Live))
	case !cfg.Web.Live:
		s.closeLive()
	}
}

// closeLive turns the live page off and ends its streams.
func (s *server) closeLive() {
	if h := s.live.Swap(nil); h != nil {
		h.Close()
	}
}

// orLive serves the live page and its API while they are on.
func (s *server) orLive(next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if h := s.live.Load(); h != nil {
			s.whenReady(h.ServeHTTP)(w, r)
			return
		}
		next.ServeHTTP(w, r)
	}
}

func (s *server) handler() (http.Handler, error) {
	landing, err := web.NewLandingPage(web.LandingConfig{
		Name:        "Network metrics exporter",
		Description: "What every client of this router sends and receives.",
		Version:     version.Info(),
		Profiling:   "false",
		Links: []web.LandingLinks{
			{Address: "/metrics", Text: "Metrics"},
			{Address: "/-/healthy", Text: "Health"},
			{Address: "/-/ready", Text: "Readiness"},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("make the landing page: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", s.orLive(landing))
	mux.Handle("GET /", s.orLive(http.NotFoundHandler()))
	mux.HandleFunc("GET /metrics", s.whenReady(func(w http.ResponseWriter, r *http.Request) {
		if isLoopback(r) { // compressing costs more than the rest of a scrape and saves nothing here
			r.Header.Del("Accept-Encoding")
		}
		(*s.metrics.Load()).ServeHTTP(w, r)
	}))
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "healthy") })
	mux.HandleFunc("GET /-/ready", s.whenReady(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ready") }))
	return mux, nil
}

// whenReady keeps readers away until every source was asked once: counters that
// are not read yet would look like a reset.
func (s *server) whenReady(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.monitor.Ready() {
			http.Error(w, "starting", http.StatusServiceUnavailable)
			return
		}
		next(w, r)
	}
}

func isLoopback(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback()
}

// listen serves all addresses until ctx ends or one of them fails. Each has an
// http.Server of its own: exporter-toolkit's ServeMultiple writes to the one it
// is given from several goroutines.
func (s *server) listen(ctx context.Context, flags *web.FlagConfig, log *slog.Logger) error {
	h, err := s.handler()
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, s.closeLive) // else streams would hold up the end
	defer stop()
	if *flags.WebSystemdSocket { // systemd's sockets listen already: one is as good as all
		return listenOne(ctx, h, flags, log, sync.OnceFunc(func() { close(s.listening) }))
	}
	var served atomic.Int32
	group, ctx := errgroup.WithContext(ctx)
	for _, address := range *flags.WebListenAddresses {
		one := *flags
		one.WebListenAddresses = &[]string{address}
		group.Go(func() error {
			return listenOne(ctx, h, &one, log, func() {
				if int(served.Add(1)) == len(*flags.WebListenAddresses) {
					close(s.listening)
				}
			})
		})
	}
	return group.Wait()
}

// awaitReady waits until scrapes can be answered; false if ctx ends before.
func (s *server) awaitReady(ctx context.Context) bool {
	for _, condition := range []<-chan struct{}{s.monitor.Started(), s.listening} {
		select {
		case <-condition:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// listenOne serves until ctx ends, and calls listening for each socket that is
// about to take connections. The time limits keep slow or silent peers from
// holding connections for ever.
func listenOne(ctx context.Context, h http.Handler, flags *web.FlagConfig, log *slog.Logger, listening func()) error {
	srv := &http.Server{
		Handler:           h,
		BaseContext:       func(net.Listener) context.Context { listening(); return context.Background() },
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	answered := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(answered)
		grace, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		if srv.Shutdown(grace) != nil {
			_ = srv.Close()
		}
	})
	defer stop()
	err := web.ListenAndServe(srv, flags, log)
	switch {
	case errors.Is(err, http.ErrServerClosed):
		<-answered
		return nil
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w: another program, perhaps another %s, has this port; stop it or choose one with --web.listen-address", err, program)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w: this machine does not have the address; correct --web.listen-address", err)
	}
	return err
}

// reloadOnHangup follows SIGHUP until ctx ends.
func (s *server) reloadOnHangup(ctx context.Context, o options, hangup <-chan os.Signal, systemd *notifier, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			systemd.reloading()
			s.reload(ctx, o, log)
			systemd.ready()
		}
	}
}

func (s *server) reload(ctx context.Context, o options, log *slog.Logger) {
	cfg, _, err := o.load()
	if err != nil {
		log.Error("the new configuration is not valid; the old one stays in force", "err", err)
		s.monitor.Reload(ctx, nil)
		return
	}
	limitMemory(cfg.Accounting.MaxClients)
	s.monitor.Reload(ctx, cfg)
	s.use(cfg)
	log.Info("configuration reloaded", "file", o.configFile)
}
