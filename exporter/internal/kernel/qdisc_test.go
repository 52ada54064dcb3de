package kernel

import (
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"router-monitoring/exporter/internal/sample"
)

// recordedQdiscs reads what kernels answered to RTM_GETQDISC, by the name that
// stands in front of each message.
func recordedQdiscs(t testing.TB) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "qdiscs.txt"))
	must(t, err)
	messages := map[string][]byte{}
	for line := range strings.Lines(string(text)) {
		name, digits, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		messages[name], err = hex.DecodeString(digits)
		must(t, err)
	}
	return messages
}

// TestParseQdisc compares with what tc printed of the same messages.
func TestParseQdisc(t *testing.T) {
	messages := recordedQdiscs(t)
	for name, want := range printedByTC {
		if _, got := parseQdisc(messages[name]); !cmp.Equal(want, got) {
			t.Errorf("%s (-tc +got):\n%s", name, cmp.Diff(want, got))
		}
	}
	if len(messages) != len(printedByTC) {
		t.Errorf("%d messages are recorded, %d are compared", len(messages), len(printedByTC))
	}
}

// TestParseQdiscOfTomorrow adds attributes that no kernel has yet, everywhere.
func TestParseQdiscOfTomorrow(t *testing.T) {
	for name, message := range recordedQdiscs(t) {
		_, want := parseQdisc(message)
		later := slices.Concat(message[:tcmsgLen], withUnknown(message[tcmsgLen:], 0))
		if _, got := parseQdisc(later); !cmp.Equal(want, got) {
			t.Errorf("%s (-want +got):\n%s", name, cmp.Diff(want, got))
		}
	}
}

// withUnknown adds an unknown attribute to attributes and to those inside of them.
func withUnknown(b []byte, depth int) []byte {
	var out []byte
	for typ, value := range attrs(b) {
		nested := depth == 0 && (typ == tcaStats2 || typ == tcaOptions) || depth == 1 && typ == tcaStatsApp && len(value) > 100 ||
			depth == 2 && typ == cakeTins || depth == 3
		if nested {
			value = withUnknown(value, depth+1)
		}
		out = append(out, dumpAttr(typ, value...)...)
	}
	if depth == 3 {
		return out // what is here would be one more tin
	}
	return append(out, dumpAttr(200, 1, 2, 3, 4)...)
}

func TestParseQdiscPackets64(t *testing.T) {
	b := slices.Concat(
		dumpAttr(tcaStatsBasic, binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint64(nil, 1<<40), 5)...),
		dumpAttr(tcaStatsPkt64, binary.NativeEndian.AppendUint64(nil, 1<<32+5)...))
	var q sample.Qdisc
	parseQdiscStats(b, &q)
	if want := (sample.Traffic{Bytes: 1 << 40, Packets: 1<<32 + 5}); q.Traffic != want {
		t.Errorf("got %+v, want %+v", q.Traffic, want)
	}
}

func TestUnwrap(t *testing.T) {
	const wrap = 1 << 32
	drops := func(bytes, drops uint64) sample.Qdisc {
		return sample.Qdisc{Traffic: sample.Traffic{Bytes: bytes}, Drops: drops}
	}
	for _, tt := range []struct {
		name        string
		before, now sample.Qdisc
		want        uint64
	}{
		{"ok unchanged", drops(5, 7), drops(5, 7), 7},
		{"ok risen", drops(5, 7), drops(6, 9), 9},
		{"ok wrapped", drops(5, wrap-2), drops(6, 3), wrap + 3},
		{"ok wrapped before", drops(5, wrap+3), drops(6, 4), wrap + 4},
		{"ok wrapped twice", drops(5, 2*wrap-1), drops(5, 0), 2 * wrap},
		{"ok risen by much", drops(5, 7), drops(6, 7+1<<31-1), 7 + 1<<31 - 1},
		{"ok wrapped, risen by much", drops(5, wrap-1), drops(6, 1<<31-2), wrap + 1<<31 - 2},
		{"ok replaced, bytes say", drops(1<<50, wrap-2), drops(6, 3), 3},
		{"ok replaced, with more bytes already", drops(5, 7), drops(6, 3), 3},
		{"ok replaced after a wrap", drops(5, wrap+7), drops(6, 3), 3},
	} {
		if unwrap(&tt.now, &tt.before); tt.now.Drops != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, tt.now.Drops, tt.want)
		}
	}
}

// TestUnwrapEverything lets each counter of 32 bits wrap.
func TestUnwrapEverything(t *testing.T) {
	message := recordedQdiscs(t)["cake diffserv4"]
	_, before := parseQdisc(message)
	_, now := parseQdisc(message)
	before.Flows, now.Flows = &sample.Flows{}, &sample.Flows{}
	for _, c := range narrow(&before) {
		*c = 1<<32 - 1
	}
	for i, c := range narrow(&now) {
		*c = uint64(i)
	}
	unwrap(&now, &before)
	if n, want := len(narrow(&now)), 5+4*len(now.CAKE.Tins); n != want {
		t.Errorf("%d counters have 32 bits, want %d", n, want)
	}
	for i, c := range narrow(&now) {
		if *c != 1<<32+uint64(i) {
			t.Errorf("counter %d is %d", i, *c)
		}
	}
}

func TestSumQdiscs(t *testing.T) {
	messages := recordedQdiscs(t)
	all := map[qdiscID]sample.Qdisc{}
	for i, name := range []string{"fq_codel 1", "fq_codel 2", "cake diffserv4", "cake diffserv4", "htb"} {
		id, q := parseQdisc(messages[name])
		id.ifindex, id.handle, q.Interface = 1, uint32(i), "wan0"
		all[id] = q
	}
	one, two, cake, htb := printedByTC["fq_codel 1"], printedByTC["fq_codel 2"], printedByTC["cake diffserv4"], printedByTC["htb"]
	got := sumQdiscs(all)
	if len(got) != 3 || got[0].Kind != "cake" || got[1].Kind != "fq_codel" || got[2].Kind != "htb" {
		t.Fatalf("got %+v", got)
	}
	htb.Interface = "wan0"
	if diff := cmp.Diff(htb, got[2]); diff != "" {
		t.Errorf("htb (-want +got):\n%s", diff)
	}
	if got[1].Bytes != one.Bytes+two.Bytes || got[1].Drops != one.Drops+two.Drops || got[1].Flows.Active != one.Flows.Active+two.Flows.Active ||
		got[1].Flows.ECNMarks != one.Flows.ECNMarks+two.Flows.ECNMarks {
		t.Errorf("fq_codel: got %+v of %+v and %+v", got[1], one, two)
	}
	double, tin := got[0].CAKE.Tins[1], cake.CAKE.Tins[1]
	if got[0].CAKE.Bandwidth != cake.CAKE.Bandwidth || len(got[0].CAKE.Tins) != 4 || double.Bytes != 2*tin.Bytes || double.Drops != 2*tin.Drops ||
		double.PeakDelay != tin.PeakDelay || double.Threshold != tin.Threshold {
		t.Errorf("cake: got %+v, twice %+v", got[0].CAKE, cake.CAKE)
	}
	if again := sumQdiscs(all); !cmp.Equal(got, again) {
		t.Errorf("a sum changes what was summed (-first +second):\n%s", cmp.Diff(got, again))
	}
}

// FuzzParseQdisc takes any bytes for a message: none may panic or run on.
func FuzzParseQdisc(f *testing.F) {
	for _, message := range recordedQdiscs(f) {
		f.Add(message)
		f.Add(message[:len(message)/2])
	}
	for _, typ := range []uint16{tcaStatsBasic, tcaStatsQueue, tcaStatsPkt64, tcaStatsApp} {
		f.Add(slices.Concat(make([]byte, tcmsgLen), dumpAttr(tcaKind, []byte("fq_codel")...), dumpAttr(tcaStats2, dumpAttr(typ, 0, 0)...)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < tcmsgLen {
			return
		}
		id, q := parseQdisc(b)
		if q.CAKE != nil && len(q.CAKE.Tins) > maxTins {
			t.Errorf("%d tins", len(q.CAKE.Tins))
		}
		before := q
		unwrap(&q, &before)
		if sums := sumQdiscs(map[qdiscID]sample.Qdisc{id: q}); len(sums) != 1 || sums[0].Traffic != q.Traffic {
			t.Errorf("got %+v of %+v", sums, q)
		}
	})
}
