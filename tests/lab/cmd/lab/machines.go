package main

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"router-monitoring/tests/lab"
)

// machines are the commands that play the load across three machines: they use
// the network of the one they run on.
type machines struct {
	wan, listen         string
	lan                 string
	clients             []string
	flow                string
	duration            time.Duration
	internet, internet6 netip.Addr
	port                uint16
}

// command carries out what was chosen, with the profile.
type command func(context.Context, lab.Profile) error

// commands defines the commands and gives what each does.
func (m *machines) commands(app *kingpin.Application) map[string]command {
	internet := app.Command("internet", "On the machine that is the internet: serve flows until Ctrl-C.")
	internet.Flag("listen", "Where clients find it, over TCP and UDP.").Default(":7000").StringVar(&m.listen)
	internet.Flag("interface", "Interface toward the router.").Default(lab.WAN).StringVar(&m.wan)

	join := app.Command("join", "On the machine of the clients: put them on the network and print their leases.")
	join.Flag("interface", "Interface toward the router.").Default("lan0").StringVar(&m.lan)
	m.clientFlag(join, "all")

	play := app.Command("play", "On the machine of the clients: play their load, then print what each sent and received.")
	play.Flag("duration", "How long the load lasts; 0 until Ctrl-C.").Default("60s").DurationVar(&m.duration)
	play.Flag("flow", "What each client plays instead of the profile's flows, written as there: '{proto: tcp, direction: up, rate: 5Mbit}'. Without a rate it goes as fast as it can.").StringVar(&m.flow)
	play.Flag("internet", "IPv4 address of the internet.").Default("203.0.113.1").SetText(&m.internet)
	play.Flag("internet6", "IPv6 address of the internet.").Default("2001:db8:ffff::1").SetText(&m.internet6)
	play.Flag("port", "Port of the internet.").Default("7000").Uint16Var(&m.port)
	m.clientFlag(play, "those that have joined")

	leave := app.Command("leave", "On the machine of the clients: give their leases back and take them off the network.")
	m.clientFlag(leave, "all")

	return map[string]command{
		internet.FullCommand(): m.runInternet,
		join.FullCommand():     m.runJoin,
		play.FullCommand():     m.runPlay,
		leave.FullCommand():    m.runLeave,
	}
}

func (m *machines) clientFlag(cmd *kingpin.CmdClause, otherwise string) {
	cmd.Flag("client", "Name of a client, repeatable; by default "+otherwise+".").StringsVar(&m.clients)
}

func (m *machines) runInternet(ctx context.Context, _ lab.Profile) error {
	return lab.ServeInternet(ctx, m.listen, m.wan)
}

func (m *machines) runJoin(ctx context.Context, p lab.Profile) error {
	p, err := m.chosen(p)
	if err != nil {
		return err
	}
	hosts, err := lab.Join(ctx, p, m.lan)
	if err != nil {
		return err
	}
	return printLeases(hosts)
}

func (m *machines) runPlay(ctx context.Context, p lab.Profile) error {
	if len(m.clients) == 0 {
		if m.clients = lab.Joined(p); len(m.clients) == 0 {
			return fmt.Errorf("no client of profile %s has joined, see `lab join`", p.Name)
		}
	}
	p, err := m.chosen(p)
	if err != nil {
		return err
	}
	h, err := lab.OpenHousehold(p, netip.AddrPortFrom(m.internet, m.port), netip.AddrPortFrom(m.internet6, m.port))
	if err != nil {
		return err
	}
	return playHousehold(ctx, h, m.duration)
}

func (m *machines) runLeave(_ context.Context, p lab.Profile) error {
	p, err := m.chosen(p)
	if err != nil {
		return err
	}
	return lab.Leave(p)
}

// chosen reduces the profile to what the flags say.
func (m *machines) chosen(p lab.Profile) (lab.Profile, error) {
	if len(m.clients) > 0 {
		var err error
		if p, err = p.Only(m.clients...); err != nil {
			return p, err
		}
	}
	if m.flow == "" {
		return p, nil
	}
	f, err := lab.ParseFlow(m.flow)
	for i := range p.Clients {
		f.Client = p.Clients[i].Name
		p.Clients[i].Flows = []lab.Flow{f}
	}
	return p, err
}
