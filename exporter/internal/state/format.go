// Package state keeps what the registry knows over restarts: a format on
// io.Writer and io.Reader, and a folder that holds it safely.
//
// The file is JSON Lines, because its owner may want to look at it, and less,
// grep and jq do:
//
//	jq -r '.Clients[]? | [.MACs[0], .Primary, .Name] | @tsv' state
//
// The first line names the format and its version, the last one holds the
// CRC-32C (RFC 3720, appendix B.4) of all bytes before it. Each line between is
// a part of one [registry.State] under the names of its Go fields; lists come
// an entry a line, in order, and what is zero is left out:
//
//	{"format":"network-metrics-state","version":1}
//	{"Began":"2026-01-02T15:04:05Z","Counters":{"Epoch":"8c1f"}}
//	{"Clients":[{"MACs":["02:00:00:00:00:01"],"Primary":"192.168.1.10"}]}
//	{"Elements":[{"Direction":1,"Addr":"192.168.1.10","Bytes":1500,"Packets":1}]}
//	{"crc32c":"6dd3a1c4"}
//
// A binary format would be smaller and faster, which does not matter: a home is
// some 50 kB, and 4,096 clients with 32,768 counters are 9 MB and 40 ms of work.
// encoding/json needs three to five times as long and 20 MB of garbage each
// time, hence the small codec here.
//
// A new field needs no new version: an older program skips what it does not
// know, and a newer one finds zero where an older one wrote nothing. The version
// rises when an older program would misread the rest.
package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"reflect"

	"router-monitoring/exporter/internal/registry"
	"router-monitoring/exporter/internal/sample"
)

const (
	format  = "network-metrics-state"
	version = 1

	// 65,536 clients with eight counters each, far more than a router has, stay
	// below both.
	maxFile   = 256 << 20 // bytes that are written or read
	maxMemory = 256 << 20 // bytes that the lists may fill, whatever the file says
)

var (
	// ErrCorrupt means that a file is damaged, cut off, or no state at all.
	ErrCorrupt = errors.New("corrupt state")

	// ErrNewer means that a later version of this program wrote the file.
	ErrNewer = errors.New("state of a newer version")
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	stateCodec = newStructCodec(reflect.TypeFor[registry.State]())
)

type header struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
}

// trailer closes the file.
const trailer = `{"crc32c":"%08x"}` + "\n"

// Encode writes a state. It makes little garbage and holds 64 KiB at a time.
func Encode(w io.Writer, s *registry.State) error {
	_, err := encode(w, s)
	return err
}

func encode(w io.Writer, s *registry.State) (int64, error) {
	out := writer{w: w, buf: make([]byte, 0, flushAt+8<<10)}
	out.buf = fmt.Appendf(out.buf, `{"format":%q,"version":%d}`+"\n", format, version)
	if err := out.state(reflect.ValueOf(s).Elem()); err != nil {
		return 0, err
	}
	if err := out.flush(); err != nil {
		return 0, err
	}
	out.buf = fmt.Appendf(out.buf, trailer, out.sum)
	err := out.flush()
	return out.n, err
}

// Decode reads a state that Encode wrote, all of it or nothing. Errors wrap
// ErrCorrupt or ErrNewer unless they are the reader's own.
func Decode(r io.Reader) (*registry.State, error) { return decode(r, maxMemory) }

func decode(r io.Reader, memory int) (*registry.State, error) {
	in := newLines(r)
	if err := in.header(); err != nil {
		return nil, err
	}
	s := new(registry.State)
	v := reflect.ValueOf(s).Elem()
	for {
		line, err := in.next()
		if err != nil {
			return nil, err
		}
		if in.isTrailer(line) {
			break
		}
		in.add(line)
		p := parser{rest: line[:len(line)-1], memory: &memory}
		if err := p.line(v); err != nil {
			return nil, in.corrupt(err)
		}
	}
	if err := errors.Join(in.end(), checkElements(s)); err != nil {
		return nil, in.corrupt(err)
	}
	return s, nil
}

// checkElements refuses what would point outside an array.
func checkElements(s *registry.State) error {
	for i := range s.Elements {
		if e := &s.Elements[i]; e.Hook >= sample.Hooks || e.Class >= sample.Classes || e.Direction >= sample.Directions {
			return fmt.Errorf("hook %d, class %d, direction %d", e.Hook, e.Class, e.Direction)
		}
	}
	return nil
}

// header tells a newer version from a damaged file, whatever follows.
func (in *lines) header() error {
	line, err := in.next()
	if err != nil {
		return err
	}
	in.add(line)
	var h header
	if err := json.Unmarshal(line, &h); err != nil || h.Format != format || h.Version < 1 {
		return in.corrupt(errors.New("not the beginning of a state file"))
	}
	if h.Version > version {
		return fmt.Errorf("%w: it has version %d, this program knows up to %d", ErrNewer, h.Version, version)
	}
	return nil
}
