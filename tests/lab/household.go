package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// maxUploads bounds the datagrams of all uploads that are under way: the socket
// that takes them in holds 425,984 bytes for an ordinary user.
const maxUploads = 160

// Household is the clients of a profile on a machine of their own, where Join
// put them. Their flows lead through a router that the lab knows nothing of to
// a machine that serves the internet.
type Household struct {
	Profile Profile
	Clients []*Host // in the order of the profile

	ledger
	byName   map[string]*Host
	resent   map[string]*atomic.Uint64
	internet map[Family]netip.AddrPort
	inFlight *semaphore.Weighted
}

// OpenHousehold finds the profile's clients and the internet by its addresses.
func OpenHousehold(p Profile, internet ...netip.AddrPort) (*Household, error) {
	h := &Household{
		Profile:  p,
		byName:   map[string]*Host{},
		resent:   map[string]*atomic.Uint64{},
		internet: map[Family]netip.AddrPort{},
		inFlight: semaphore.NewWeighted(maxUploads),
	}
	for _, at := range internet {
		h.internet[familyOf(at.Addr())] = at
	}
	for _, c := range p.Clients {
		if err := h.open(c); err != nil {
			return nil, fmt.Errorf("client %s: %w", c.Name, err)
		}
	}
	return h, nil
}

func (h *Household) open(c Client) error {
	host, err := openJoined(c)
	if err != nil {
		return err
	}
	h.Clients = append(h.Clients, host)
	h.byName[c.Name], h.resent[c.Name] = host, &atomic.Uint64{}
	for i, f := range c.Flows {
		if f.Peer != InternetName {
			return fmt.Errorf("flow %d: its peer is %s, and only flows to the internet are played across machines", i+1, f.Peer)
		}
		if !h.internet[f.Family].IsValid() {
			return fmt.Errorf("flow %d: the internet has no IPv%d address", i+1, f.Family)
		}
	}
	return nil
}

// Play runs the clients' load as that of a Lab. What the ends of a flow tell
// each other passes the router too: it is UDP, and part of the truth.
func (h *Household) Play(ctx context.Context, duration time.Duration) (map[string]Truth, error) {
	return h.Profile.play(ctx, duration, &h.ledger, h.run)
}

// Resent is how many segments TCP sent more than once for a client: as many may
// not have reached the router.
func (h *Household) Resent(client string) uint64 { return h.resent[client].Load() }

func (h *Household) run(ctx context.Context, f Flow) error {
	run := h.udp
	if f.Proto == TCP {
		run = h.tcp
	}
	if err := run(ctx, h.byName[f.Client], f); err != nil {
		return fmt.Errorf("%s flow of %s over IPv%d: %w", f.Proto, f.Client, f.Family, err)
	}
	return nil
}

func (h *Household) udp(ctx context.Context, client *Host, f Flow) error {
	d, err := client.openDialog(h.internet[f.Family], f, h.inFlight)
	if err != nil {
		return err
	}
	defer d.close(&h.ledger)
	return d.play(ctx)
}

func (h *Household) tcp(ctx context.Context, client *Host, f Flow) error {
	s, err := client.dialTCP(h.internet[f.Family])
	if err != nil {
		return err
	}
	defer s.Close()
	o := f.order()
	if err := json.NewEncoder(s).Encode(message{Order: o}); err != nil {
		return fmt.Errorf("order a flow: %w", err)
	}
	if f.Direction == Up {
		err = s.send(ctx, f)
	} else {
		stop, cancel := f.stopAfter(ctx)
		defer cancel()
		err = errors.Join(s.receive(stop), stopped(ctx))
	}
	return errors.Join(err, h.account(client, s, o.ID))
}

// account enters a TCP connection that has ended.
func (h *Household) account(client *Host, s *stream, id string) error {
	up, resent, err := s.sent()
	if err != nil {
		return err
	}
	down, err := h.ask(client, s.family(), id)
	if err != nil {
		return fmt.Errorf("ask for the account of the other end: %w", err)
	}
	h.resent[client.Name].Add(resent + down.Resent)
	h.enter(client.Name, Kind{Internet, TCP, s.family()}, Counts{Up: up, Down: down.Sent})
	return nil
}

// ask asks for the account of a TCP connection.
func (h *Household) ask(client *Host, family Family, id string) (account, error) {
	d, err := client.openDialog(h.internet[family], Flow{Client: client.Name, Family: family}, h.inFlight)
	if err != nil {
		return account{}, err
	}
	defer d.close(&h.ledger)
	answer, err := d.ask(message{AccountOf: id})
	if err != nil {
		return account{}, err
	}
	return answer.given()
}
