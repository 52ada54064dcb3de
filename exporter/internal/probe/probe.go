package probe

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// probe sends one probe. One that finds no way out of the router is lost as any
// other is: that is what an outage looks like.
func (p *Prober) probe(t *target, patience time.Duration) {
	conn, err := p.socket(t.family)
	if err != nil {
		p.setFault(t, err)
		return
	}
	a := p.begin(t)
	_ = conn.SetWriteDeadline(a.sent.Add(sendPatience))
	_, err = conn.WriteToUDPAddrPort(a.marshal(t.family), netip.AddrPortFrom(t.Target, 0))
	if err != nil {
		p.giveUp(t, a)
	} else {
		time.AfterFunc(patience, func() { p.giveUp(t, a) })
	}
	if errors.Is(err, unix.EPERM) {
		p.setFault(t, fmt.Errorf("send probe to %s: %w; a firewall on the router, or IPAddressDeny= of the exporter's unit, forbids it", t.Target, unix.EPERM))
	} else {
		p.setFault(t, nil)
	}
}

func (p *Prober) setFault(t *target, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t.fault = err
}

// begin notes a probe that is about to be sent.
func (p *Prober) begin(t *target) *attempt {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.pending != nil {
		t.conclude(false, 0)
	}
	t.sequence++
	t.pending = &attempt{echo{t.sequence, newToken()}, time.Now()}
	return t.pending
}

// giveUp ends the wait for an answer, if it did not come.
func (p *Prober) giveUp(t *target, a *attempt) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.pending == a {
		t.conclude(false, 0)
	}
}

// receive takes answers until the socket is closed.
func (p *Prober) receive(f *family, conn *net.UDPConn) {
	buf := make([]byte, 128) // more than any answer to a probe of ours
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		now := time.Now()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(sendPatience) // it tells of the network, at most that often
		default:
			if e, ok := parseReply(f, buf[:n]); ok {
				p.answer(from.Addr(), e, now)
			}
		}
	}
}

// answer takes what came from an address. It counts where that is a target and
// the answer the one that is waited for.
func (p *Prober) answer(from netip.Addr, e echo, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.targets, func(t *target) bool { return t.Target == from })
	if i < 0 {
		return
	}
	if t := p.targets[i]; t.pending != nil && t.pending.echo == e {
		t.conclude(true, now.Sub(t.pending.sent))
	}
}

// conclude counts the probe that is under way.
func (t *target) conclude(answered bool, rtt time.Duration) {
	t.pending = nil
	t.Sent++
	t.Up, t.RTT = answered, rtt
	if answered {
		t.Received++
		t.RTTSum += rtt
	}
}
