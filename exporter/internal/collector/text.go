package collector

import (
	"bufio"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"router-monitoring/exporter/internal/registry"
	"router-monitoring/exporter/internal/sample"
)

// Text writes scrapes in Prometheus' text format, version 0.0.4:
// https://prometheus.io/docs/instrumenting/exposition_formats. At 4,096 clients
// it takes 7 ms and no memory but its buffer; client_golang's registry and
// encoder took 230 ms and 44 MB. It may be used from many goroutines at once.
type Text struct {
	families []family // by name
	extra    string   // the owner's labels as they stand in each client's series
}

// family is all there is to know in advance about the text of a metric.
type family struct {
	*Metric
	header string   // the lines HELP and TYPE
	keys   []string // what stands in front of the value of each of the metric's own labels
}

// NewText returns a writer that puts the extra labels into all series of clients.
func NewText(extra map[string]string) *Text {
	t := &Text{}
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		t.extra += "," + name + `="` + escaped(extra[name]) + `"`
	}
	for _, m := range Metrics {
		t.families = append(t.families, newFamily(m))
	}
	slices.SortFunc(t.families, func(a, b family) int { return strings.Compare(a.Name, b.Name) })
	return t
}

func newFamily(m *Metric) family {
	f := family{
		Metric: m,
		header: "# HELP " + m.Name + " " + helpEscaper.Replace(m.Help) + "\n# TYPE " + m.Name + " " + string(m.Type) + "\n",
	}
	separator := "{"
	if m.OfClient() {
		separator = ","
	}
	for _, l := range m.Labels {
		f.keys = append(f.keys, separator+l+`="`)
		separator = ","
	}
	return f
}

var (
	helpEscaper  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	valueEscaper = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

// escaped makes a label's value fit for the text. Prometheus rejects a whole
// scrape for one byte that is not UTF-8.
func escaped(value string) string {
	if isPlain(value) {
		return value
	}
	return valueEscaper.Replace(strings.ToValidUTF8(value, "\uFFFD"))
}

// isPlain reports a value that stands for itself, as nearly all do.
func isPlain(value string) bool {
	for i := range len(value) {
		if b := value[i]; b < ' ' || b >= utf8.RuneSelf || b == '"' || b == '\\' {
			return false
		}
	}
	return true
}

// Write writes a scrape and, behind it, families from elsewhere. It stops when w
// takes no more.
func (t *Text) Write(w io.Writer, s *Scrape, more ...*dto.MetricFamily) error {
	b := buffers.Get().(*buffer)
	b.Reset(w)
	defer func() {
		b.Reset(nil)
		buffers.Put(b)
	}()
	b.renderClients(s.Clients, t.extra)
	for i := range t.families {
		if err := b.writeFamily(&t.families[i], s); err != nil {
			return err
		}
	}
	for _, f := range more {
		if _, err := expfmt.MetricFamilyToText(b, f); err != nil {
			return err
		}
	}
	return b.Flush()
}

// buffer is what writing a scrape needs; the next one uses it again.
type buffer struct {
	*bufio.Writer
	clients []byte // each client's labels as they stand in all its series, but for the closing brace
	ends    []int  // of each client's part of these
	header  string // of the family at hand, until it is written
	samples samples
}

// Large writes pass net/http's own buffer by. A line longer than lineSize is
// written all the same but may cost an allocation.
const (
	bufferSize = 64 << 10
	lineSize   = 1 << 10
)

// buffers needs no bounds: the garbage collector empties it.
var buffers = sync.Pool{New: func() any { return &buffer{Writer: bufio.NewWriterSize(nil, bufferSize)} }}

func (b *buffer) renderClients(clients []registry.Client, extra string) {
	text, ends := b.clients[:0], b.ends[:0]
	for i := range clients {
		c := &clients[i]
		text = append(text, `{ip="`...)
		text = c.Addr.AppendTo(text)
		text = append(text, `",hostname="`...)
		text = append(text, escaped(c.Name)...)
		text = append(text, `",mac="`...)
		text = appendMAC(text, c.MAC)
		text = append(text, '"')
		text = append(text, extra...)
		ends = append(ends, len(text))
	}
	b.clients, b.ends = text, ends
}

func appendMAC(text []byte, m sample.MAC) []byte {
	if m.IsZero() {
		return text
	}
	const digits = "0123456789abcdef"
	for i, octet := range m {
		if i > 0 {
			text = append(text, ':')
		}
		text = append(text, digits[octet>>4], digits[octet&0xf])
	}
	return text
}

// writeFamily writes the samples of one metric, and nothing where there are none.
func (b *buffer) writeFamily(f *family, s *Scrape) error {
	b.header = f.header
	if f.OfClient() {
		start := 0
		for i, end := range b.ends {
			f.client(&s.Clients[i], &b.samples)
			b.writeSamples(f, b.clients[start:end])
			start = end
		}
	} else {
		f.single(s, &b.samples)
		b.writeSamples(f, nil)
	}
	_, err := b.Write(nil) // tells of earlier errors, too
	return err
}

// writeSamples writes a line for each sample and takes them away.
func (b *buffer) writeSamples(f *family, client []byte) {
	if len(b.samples.values) == 0 {
		return
	}
	b.WriteString(b.header)
	b.header = ""
	labels := b.samples.labels
	for _, v := range b.samples.values {
		if b.Available() < lineSize {
			b.Flush()
		}
		line := append(b.AvailableBuffer(), f.Name...)
		line = append(line, client...)
		for i, key := range f.keys {
			line = append(line, key...)
			line = append(line, escaped(labels[i])...)
			line = append(line, '"')
		}
		labels = labels[len(f.keys):]
		if len(client) > 0 || len(f.keys) > 0 {
			line = append(line, '}')
		}
		line = appendValue(append(line, ' '), v)
		b.Write(append(line, '\n'))
	}
	b.samples.reset()
}

// appendValue writes a number as expfmt does: 0 has no sign.
func appendValue(text []byte, v float64) []byte {
	if n := uint64(v); v >= 0 && v < maxExact && float64(n) == v {
		return appendCount(text, n)
	}
	return strconv.AppendFloat(text, v, 'g', -1, 64)
}

// maxExact bounds the whole numbers that float64 tells from both neighbours: the
// fewest digits that stand for such a number are its own, and need no search.
const maxExact = 1 << 53

// appendCount writes a whole number as strconv's format 'g' does, at a third of
// its cost: from seven digits on with an exponent, 1.234567e+06.
func appendCount(text []byte, n uint64) []byte {
	start := len(text)
	text = strconv.AppendUint(text, n, 10)
	exponent := len(text) - start - 1
	if exponent < 6 {
		return text
	}
	for text[len(text)-1] == '0' {
		text = text[:len(text)-1]
	}
	if len(text) > start+1 {
		text = append(text, 0)
		copy(text[start+2:], text[start+1:])
		text[start+1] = '.'
	}
	return append(text, 'e', '+', byte('0'+exponent/10), byte('0'+exponent%10))
}
