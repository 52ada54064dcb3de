package kernel

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

const (
	// networkSettle gathers the dozens of events that one change of the network
	// makes into one signal, so there are at most five signals a second.
	networkSettle = 200 * time.Millisecond

	networkMaxBackoff = 30 * time.Second

	networkGroups = unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR |
		unix.RTMGRP_IPV4_ROUTE | unix.RTMGRP_IPV6_ROUTE
)

// WatchNetwork signals when links, addresses or routes have changed in the
// calling thread's network namespace, until ctx ends. A signal may come without
// a change that matters, but none that matters stays without one: events lost
// on a full socket (ENOBUFS) or while it was closed count as a change. The
// channel is never closed.
func WatchNetwork(ctx context.Context) (<-chan struct{}, error) {
	w := &networkWatcher{changed: make(chan struct{}, 1), dial: dialNetworkEvents}
	conn, err := w.dial()
	if err != nil {
		return nil, fmt.Errorf("watch network: %w", err)
	}
	go w.run(ctx, conn)
	return w.changed, nil
}

func dialNetworkEvents() (*netlink.Conn, error) {
	return netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{Groups: networkGroups})
}

type networkWatcher struct {
	dial     func() (*netlink.Conn, error)
	changed  chan struct{}
	settling atomic.Bool // a signal is due
}

// run replaces the socket after errors, with growing pauses.
func (w *networkWatcher) run(ctx context.Context, conn *netlink.Conn) {
	backoff := time.Second
	for {
		if conn != nil {
			w.receive(ctx, conn)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(backoff):
		}
		var err error
		if conn, err = w.dial(); err != nil {
			conn, backoff = nil, min(2*backoff, networkMaxBackoff)
			continue
		}
		backoff = time.Second
		w.touch()
	}
}

// receive returns when the socket is of no more use or ctx ends.
func (w *networkWatcher) receive(ctx context.Context, conn *netlink.Conn) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	for {
		_, err := conn.Receive()
		if ctx.Err() != nil || err != nil && !errors.Is(err, unix.ENOBUFS) {
			return
		}
		w.touch()
	}
}

// touch sees to it that a signal follows within networkSettle.
func (w *networkWatcher) touch() {
	if !w.settling.CompareAndSwap(false, true) {
		return
	}
	time.AfterFunc(networkSettle, func() {
		w.settling.Store(false) // first, so that what happens now makes a new signal
		select {
		case w.changed <- struct{}{}:
		default: // the last one still waits to be taken
		}
	})
}
