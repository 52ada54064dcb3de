package upnp

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"router-monitoring/exporter/internal/sample"
)

var now = time.Unix(1_800_000_000, 0)

func one(p uint16) sample.Ports { return sample.Ports{First: p, Last: p} }

func TestParse(t *testing.T) {
	mapping := func(proto string, external uint16, addr string, internal uint16, expires int64, description string) sample.PortMapping {
		m := sample.PortMapping{
			Addr: netip.MustParseAddr(addr), Protocol: proto, External: one(external), Internal: one(internal),
			Daemon: true, Description: description,
		}
		if expires > 0 {
			m.Expires = time.Unix(expires, 0)
		}
		return m
	}
	for _, tt := range []struct {
		name, file string
		want       []sample.PortMapping
	}{
		{"ok nothing", "", nil},
		{"ok UPnP", "TCP:8080:192.168.1.20:80:1800003600:libminiupnpc\n", []sample.PortMapping{mapping("tcp", 8080, "192.168.1.20", 80, 1800003600, "libminiupnpc")}},
		{"ok for ever, no description", "UDP:51413:192.168.1.20:51413:0:\n", []sample.PortMapping{mapping("udp", 51413, "192.168.1.20", 51413, 0, "")}},
		{"ok UDP-Lite", "UDPLITE:5:192.168.1.20:5:0:x\n", []sample.PortMapping{mapping("136", 5, "192.168.1.20", 5, 0, "x")}},
		{"ok colons in the description", "TCP:1:192.168.1.20:2:0:a:b; c\n", []sample.PortMapping{mapping("tcp", 1, "192.168.1.20", 2, 0, "a:b; c")}},
		{"ok semicolons in the description", "TCP:1:192.168.1.20:2:0:;;;;;;;\n", []sample.PortMapping{mapping("tcp", 1, "192.168.1.20", 2, 0, ";;;;;;;")}},
		{"ok IPv6", "TCP;2001:db8::5;8080;;0;17;1800003600;my server\n", []sample.PortMapping{mapping("tcp", 8080, "2001:db8::5", 8080, 1800003600, "my server")}},
		{"ok IPv6 for one remote host", "UDP;2001:db8::5;53;2001:db8:1::1;53;18;0;\n", []sample.PortMapping{mapping("udp", 53, "2001:db8::5", 53, 0, "")}},
		{"ok line by line", "TCP:1:192.168.1.20:2:0:a\nnonsense\nUDP:3:192.168.1.21:4:0:b\n",
			[]sample.PortMapping{mapping("tcp", 1, "192.168.1.20", 2, 0, "a"), mapping("udp", 3, "192.168.1.21", 4, 0, "b")}},
		{"ok for ever, of a router without a clock", "UDP:5:192.168.1.20:5:3600:x\n", []sample.PortMapping{mapping("udp", 5, "192.168.1.20", 5, 0, "x")}},
		{"bad expired", "TCP:8080:192.168.1.20:80:1800000000:x\n", nil},
		{"bad torn", "TCP:8080:192.168.1.20:80:18", nil},
		{"bad protocol", "*UNKNOWN*:8080:192.168.1.20:80:0:x\n", nil},
		{"bad port", "TCP:70000:192.168.1.20:80:0:x\nTCP:-1:192.168.1.20:80:0:x\nTCP:1:192.168.1.20::0:x\n", nil},
		{"bad address", "TCP:1:192.168.1:80:0:x\nTCP:1:host:80:0:x\nTCP;192.168.1.1;1;;0;1;0;x\nTCP;fe80::1%eth0;1;;0;1;0;x\nTCP;::ffff:1.2.3.4;1;;0;1;0;x\n", nil},
		{"bad expiry", "TCP:1:192.168.1.20:80:soon:x\nTCP:1:192.168.1.20:80:99999999999:x\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse(strings.NewReader(tt.file), now)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Errorf("leases (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	line := "TCP:1:192.168.1.20:2:0:x\n"
	got, err := Parse(strings.NewReader(strings.Repeat(line, maxLeases+1)), now)
	if err == nil || len(got) != maxLeases {
		t.Errorf("%d leases, %v", len(got), err)
	}
	got, err = Parse(strings.NewReader(line+strings.Repeat("x", 2*maxLine)), now)
	if err == nil || len(got) != 1 {
		t.Errorf("a long line: %d leases, %v", len(got), err)
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	if got, err := ReadFile(filepath.Join(dir, "none"), now); got != nil || err != nil {
		t.Errorf("no file yet: %v, %v", got, err)
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, pipe} {
		if _, err := ReadFile(path, now); err == nil || !strings.Contains(err.Error(), "is not a file; correct its path in port_mappings.lease_files") {
			t.Errorf("%s: %v", path, err)
		}
	}
	file := filepath.Join(dir, "leases")
	if err := os.WriteFile(file, []byte(strings.Repeat("x", 2*maxLine)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(file, now); err == nil || !strings.HasPrefix(err.Error(), file+" is no lease file") {
		t.Errorf("another file: %v", err)
	}
}

func TestCleanDescription(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{" Skype  UDP at\t192.168.1.5 \r", "Skype UDP at 192.168.1.5"},
		{"a\x00b\x1b[31m\u202ec\ufeff", "ab[31mc"},
		{"Zo\u00eb \xff\u65e5\u672c", "Zo\u00eb \u65e5\u672c"},
		{strings.Repeat("x", 70), strings.Repeat("x", 63)},
		{strings.Repeat("\u65e5", 30), strings.Repeat("\u65e5", 21)},
		{strings.Repeat("x", 62) + " y", strings.Repeat("x", 62)},
	} {
		if got := CleanDescription(tt.in); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.in, got, tt.want)
		}
	}
}

// FuzzParse holds that no file makes Parse panic or give what has no place in a
// label, and that what it gives is read back the same.
func FuzzParse(f *testing.F) {
	f.Add("TCP:8080:192.168.1.20:80:1800003600:libminiupnpc\n")
	f.Add("UDP;2001:db8::5;8080;;0;17;0;my server\n")
	f.Add("TCP:1:192.168.1.20:2:0:\xff\u202e\n:::::\n;;;;;;;\n")
	f.Fuzz(func(t *testing.T, file string) {
		leases, _ := Parse(strings.NewReader(file), now)
		for _, m := range leases {
			d := m.Description
			if len(d) > 63 || !utf8.ValidString(d) || strings.ContainsFunc(d, func(r rune) bool { return !unicode.IsGraphic(r) }) {
				t.Errorf("description %q", d)
			}
			if !m.Addr.IsValid() || m.Protocol == "" || !m.Expires.IsZero() && !m.Expires.After(now) {
				t.Errorf("lease %+v", m)
			}
			if m.Addr.Is6() {
				continue
			}
			expires := int64(0)
			if !m.Expires.IsZero() {
				expires = m.Expires.Unix()
			}
			proto := map[string]string{"tcp": "TCP", "udp": "UDP", "136": "UDPLITE"}[m.Protocol]
			line := fmt.Sprintf("%s:%s:%s:%s:%d:%s\n", proto, m.External, m.Addr, m.Internal, expires, d)
			again, err := Parse(strings.NewReader(line), now)
			if diff := cmp.Diff([]sample.PortMapping{m}, again, cmpopts.EquateComparable(netip.Addr{})); diff != "" || err != nil {
				t.Errorf("%q: %v %s", line, err, diff)
			}
		}
	})
}
