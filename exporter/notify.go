package main

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// notifier tells systemd how the exporter is, as sd_notify(3) has it. Where
// systemd does not ask for it, there being no NOTIFY_SOCKET, it does nothing.
type notifier struct {
	status func() string                       // one line for the owner
	stuck  func(patience time.Duration) string // what hangs; empty where nothing does
	log    *slog.Logger
	failed sync.Once
}

// ready says that scrapes can be answered, also again after a reload.
func (n *notifier) ready() { n.send(daemon.SdNotifyReady, "STATUS="+n.status()) }

func (n *notifier) reloading() { n.send(daemon.SdNotifyReloading, daemon.SdNotifyMonotonicUsec()) }

func (n *notifier) stopping() {
	n.send(daemon.SdNotifyStopping, "STATUS=saving totals; the kernel goes on counting")
}

func (n *notifier) send(state ...string) {
	if _, err := daemon.SdNotify(false, strings.Join(state, "\n")); err != nil {
		n.failed.Do(func() { n.log.Error("systemd cannot be told how the exporter is", "err", err) })
	}
}

// feed keeps the status line up to date and systemd's watchdog at rest until
// ctx ends, or something hangs.
func (n *notifier) feed(ctx context.Context) {
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return
	}
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		n.log.Error("systemd's watchdog cannot be kept at rest", "err", err)
	}
	tick := time.NewTicker(cmp.Or(watchdog/2, time.Minute))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			n.report(watchdog)
		}
	}
}

// report pings the watchdog, unless something hangs: a loop that is at work for
// longer than the watchdog's own patience, or whoever holds what status waits
// for. In either case systemd ends the exporter with SIGABRT, which makes it
// write to the log where it hangs, and starts it anew.
func (n *notifier) report(watchdog time.Duration) {
	status := "STATUS=" + n.status()
	stuck := n.stuck(watchdog)
	switch {
	case watchdog == 0:
		n.send(status)
	case stuck == "":
		n.send(status, daemon.SdNotifyWatchdog)
	default:
		n.send("STATUS=" + stuck)
		n.log.Error("systemd's watchdog is left to restart the exporter", "reason", stuck)
	}
}
