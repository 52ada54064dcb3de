// Package top shows in a terminal who uses the line this second, by the API of
// an exporter on this router or another one.
package top

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	tea "github.com/charmbracelet/bubbletea"
	"golang.org/x/term"

	"router-monitoring/exporter/internal/web"
)

// options are the command line.
type options struct {
	url                    string
	username, passwordFile string
	password               string // asked for where there is a name and no file
	caFile                 string
	insecure, once         bool
	sort                   string
}

// Command is how the program is asked for it.
const Command = "top"

// App defines the command line of `program top`.
func App(program string) (*kingpin.Application, func(context.Context) error) {
	var o options
	app := kingpin.New(program+" "+Command, "Shows in a terminal who uses the line this second. What is not a terminal gets one table.")
	app.Flag("url", "The exporter to ask.").Default("http://127.0.0.1:9101").StringVar(&o.url)
	app.Flag("username", "Name for an exporter with basic auth.").StringVar(&o.username)
	app.Flag("password-file", "File with the password; without one it is asked for.").StringVar(&o.passwordFile)
	app.Flag("tls-ca-file", "Certificate that the exporter's is checked against, if the system does not know it.").StringVar(&o.caFile)
	app.Flag("tls-insecure", "Do not check the exporter's certificate.").BoolVar(&o.insecure)
	app.Flag("sort", "What to sort by: "+strings.Join(web.Orders(), ", ")+"; with - in front the other way round.").Default("down").EnumVar(&o.sort, bothWays(web.Orders())...)
	app.Flag("once", "Print one table and exit.").BoolVar(&o.once)
	app.HelpFlag.Short('h')
	return app, func(ctx context.Context) error { return run(ctx, o) }
}

func run(ctx context.Context, o options) error {
	if o.username != "" && o.passwordFile == "" {
		password, err := askPassword(o.username)
		if err != nil {
			return err
		}
		o.password = password
	}
	a, err := newAPI(o)
	if err != nil {
		return err
	}
	first, err := a.clients(ctx) // what is wrong is better said before the screen is taken
	if err != nil {
		return err
	}
	m := newModel(first, o.sort)
	if o.once || !term.IsTerminal(int(os.Stdout.Fd())) {
		_, err := io.WriteString(os.Stdout, m.table())
		return err
	}
	return interact(ctx, a, m)
}

// retry is how long a lost connection rests.
const retry = 3 * time.Second

// historyPace is how often the curves are read: a slot of theirs.
const historyPace = 5 * time.Second

func interact(ctx context.Context, a *api, m *model) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := tea.NewProgram(m, tea.WithAltScreen(), tea.WithContext(ctx))
	go every(ctx, retry, func() {
		err := a.stream(ctx, func(d *web.Document) { p.Send((*snapshot)(d)) })
		p.Send(lost{err})
	})
	go every(ctx, historyPace, func() {
		if d, err := a.clients(ctx); err == nil { // else the stream tells
			p.Send((*history)(d))
		}
	})
	_, err := p.Run()
	if errors.Is(err, tea.ErrProgramKilled) || errors.Is(err, tea.ErrInterrupted) {
		return nil // by a signal, as somebody wished
	}
	return err
}

// every calls f, with a pause after each time, until ctx ends.
func every(ctx context.Context, pause time.Duration, f func()) {
	for ctx.Err() == nil {
		f()
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func askPassword(username string) (string, error) {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return "", errors.New("--username needs --password-file where nobody can be asked for the password")
	}
	fmt.Fprintf(os.Stderr, "Password of %s: ", username)
	password, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(os.Stderr)
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return string(password), nil
}
