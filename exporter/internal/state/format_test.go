package state

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"router-monitoring/exporter/internal/registry"
	"router-monitoring/exporter/internal/sample"
)

var update = flag.Bool("update", false, "write testdata/v1.state anew")

var same = []cmp.Option{cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()}

func encoded(t testing.TB, s *registry.State) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Encode(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// seal makes a file of lines, the header and trailer around them.
func seal(lines ...string) []byte {
	body := `{"format":"network-metrics-state","version":1}` + "\n" + strings.Join(lines, "")
	return fmt.Appendf([]byte(body), trailer, crc32.Checksum([]byte(body), castagnoli))
}

func TestRoundTrip(t *testing.T) {
	extreme := &registry.State{
		Began: time.Date(1970, 1, 1, 1, 0, 0, 1, time.FixedZone("CET", 3600)).UTC(),
		Known: []uint64{0, 1, math.MaxUint64},
		Clients: []registry.ClientState{
			{}, {MACs: []sample.MAC{{}, {0xff, 0, 0xff}}, Addrs: []registry.AddrState{{}, {Trust: 255}}},
			{Primary: netip.MustParseAddr("::ffff:192.0.2.1")}, {Primary: netip.MustParseAddr("fe80::1%br-lan")},
			{Primary: netip.MustParseAddr(`fe80::1%é"\`)},
			{Totals: registry.Totals{Internet: sample.ByDirection{{Bytes: math.MaxUint64}, {}}}},
			{Name: `quote " backslash \ newline` + "\n" + ` <b>html</b> 💡 é ` + "\u2028\x00"},
			{Name: strings.Repeat("x", 3*flushAt)}, // longer than any buffer
		},
		Elements: make([]registry.ElementState, 3),
	}
	for name, s := range map[string]*registry.State{
		"filled": filled(t), "empty": {}, "extreme": extreme, "homes": homes(300),
	} {
		t.Run(name, func(t *testing.T) {
			// One byte at a time shows what depends on the reader's pace.
			got, err := Decode(iotest.OneByteReader(bytes.NewReader(encoded(t, s))))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(s, got, same...); diff != "" {
				t.Errorf("other after (+) than before (-):\n%s", diff)
			}
		})
	}
}

func TestEncodeGivesTheInstantOnly(t *testing.T) {
	at := time.Date(2026, 3, 29, 3, 30, 0, 0, time.FixedZone("CEST", 7200))
	got, err := Decode(bytes.NewReader(encoded(t, &registry.State{Began: at})))
	if err != nil || got.Began != at.UTC() {
		t.Errorf("got %v, %v, want %v", got, err, at.UTC())
	}
}

// TestOldFiles holds that every file of this version stays readable to the last
// field: renaming a field or changing its type needs a new version. A field that
// is added only needs -update.
func TestOldFiles(t *testing.T) {
	const path = "testdata/v1.state"
	want := filled(t)
	if *update {
		if err := os.WriteFile(path, encoded(t, want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if again := encoded(t, got); !bytes.Equal(again, file) {
		t.Errorf("not all was understood, see -update; read and written again (+):\n%s",
			cmp.Diff(strings.Split(string(file), "\n"), strings.Split(string(again), "\n")))
	}
}

func TestTruncatedAtEveryByte(t *testing.T) {
	file := encoded(t, filled(t))
	for n := range file {
		if got, err := Decode(bytes.NewReader(file[:n])); !errors.Is(err, ErrCorrupt) || got != nil {
			t.Fatalf("first %d of %d bytes: %v, %v", n, len(file), got, err)
		}
	}
}

func TestEveryFlippedBitIsNoticed(t *testing.T) {
	file := encoded(t, homes(1))
	for i := range file {
		for bit := range 8 {
			file[i] ^= 1 << bit
			_, err := Decode(bytes.NewReader(file))
			// A version that became another digit is a newer one, and not read either.
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNewer) {
				t.Fatalf("bit %d of byte %d: %v", bit, i, err)
			}
			file[i] ^= 1 << bit
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	whole := string(seal(`{"Known":[1]}` + "\n"))
	for name, c := range map[string]struct {
		file string
		want error
		text string
	}{
		"bad empty file":      {"", ErrCorrupt, "line 1: cut off"},
		"bad zeros":           {strings.Repeat("\x00", 4096), ErrCorrupt, "line 1: cut off"},
		"bad other file":      {"# comment\n", ErrCorrupt, "line 1: not the beginning of a state file"},
		"bad other format":    {`{"format":"x","version":1}` + "\n", ErrCorrupt, "not the beginning"},
		"bad version zero":    {`{"format":"network-metrics-state","version":0}` + "\n", ErrCorrupt, "not the beginning"},
		"bad two files":       {whole + whole, ErrCorrupt, "line 3: goes on after its end"},
		"bad trailing byte":   {whole + "\n", ErrCorrupt, "goes on after its end"},
		"bad checksum":        {strings.Replace(whole, "[1]", "[2]", 1), ErrCorrupt, "line 4: cut off, or its checksum does not fit"},
		"bad without trailer": {whole[:strings.LastIndex(whole, "{")], ErrCorrupt, "line 3: cut off"},
		"bad type":            {string(seal(`{"Known":["1"]}` + "\n")), ErrCorrupt, `line 2: "Known":"\"1\"]}" instead of a number`},
		"bad number":          {string(seal(`{"Known":[18446744073709551616]}` + "\n")), ErrCorrupt, "number too large"},
		"bad narrow number":   {string(seal(`{"Clients":[{"Addrs":[{"Trust":256}]}]}` + "\n")), ErrCorrupt, "number too large"},
		"bad negative number": {string(seal(`{"Known":[-1]}` + "\n")), ErrCorrupt, "instead of a number"},
		"bad MAC":             {string(seal(`{"Clients":[{"MACs":["00:00:00:00:00:0g"]}]}` + "\n")), ErrCorrupt, `"Clients":"MACs":`},
		"bad MAC separator":   {string(seal(`{"Clients":[{"MACs":["00:00:00:00:00-00"]}]}` + "\n")), ErrCorrupt, "not a MAC"},
		"bad MAC length":      {string(seal(`{"Clients":[{"MACs":["00:00:00:00:00"]}]}` + "\n")), ErrCorrupt, "not a MAC"},
		"bad address":         {string(seal(`{"Clients":[{"Primary":"1.2.3"}]}` + "\n")), ErrCorrupt, `"Primary":`},
		"bad time":            {string(seal(`{"Began":"yesterday"}` + "\n")), ErrCorrupt, `"Began":`},
		"bad class":           {string(seal(`{"Elements":[{"Class":2}]}` + "\n")), ErrCorrupt, "hook 0, class 2, direction 0"},
		"bad hook":            {string(seal(`{"Elements":[{"Hook":2}]}` + "\n")), ErrCorrupt, "hook 2, class 0, direction 0"},
		"bad direction":       {string(seal(`{"Elements":[{"Direction":2}]}` + "\n")), ErrCorrupt, "hook 0, class 0, direction 2"},
		"bad short array":     {string(seal(`{"Counters":{"Router":[{}]}}` + "\n")), ErrCorrupt, "list of 1 instead of 2"},
		"bad long array":      {string(seal(`{"Counters":{"Router":[{},{},{}]}}` + "\n")), ErrCorrupt, "instead of the end of a list"},
		"bad end of line":     {string(seal(`{"Known":[1]}}` + "\n")), ErrCorrupt, "instead of the end of the line"},
		"bad escape":          {string(seal(`{"Clients":[{"Name":"\x"}]}` + "\n")), ErrCorrupt, "invalid character"},
		"bad unknown field":   {string(seal(`{"Later":[{"a":"]"}` + "\n")), ErrCorrupt, "instead of a value"},
		"newer":               {`{"format":"network-metrics-state","version":12}` + "\n\x00\x01", ErrNewer, "version 12, this program knows up to 1"},
		"newer, other header": {`{"format":"network-metrics-state","version":2,"by":["x"]}` + "\n", ErrNewer, "version 2"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Decode(strings.NewReader(c.file))
			if !errors.Is(err, c.want) || got != nil {
				t.Fatalf("got %v, %v, want %v", got, err, c.want)
			}
			if !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error is %q, want one line with %q", err, c.text)
			}
		})
	}
}

func TestDecodeSkipsWhatItDoesNotKnow(t *testing.T) {
	file := seal(`{"Later":{"a":[1,{"b":"}\"]"}],"c":null},"Shutdown":true,"x":-1.5e3}`+"\n",
		`{"Period":{"Base":[{"Packets":2,"New":[[]],"Bytes":1},{}],"Tail":""}}`+"\n", "{}\n")
	want := &registry.State{Shutdown: true, Period: registry.Period{Base: sample.ByDirection{{Bytes: 1, Packets: 2}}}}
	got, err := Decode(bytes.NewReader(file))
	if diff := cmp.Diff(want, got, same...); err != nil || diff != "" {
		t.Errorf("%v, want (-), got (+):\n%s", err, diff)
	}
}

func TestDecodeBoundsMemory(t *testing.T) {
	size := int(reflect.TypeFor[registry.ClientState]().Size())
	file := seal(strings.Repeat(`{"Clients":[{},{}]}`+"\n", 500))
	if _, err := decode(bytes.NewReader(file), 1000*size); err != nil {
		t.Error(err)
	}
	_, err := decode(bytes.NewReader(file), 1000*size-1)
	if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "line 501: \"Clients\":would fill too much memory") {
		t.Errorf("got %v", err)
	}
}

func TestFileIsBounded(t *testing.T) {
	in := newLines(strings.NewReader("{}\n{}\n"))
	in.size = maxFile - len("{}\n")
	if line, err := in.next(); err != nil || string(line) != "{}\n" {
		t.Errorf("last line that fits: %q, %v", line, err)
	}
	if _, err := in.next(); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "larger than 256 MiB") {
		t.Errorf("one line more: %v", err)
	}

	out := writer{w: io.Discard, buf: []byte("{}\n"), n: maxFile - int64(len("{}\n"))}
	if err := out.flush(); err != nil {
		t.Errorf("write up to the bound: %v", err)
	}
	out.buf = []byte("\n")
	if err := out.flush(); err == nil {
		t.Error("written beyond the bound")
	}
}

func TestDecodeGivesTheReadersError(t *testing.T) {
	file := encoded(t, homes(500))
	broken := errors.New("input/output error")
	for _, n := range []int{0, 10, len(file) / 2, len(file) - 1} {
		r := &failing{rest: file[:n], err: broken}
		if _, err := Decode(r); !errors.Is(err, broken) || errors.Is(err, ErrCorrupt) {
			t.Errorf("after %d bytes: got %v", n, err)
		}
	}
}

func TestEncodeRefusesWhatDecodeWould(t *testing.T) {
	err := Encode(io.Discard, &registry.State{Began: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err == nil || !strings.Contains(err.Error(), `"Began":`) {
		t.Errorf("year 10000: %v", err)
	}
}

func TestEncodeGivesTheWritersError(t *testing.T) {
	for _, n := range []int64{0, flushAt, 3 * flushAt} {
		if err := Encode(&narrow{room: n}, homes(500)); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("room for %d bytes: %v", n, err)
		}
	}
}

// narrow is a full disk.
type narrow struct{ room int64 }

func (w *narrow) Write(b []byte) (int, error) {
	if w.room -= int64(len(b)); w.room < 0 {
		return 0, io.ErrShortWrite
	}
	return len(b), nil
}

// failing is a disk with a bad sector.
type failing struct {
	rest []byte
	err  error
}

func (r *failing) Read(b []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, r.err
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
