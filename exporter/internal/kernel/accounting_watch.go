package kernel

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Watch signals when anybody, this process included, deletes or changes a part
// of the tables or a flowtable, or may have done so: an overrun event socket
// counts as a change. Signals that nobody took are merged into one. Elements that join a set are no
// change. The channel closes, and the socket with it, when ctx ends.
//
// (google/nftables' monitor delivers nothing for several filters, and copies
// whole rulesets of other tables; the table's name is all that is needed here.)
func (a *Accounting) Watch(ctx context.Context) (<-chan struct{}, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{Groups: 1 << (unix.NFNLGRP_NFTABLES - 1)})
	if err != nil {
		return nil, fmt.Errorf("watch nftables: %w", explain(err))
	}
	changes := make(chan struct{}, 1)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	go func() {
		defer close(changes)
		defer conn.Close()
		defer stop()
		for ctx.Err() == nil {
			msgs, err := conn.Receive()
			if err != nil && !errors.Is(err, unix.ENOBUFS) {
				return
			}
			if err == nil && !slices.ContainsFunc(msgs, a.concerns) {
				continue
			}
			select {
			case changes <- struct{}{}:
			default:
			}
		}
	}()
	return changes, nil
}

// concerns reports whether an event names our tables or is of a flowtable. The
// table's name is attribute 1 in the messages of every kind of nftables object.
func (a *Accounting) concerns(m netlink.Message) bool {
	subsystem, typ := m.Header.Type>>8, m.Header.Type&0xff
	if subsystem != unix.NFNL_SUBSYS_NFTABLES || typ == unix.NFT_MSG_NEWSETELEM || len(m.Data) < 4 {
		return false
	}
	if typ == unix.NFT_MSG_NEWFLOWTABLE || typ == unix.NFT_MSG_DELFLOWTABLE {
		return true
	}
	if family := m.Data[0]; family != unix.NFPROTO_INET && family != unix.NFPROTO_NETDEV {
		return false
	}
	for typ, value := range payload(m.Data) {
		if typ == unix.NFTA_TABLE_NAME {
			return text(value) == a.options.Table
		}
	}
	return false
}
