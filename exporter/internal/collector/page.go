package collector

import (
	"router-monitoring/exporter/internal/registry"
	"router-monitoring/exporter/internal/sample"
)

// page is a scrape on its way into text. It falls into parts, whose text one
// behind the other is the scrape's: the samples of one family and of partClients
// clients at most.
type page struct {
	*Scrape
	families []family
	labels   []byte // each client's as they stand in all its series, "} " at the end
	ends     []int  // of each client's part of these
}

// partClients makes a part of some 40 KB, or four times that where a client has
// four samples.
const partClients = 512

func (p *page) begin(t *Text, s *Scrape) {
	p.Scrape, p.families = s, t.families
	labels, ends := p.labels[:0], p.ends[:0]
	for i := range s.Clients {
		labels = appendClient(labels, &s.Clients[i], t.extra)
		ends = append(ends, len(labels))
	}
	p.labels, p.ends = labels, ends
}

func appendClient(text []byte, c *registry.Client, extra string) []byte {
	text = append(text, `{ip="`...)
	text = c.Addr.AppendTo(text)
	text = append(text, `",hostname="`...)
	text = append(text, escaped(c.Name)...)
	text = append(text, `",mac="`...)
	text = appendMAC(text, c.MAC)
	text = append(text, '"')
	text = append(text, extra...)
	return append(text, "} "...)
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

// perFamily is into how many parts each family falls. Those of the router need
// one; the others stay empty.
func (p *page) perFamily() int { return max(1, (len(p.Clients)+partClients-1)/partClients) }

func (p *page) parts() int { return len(p.families) * p.perFamily() }

// part gives a part's family and where its clients begin.
func (p *page) part(i int) (f *family, first int) {
	return &p.families[i/p.perFamily()], i % p.perFamily() * partClients
}

// renderer writes parts, one at a time.
type renderer struct{ samples samples }

// render appends the header of a part's family and the part's samples.
func (r *renderer) render(p *page, part int, text []byte) []byte {
	f, first := p.part(part)
	text = append(text, f.header...)
	if !f.OfClient() {
		if first == 0 {
			f.single(p.Scrape, &r.samples)
			text = r.lines(text, f, nil)
		}
		return text
	}
	start := 0
	if first > 0 {
		start = p.ends[first-1]
	}
	for i, end := range p.ends[first:min(first+partClients, len(p.ends))] {
		f.client(&p.Clients[first+i], &r.samples)
		text = r.lines(text, f, p.labels[start:end])
		start = end
	}
	return text
}

// lines appends a line for each sample and takes them away.
func (r *renderer) lines(text []byte, f *family, client []byte) []byte {
	labels := r.samples.labels
	for _, v := range r.samples.values {
		text = append(text, f.Name...)
		switch {
		case len(f.keys) > 0:
			text = append(text, client[:max(0, len(client)-len("} "))]...)
			for i, key := range f.keys {
				text = append(text, key...)
				text = append(text, escaped(labels[i])...)
				text = append(text, '"')
			}
			labels = labels[len(f.keys):]
			text = append(text, "} "...)
		case len(client) > 0:
			text = append(text, client...)
		default:
			text = append(text, ' ')
		}
		text = append(appendValue(text, v), '\n')
	}
	r.samples.reset()
	return text
}
