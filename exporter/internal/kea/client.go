// Package kea asks Kea's DHCP servers what is left of their pools, over the UNIX
// sockets that they take commands on. A server may be wrong or another program may
// sit on its socket, so answers are bounded and nothing in them is trusted.
package kea

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"

	"router-monitoring/exporter/internal/sample"
)

// maxAnswer bounds an answer, in bytes. A subnet's statistics take some 10 kB,
// for Kea keeps the last 20 values of each.
const maxAnswer = 4 << 20

// Results of commands (src/lib/cc/command_interpreter.h).
const (
	success     = 0
	unsupported = 2
	empty       = 3
)

// answer is what a server replies to a command (Kea ARM, "Management API").
type answer struct {
	Result    *int            `json:"result"`
	Text      string          `json:"text"`
	Arguments json.RawMessage `json:"arguments"`
}

var errUnsupported = errors.New("the server does not know the command")

// Read asks the server behind a socket for its pools: one for each subnet, and
// another for the prefixes that a subnet delegates. It takes as long as ctx lets it.
func Read(ctx context.Context, socket string) ([]sample.Pool, error) {
	s := &server{}
	if err := ask(ctx, socket, "config-get", s.readConfig); err != nil {
		return nil, err
	}
	if err := ask(ctx, socket, "statistic-get-all", s.readStatistics); err != nil {
		return nil, err
	}
	if s.counts {
		err := ask(ctx, socket, fmt.Sprintf("stat-lease%d-get", s.family), s.readLeases)
		if err != nil && !errors.Is(err, errUnsupported) {
			return nil, err
		}
	}
	return s.pools(), nil
}

// ask sends a command without arguments, for which Kea wants a connection of its
// own, and reads the arguments of the answer.
func ask(ctx context.Context, socket, command string, read func([]byte) error) error {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w; let the exporter's user write to the socket and search its folder", err)
	}
	if err != nil {
		return err // it says "dial unix PATH: …"
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	arguments, err := exchange(conn, command)
	if err == nil {
		err = read(arguments)
	}
	if ctx.Err() != nil {
		err = errors.New("no answer in time; see whether Kea runs and dhcp.kea names its control socket")
	}
	if err != nil {
		return fmt.Errorf("%s: %s: %w", socket, command, err)
	}
	return nil
}

func exchange(conn io.ReadWriter, command string) ([]byte, error) {
	if _, err := fmt.Fprintf(conn, `{"command": %q}`, command); err != nil {
		return nil, err
	}
	in := &io.LimitedReader{R: conn, N: maxAnswer}
	var a answer
	err := json.NewDecoder(in).Decode(&a)
	switch {
	case err != nil && in.N == 0:
		return nil, fmt.Errorf("the answer is larger than %d MiB", maxAnswer>>20)
	case err != nil:
		return nil, fmt.Errorf("the answer is not Kea's: %w", err)
	case a.Result == nil:
		return nil, errors.New("the answer is not Kea's: it has no result")
	case *a.Result == unsupported:
		return nil, errUnsupported
	case *a.Result != success && *a.Result != empty:
		return nil, fmt.Errorf("refused: %.200q", a.Text)
	}
	return a.Arguments, nil
}
