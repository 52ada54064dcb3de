package state

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"testing"
	"time"

	"router-monitoring/exporter/internal/registry"
	"router-monitoring/exporter/internal/sample"
)

var sizes = []int{25, 4096}

// homes is a state as a router has it after some years: one IPv4 and three IPv6
// addresses per client, a kernel counter for each of them and each direction.
func homes(clients int) *registry.State {
	at := time.Date(2026, 1, 2, 15, 4, 5, 123456789, time.UTC)
	total := sample.ByDirection{{Bytes: 81_234_567_890, Packets: 61_234_567}, {Bytes: 901_234_567_890, Packets: 701_234_567}}
	s := &registry.State{Began: at, Counters: sample.Accounting{Epoch: "8c1f00d5a7e94b32", Forwarded: total}}
	for i := range clients {
		mac := sample.MAC{2, 0, 0, 0, byte(i >> 8), byte(i)}
		c := registry.ClientState{
			MACs: []sample.MAC{mac}, Name: fmt.Sprintf("living-room-tv-%d", i), FirstSeen: at, LastSeen: at,
			Totals: registry.Totals{Internet: total, IPv6: total, Local: total},
			Period: registry.Period{Start: at.Truncate(24 * time.Hour), Base: total},
		}
		for k := range byte(4) {
			addr := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, k, 8: 0xd4, 9: 0x5b, 12: 7, 13: 0xa1, 14: byte(i >> 8), 15: byte(i)})
			if k == 0 {
				addr = netip.AddrFrom4([4]byte{192, 168, byte(i >> 8), byte(i)})
				c.Primary = addr
			}
			c.Addrs = append(c.Addrs, registry.AddrState{Addr: addr, Trust: 2, Seen: at})
			for d := range sample.Directions {
				e := sample.Element{Direction: d, Addr: addr, Traffic: total[d]}
				if d == sample.Upload {
					e.MAC = mac
				}
				s.Elements = append(s.Elements, registry.ElementState{Element: e, Changed: at})
			}
		}
		s.Clients = append(s.Clients, c)
	}
	return s
}

func each(b *testing.B, run func(b *testing.B, s *registry.State)) {
	for _, clients := range sizes {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			b.ReportAllocs()
			run(b, homes(clients))
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	each(b, func(b *testing.B, s *registry.State) {
		var size int64
		for b.Loop() {
			n, err := encode(io.Discard, s)
			if err != nil {
				b.Fatal(err)
			}
			size = n
		}
		b.ReportMetric(float64(size), "bytes")
	})
}

func BenchmarkDecode(b *testing.B) {
	each(b, func(b *testing.B, s *registry.State) {
		var file bytes.Buffer
		if err := Encode(&file, s); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := Decode(bytes.NewReader(file.Bytes())); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkSave waits for the disk that holds the folder for temporary files.
func BenchmarkSave(b *testing.B) {
	each(b, func(b *testing.B, s *registry.State) {
		store := open(b, b.TempDir())
		for b.Loop() {
			if _, err := store.Save(s); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	each(b, func(b *testing.B, s *registry.State) {
		store := open(b, b.TempDir())
		if _, err := store.Save(s); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := store.Load(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// open opens a folder whose state, if any, is whole.
func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.Load(); err != nil {
		t.Fatal(err)
	}
	return s
}
