package prometheus

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"router-monitoring/tests/dashboards/household"
)

// Writer sends series to Prometheus over its remote write protocol 1.0
// (https://prometheus.io/docs/specs/prw/remote_write_spec/).
type Writer struct {
	server  *Server
	request []byte
	Samples int // written so far
}

// Writer makes a writer; what it holds back is sent by Flush.
func (s *Server) Writer() *Writer { return &Writer{server: s} }

// enough bytes make a request.
const enough = 4 << 20

// Write sends a series.
func (w *Writer) Write(ctx context.Context, s household.Series) error {
	w.request = protowire.AppendTag(w.request, 1, protowire.BytesType)
	w.request = protowire.AppendBytes(w.request, timeSeries(s))
	w.Samples += len(s.Samples)
	if len(w.request) < enough {
		return nil
	}
	return w.Flush(ctx)
}

// Flush sends what is left.
func (w *Writer) Flush(ctx context.Context) error {
	_, err := w.server.do(ctx, http.MethodPost, "/api/v1/write", bytes.NewReader(snappy(w.request)))
	if err != nil {
		return fmt.Errorf("write to prometheus: %w", err)
	}
	w.request = w.request[:0]
	return nil
}

// timeSeries encodes prometheus.TimeSeries: labels (1) with name (1) and value
// (2), in order, and samples (2) with value (1) and timestamp (2).
func timeSeries(s household.Series) (b []byte) {
	for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
		label := protowire.AppendTag(nil, 1, protowire.BytesType)
		label = protowire.AppendString(label, name)
		label = protowire.AppendTag(label, 2, protowire.BytesType)
		label = protowire.AppendString(label, s.Labels[name])
		b = protowire.AppendTag(b, 1, protowire.BytesType)
		b = protowire.AppendBytes(b, label)
	}
	var sample []byte
	for _, p := range s.Samples {
		sample = protowire.AppendTag(sample[:0], 1, protowire.Fixed64Type)
		sample = protowire.AppendFixed64(sample, math.Float64bits(p.Value))
		sample = protowire.AppendTag(sample, 2, protowire.VarintType)
		sample = protowire.AppendVarint(sample, uint64(p.Time))
		b = protowire.AppendTag(b, 2, protowire.BytesType)
		b = protowire.AppendBytes(b, sample)
	}
	return b
}

// snappy wraps data in the snappy block format, which the protocol demands, as
// literals: on loopback there is nothing to gain from compressing
// (https://github.com/google/snappy/blob/main/format_description.txt).
func snappy(data []byte) []byte {
	const longest, twoByteLength = 1 << 16, 61 << 2
	out := binary.AppendUvarint(nil, uint64(len(data)))
	for literal := range slices.Chunk(data, longest) {
		out = append(out, twoByteLength)
		out = binary.LittleEndian.AppendUint16(out, uint16(len(literal)-1))
		out = append(out, literal...)
	}
	return out
}
