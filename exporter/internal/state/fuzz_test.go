package state

import (
	"bytes"
	"errors"
	"testing"
)

// FuzzDecode holds that no file makes Decode panic, and that what it accepts is
// written and read to the same again. Each input is also tried as the inside of
// a file with a right checksum, which no mutation would find.
func FuzzDecode(f *testing.F) {
	f.Add(encoded(f, filled(f)))
	f.Add(encoded(f, homes(1)))
	f.Add([]byte(`{"Clients":[{"Name":"\u00e9\n💡","MACs":["","02:00:00:00:00:01"],"Primary":"fe80::1%br"}]}`))
	f.Add([]byte(`{"Later":[{"a":"]\""},-1e9],"Known":[18446744073709551615]}` + "\n{}"))
	f.Add([]byte(`{"Period":{"Base":[{"Bytes":1},{"Packets":2}]},"Elements":[{"Class":1},{"Direction":1}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		check(t, data)
		check(t, seal(string(data)+"\n"))
	})
}

func check(t *testing.T, file []byte) {
	s, err := Decode(bytes.NewReader(file))
	if err != nil {
		if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNewer) {
			t.Fatalf("neither corrupt nor newer: %v", err)
		}
		return
	}
	written := encoded(t, s)
	again, err := Decode(bytes.NewReader(written))
	if err != nil {
		t.Fatal(err)
	}
	if rewritten := encoded(t, again); !bytes.Equal(written, rewritten) {
		t.Errorf("written:\n%s\nread and written again:\n%s", written, rewritten)
	}
}
