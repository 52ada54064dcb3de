package collector

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"router-monitoring/exporter/internal/registry"
	"router-monitoring/exporter/internal/sample"
)

func written(t testing.TB, s Scrape, extra map[string]string) string {
	t.Helper()
	var b strings.Builder
	if err := NewText(extra).Write(&b, &s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestText(t *testing.T) { compare(t, "testdata/scrape.txt", written(t, example(), location)) }

// TestTextIsClientGolangs compares the text with that of client_golang, byte for
// byte but for the order of a metric's series.
func TestTextIsClientGolangs(t *testing.T) {
	hostile := example()
	for i, name := range []string{"\"", "\\", "\n", "a\nb\"c\\d\\n", "\xff\xfe\x80", "日本\u2028é", "}{,=# HELP", "", strings.Repeat("long", 20000)} {
		hostile.Clients = append(hostile.Clients, registry.Client{
			Name: name, MAC: sample.MAC{0, 0, 0, 0, 0, byte(i)}, Vendor: name, Type: name, NameSource: registry.NameSource(name), Interface: name,
		})
	}
	hostile.Hook, hostile.Table = "\\\"\n", "\xff"
	hostile.Leases = []LeaseFile{{Path: "/a\"\n\\\xff"}}
	rows := map[string]Scrape{
		"the example":   example(),
		"hostile names": hostile,
		"nothing":       {Snapshot: &registry.Snapshot{}},
	}
	big := crowd(2*partClients + 10)
	for i := range big.Clients {
		if i != 2*partClients+7 { // the parts before that one's have no quota
			big.Clients[i].Quota = 0
		}
	}
	rows["a crowd"] = big
	for seed := range uint64(20) {
		rows[fmt.Sprintf("random %d", seed)] = random(rand.New(rand.NewPCG(seed, 0)))
	}
	for name, s := range rows {
		for _, extra := range []map[string]string{nil, location, {"room": "\"a\\\n\xff", "a": ""}} {
			t.Run(name, func(t *testing.T) {
				want, got := sorted(clientGolang(t, s, extra)), sorted(written(t, s, extra))
				if !reflect.DeepEqual(want, got) {
					t.Errorf("(-client_golang +text):\n%s", cmp.Diff(want, got))
				}
			})
		}
	}
}

// clientGolang writes a scrape by way of a pedantic registry and expfmt.
func clientGolang(t *testing.T, s Scrape, extra map[string]string) string {
	t.Helper()
	c := newCollector(func() Scrape { return s }, extra)
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(c)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	c.order(families)
	var b bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// sorted cuts a text into its families, with the lines of each in order.
func sorted(text string) [][]string {
	var families [][]string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "# HELP ") {
			families = append(families, nil)
		}
		last := &families[len(families)-1]
		*last = append(*last, line)
	}
	for _, lines := range families {
		slices.Sort(lines[2:]) // behind HELP and TYPE
	}
	return families
}

func random(r *rand.Rand) Scrape {
	number := func() uint64 { return r.Uint64() >> r.UintN(64) }
	pair := func() (p sample.ByDirection) {
		for d := range p {
			p[d] = sample.Traffic{Bytes: number(), Packets: number()}
		}
		return p
	}
	text := func() string {
		b := make([]byte, r.UintN(12))
		for i := range b {
			b[i] = byte(r.UintN(256))
		}
		return string(b)
	}
	flag := func() bool { return r.UintN(2) == 0 }
	at := func() time.Time { return time.UnixMilli(int64(number() >> 20)) }
	s := Scrape{
		Snapshot: &registry.Snapshot{
			Forwarded: pair(), Router: pair(), Forgotten: pair(), Period: pair(), PeriodQuota: number(), Conflicts: number(),
			Unattributed: registry.Unattributed{Overflow: pair(), Excluded: pair(), Unsolicited: pair(), Evicted: pair()},
			Connections:  &sample.Connections{Entries: number(), Limit: number()},
		},
		State: &State{Up: flag(), LastSave: at(), Duration: time.Duration(number() >> 1), Size: int64(number() >> 1)},
		Hook:  text(), Table: text(), Repairs: number(), ConfigReloadFailed: flag(), ConfigLoaded: at(), took: time.Duration(number() >> 1),
	}
	for i := range r.UintN(50) {
		c := registry.Client{
			Name: text(), Vendor: text(), Type: text(), Interface: text(), MAC: sample.MAC{byte(number()), byte(number()), 3: byte(i)},
			Totals:   registry.Totals{Internet: pair(), IPv6: pair(), Local: pair()},
			Lifetime: pair(), Period: pair(), Quota: number(), Online: flag(), Baseline: flag(), FirstSeen: at(), LastSeen: at(),
			Connections: sample.Protocols{TCP: number() >> 2, UDP: number() >> 2, ICMP: number() >> 2, Other: number() >> 2},
		}
		if flag() {
			c.Addr = netip.AddrFrom16([16]byte{byte(number()), 15: byte(i)})
		} else {
			c.Addr = netip.AddrFrom4([4]byte{byte(number()), 0, 0, byte(i)})
		}
		s.Clients = append(s.Clients, c)
	}
	return s
}

func TestValuesAreWrittenAsExpfmtDoes(t *testing.T) {
	values := []float64{
		0, math.Copysign(0, -1), 1, -1, 0.5, 0.1, 1e5, 123456, 999999, 1e6, 1234567, 1e20, 1e21, 1 << 53, math.MaxUint64,
		1.7999999985e9, 1e-4, 1e-5, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Pi, math.NaN(), math.Inf(1), math.Inf(-1),
	}
	for n := 1.0; n < 1<<60; n = n*3 + 7 { // of all lengths, with zeros at the end and without
		values = append(values, n, math.Round(n/1000)*1000, n+0.5, n/1000, math.Nextafter(n/1000, 0))
	}
	values = append(values, 1<<53-1, 1<<53+2, 1_000_001, 9_999_999, 10_000_000)
	for _, v := range values {
		var b strings.Builder
		f := &dto.MetricFamily{Name: new("x"), Type: dto.MetricType_GAUGE.Enum(), Metric: []*dto.Metric{{Gauge: &dto.Gauge{Value: &v}}}}
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			t.Fatal(err)
		}
		if got, want := "# TYPE x gauge\nx "+string(appendValue(nil, v))+"\n", b.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// FuzzEscaping checks that Prometheus' own parser reads the values of labels as
// they are, and nothing else.
func FuzzEscaping(f *testing.F) {
	for _, s := range []string{"", "tv", "\"", "\\", "\n", "\\n", "\xff", "\x00", "a\"} 1\nnetwork_clients 7", "日本"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, name, vendor string) {
		s := example()
		s.Clients = []registry.Client{{Name: name, Vendor: vendor, MAC: sample.MAC{2}}}
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(strings.NewReader(written(t, s, map[string]string{"extra": vendor})))
		if err != nil {
			t.Fatal(err)
		}
		clean := func(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
		want := map[string]string{
			"ip": "", "hostname": clean(name), "mac": "02:00:00:00:00:00", "extra": clean(vendor),
			"vendor": clean(vendor), "type": "", "name_source": "", "interface": "", "random_mac": "true",
		}
		got := map[string]string{}
		for _, l := range families["network_client_info"].Metric[0].Label {
			got[l.GetName()] = l.GetValue()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +parsed):\n%s", diff)
		}
		if n := len(families["network_clients"].Metric); n != 1 {
			t.Errorf("%d series of network_clients", n)
		}
	})
}

// full takes so many bytes and no more.
type full int

func (f *full) Write(p []byte) (int, error) {
	n := min(len(p), int(*f))
	*f -= full(n)
	if n < len(p) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

func TestWriteTellsOfErrors(t *testing.T) {
	s, text := crowd(2000), NewText(nil)
	size := len(written(t, s, nil))
	for _, room := range []int{0, 1, size / 2, size - 1} {
		w := full(room)
		if err := text.Write(&w, &s); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("%d of %d bytes written: %v", room, size, err)
		}
	}
	w := full(size)
	if err := text.Write(&w, &s); err != nil {
		t.Errorf("after errors: %v", err)
	}
}

// TestWriteAllocatesNothingPerSample leaves room for buffers made anew: the race
// detector throws some away.
func TestWriteAllocatesNothingPerSample(t *testing.T) {
	s, text := crowd(1000), NewText(location)
	if n := testing.AllocsPerRun(20, func() { _ = text.Write(io.Discard, &s) }); n > 100 {
		t.Errorf("%.0f allocations for 24,000 samples", n)
	}
}

// crowd is a scrape of n clients that are all like the TV.
func crowd(n int) Scrape {
	s := example()
	one := s.Clients[1]
	s.Clients = nil
	for i := range n {
		one.Name = fmt.Sprintf("client-%d", i)
		one.Addr = netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		one.MAC = sample.MAC{2, 0, 0, 0, byte(i >> 8), byte(i)}
		one.Internet[down].Bytes = uint64(i) * 123_456_789
		s.Clients = append(s.Clients, one)
	}
	return s
}

func BenchmarkText(b *testing.B) {
	benchmark(b, func(s Scrape) func() error {
		text := NewText(nil)
		return func() error { return text.Write(io.Discard, &s) }
	})
}

// BenchmarkClientGolang is what BenchmarkText is measured against.
func BenchmarkClientGolang(b *testing.B) {
	benchmark(b, func(s Scrape) func() error {
		reg := prometheus.NewRegistry()
		reg.MustRegister(newCollector(func() Scrape { return s }, nil))
		return func() error {
			families, err := reg.Gather()
			for _, f := range families {
				_, _ = expfmt.MetricFamilyToText(io.Discard, f)
			}
			return err
		}
	})
}

func benchmark(b *testing.B, prepare func(Scrape) func() error) {
	for _, n := range []int{25, 250, 4096, 10_000} {
		b.Run(fmt.Sprintf("clients=%d", n), func(b *testing.B) {
			scrape := prepare(crowd(n))
			b.ReportAllocs()
			for b.Loop() {
				if err := scrape(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
