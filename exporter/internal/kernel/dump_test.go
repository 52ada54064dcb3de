package kernel

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

func TestWalkMessages(t *testing.T) {
	const seq = 7
	data := message(unix.NLMSG_MIN_TYPE, 0, seq, 1, 2, 3, 4, 5)
	done := message(unix.NLMSG_DONE, unix.NLM_F_MULTI, seq, 0, 0, 0, 0)
	for _, tt := range []struct {
		name        string
		datagram    []byte
		messages    int
		done        bool
		interrupted bool
		err         error
	}{
		{"ok more to come", data, 1, false, false, nil},
		{"ok messages and the end", slices.Concat(data, data, done), 2, true, false, nil},
		{"ok end without error number", message(unix.NLMSG_DONE, 0, seq), 0, true, false, nil},
		{"ok acknowledgement", errorMessage(unix.NLMSG_ERROR, seq, 0), 0, true, false, nil},
		{"ok interrupted", slices.Concat(message(unix.NLMSG_MIN_TYPE, unix.NLM_F_DUMP_INTR, seq), data), 2, false, true, nil},
		{"ok interrupted at the end", slices.Concat(data, message(unix.NLMSG_DONE, unix.NLM_F_DUMP_INTR, seq)), 1, true, true, nil},
		{"ok nothing", message(unix.NLMSG_NOOP, 0, seq), 0, false, false, nil},
		{"ok somebody else's", slices.Concat(errorMessage(unix.NLMSG_ERROR, seq-1, unix.EPERM), data), 1, false, false, nil},
		{"bad error", errorMessage(unix.NLMSG_ERROR, seq, unix.EPERM), 0, true, false, unix.EPERM},
		{"bad error at the end", slices.Concat(data, errorMessage(unix.NLMSG_DONE, seq, unix.EINTR)), 1, true, false, unix.EINTR},
		{"bad overrun", message(unix.NLMSG_OVERRUN, 0, seq), 0, false, false, unix.ENOBUFS},
		{"bad empty datagram", nil, 0, false, false, errMalformed},
		{"bad truncated", slices.Concat(data, data)[:40], 1, false, false, errMalformed},
		{"bad length below the header's", []byte{15, 0, 0, 0, 16, 0, 0, 0, seq, 0, 0, 0, 0, 0, 0, 0}, 0, false, false, errMalformed},
	} {
		var messages int
		done, interrupted, err := walkMessages(tt.datagram, seq, func([]byte) error { messages++; return nil })
		if messages != tt.messages || done != tt.done || interrupted != tt.interrupted || !errors.Is(err, tt.err) {
			t.Errorf("%s: got %d messages, done %v, interrupted %v, %v", tt.name, messages, done, interrupted, err)
		}
	}
}

// TestDumpAfterHalfADump stops in the middle: the rest must not turn up later.
func TestDumpAfterHalfADump(t *testing.T) {
	ct := createFlows(t, mixedFlows(2000)...)
	half := errors.New("enough")
	for range 3 {
		seen := 0
		_, err := ct.netlink.dump(ctRequest(ctMsgGet, netlink.Dump), func([]byte) error {
			if seen++; seen == 700 {
				return half
			}
			return nil
		})
		if !errors.Is(err, half) {
			t.Fatalf("got %v, want the callback's error", err)
		}
		if got, err := ct.Read(inLAN); err != nil || got.Entries != 2000 || got.ByAddr[alice4].Sum() != 0 {
			t.Fatalf("after half a dump: %d entries, %v", got.Entries, err)
		}
	}
}

func TestDumpAfterClose(t *testing.T) {
	ct := createFlows(t, mixedFlows(10)...)
	for range 2 {
		must(t, ct.Close())
		if got, err := ct.Read(inLAN); err != nil || got.Entries != 10 {
			t.Fatalf("after close: %d entries, %v", got.Entries, err)
		}
	}
}

func TestAttrs(t *testing.T) {
	b := slices.Concat(dumpAttr(1, 0xaa), dumpAttr(unix.NLA_F_NESTED|2, dumpAttr(3, 1, 2, 3, 4)...), dumpAttr(4))
	var got []uint16
	for typ, value := range attrs(b) {
		got = append(got, typ, uint16(len(value)))
	}
	if want := []uint16{1, 1, 2, 8, 4, 0}; !slices.Equal(got, want) {
		t.Errorf("got types and lengths %v, want %v", got, want)
	}
	if n := testing.AllocsPerRun(100, func() {
		for range attrs(b) {
			continue
		}
	}); n != 0 {
		t.Errorf("%v allocations per walk", n)
	}
}

// FuzzAttrs walks malformed attributes in every parser: none may panic or run on.
func FuzzAttrs(f *testing.F) {
	tuple := dumpAttr(ctaTupleIP, slices.Concat(dumpAttr(ctaIPv4Src, 1, 2, 3, 4))...)
	f.Add(slices.Concat(dumpAttr(ctaTupleOrig, tuple...), dumpAttr(ctaTupleReply, tuple...)))
	f.Add([]byte{255, 255, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		walked := 0
		for _, value := range attrs(b) {
			walked += unix.NLA_HDRLEN + len(value)
		}
		if walked > len(b) {
			t.Errorf("walked %d of %d bytes", walked, len(b))
		}
		messages := 0
		_, _, _ = walkMessages(b, 0, func(data []byte) error { messages += unix.NLMSG_HDRLEN + len(data); return nil })
		if messages > len(b) {
			t.Errorf("messages of %d bytes in %d", messages, len(b))
		}
		_, _ = parseTuple(b)
		reachableTimes{}.add(unix.AF_INET, b)
		if len(b) >= ndmsgLen {
			_ = parseNeigh(b)
		}
	})
}

func message(typ, flags uint16, seq uint32, data ...byte) []byte {
	b := make([]byte, unix.NLMSG_HDRLEN, align4(unix.NLMSG_HDRLEN+len(data)))
	binary.NativeEndian.PutUint32(b, uint32(unix.NLMSG_HDRLEN+len(data)))
	binary.NativeEndian.PutUint16(b[4:], typ)
	binary.NativeEndian.PutUint16(b[6:], flags)
	binary.NativeEndian.PutUint32(b[8:], seq)
	return append(b, data...)[:cap(b)]
}

func errorMessage(typ uint16, seq uint32, errno unix.Errno) []byte {
	return message(typ, 0, seq, binary.NativeEndian.AppendUint32(nil, uint32(-int32(errno)))...)
}

func dumpAttr(typ uint16, value ...byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(unix.NLA_HDRLEN+len(value)))
	b = binary.NativeEndian.AppendUint16(b, typ)
	return append(b, append(value, 0, 0, 0)[:align4(len(value))]...)
}
