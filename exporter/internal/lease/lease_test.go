package lease

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"router-monitoring/exporter/internal/sample"
)

// now is when the files of these tests are read, in seconds 1800000000.
var now = time.Date(2027, 1, 15, 8, 0, 0, 0, time.UTC)

var (
	hour = now.Add(time.Hour) // 1800003600
	macA = sample.MAC{0x52, 0x54, 0, 0, 0, 1}
	macB = sample.MAC{0x52, 0x54, 0, 0, 0, 2}
)

func at(addr string, m sample.MAC, name string, expires time.Time) sample.Lease {
	return sample.Lease{Addr: netip.MustParseAddr(addr), MAC: m, Name: name, Expires: expires}
}

var byValue = cmp.Options{cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()}

const (
	keaHeader4 = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id\n"
	keaHeader6 = "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source\n"
)

// networkdFile is what systemd 257 writes, in the form of its source: the
// server itself cannot run in a test without systemd.
const networkdFile = `{
	"BootID" : "d7f5041316de4f1f992a8a2822218a71",
	"Address" : [ 192, 168, 1, 1 ],
	"PrefixLength" : 24,
	"Leases" : [
		{"ClientId":[1,82,84,0,0,0,1],"Address":[192,168,1,10],"AddressString":"192.168.1.10","Hostname":"Laptop","HardwareAddressType":1,"HardwareAddressLength":6,"HardwareAddress":[82,84,0,0,0,1],"ExpirationUSec":4242000000,"ExpirationRealtimeUSec":1800003600000000},
		{"ClientId":[255,1,2,3,4,0,3,0,1,82,84,0,0,0,2],"Address":[192,168,1,11],"ExpirationUSec":18446744073709551615,"ExpirationRealtimeUSec":18446744073709551615}
	]
}
`

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name   string
		format Format
		file   string
		want   []sample.Lease
		bad    int
	}{
		{"ok empty", Auto, "", nil, 0},
		{"ok dnsmasq", Dnsmasq, `1800003600 52:54:00:00:00:01 192.168.1.10 Laptop 01:52:54:00:00:00:01
0 06-52:54:00:00:00:02 192.168.1.11 * *
1800003600 20-aa:bb:cc:dd:ee:ff:00:11 192.168.1.12 ib *
1800003600 01- 192.168.1.13 nomac ff:aa
1799999999 52:54:00:00:00:01 192.168.1.14 expired *
43200 52:54:00:00:00:01 192.168.1.15 noclock *
duid 00:01:00:01:32:96:a2:25:52:54:00:ff:01:00
1800003600 3 fd00:1::10 laptop 00:01:00:01:32:96:a2:25:52:54:00:00:00:01
1800003600 T7 fd00:1::11 * 00:03:00:01:52:54:00:00:00:02
1800003600 4294967295 fd00:1::12 * 00:02:00:00:ab:11:01:02:03:04:05:06
`, []sample.Lease{
			at("192.168.1.10", macA, "laptop", hour), at("192.168.1.11", macB, "", time.Time{}),
			at("192.168.1.12", sample.MAC{}, "ib", hour), at("192.168.1.13", sample.MAC{}, "nomac", hour),
			at("192.168.1.15", macA, "noclock", time.Time{}),
			at("fd00:1::10", macA, "laptop", hour), at("fd00:1::11", macB, "", hour), at("fd00:1::12", sample.MAC{}, "", hour),
		}, 0},
		{"bad dnsmasq lines", Dnsmasq, "x 52:54:00:00:00:01 192.168.1.10 a *\n" + // expiry
			"1800003600 52:54:00:00:00:0g 192.168.1.10 a *\n" + // MAC
			"1800003600 52:54:00:00:00:01 192.168.1.300 a *\n" + // address
			"1800003600 52:54:00:00:00:01 224.0.0.1 a *\n" + // of a group
			"1800003600 52:54:00:00:00:01 192.168.1.10\n" + // short
			"1800003600 x fd00:1::1 a *\n" + // IAID
			"\n" + strings.Repeat("x", maxLine+1) + "\n" + // empty, long
			"1800003600 52:54:00:00:00:01 192.168.1.10 good *\n" +
			"1800003600 52:54:00:00:00:01 192.168.1.11 torn *",
			[]sample.Lease{at("192.168.1.10", macA, "good", hour)}, 9},
		{"ok Kea DHCPv4", Kea, keaHeader4 +
			"192.168.1.10,52:54:00:00:00:01,01:52:54:00:00:00:01,3600,1800000000,1,0,0,old,0,,0\n" +
			"192.168.1.10,52:54:00:00:00:01,,7200,1800003600,1,1,1,Laptop.example.org.,0,{ \"a\": 1&#x2c \"b\": 2 },0\n" +
			"192.168.1.11,52:54:00:00:00:02,,4294967295,6094967295,1,0,0,a&#x2cb&#x26c&#x2,0,,0\n" +
			"192.168.1.12,52:54:00:00:00:02,,3600,1800003600,1,0,0,bob\\032\\.tv,4,,0\n" +
			"192.168.1.13,52:54:00:00:00:02,,3600,1800003600,1,0,0,,0,,0\n" +
			"192.168.1.13,52:54:00:00:00:02,,0,1800000000,1,0,0,,0,,0\n" + // released
			"192.168.1.14,52:54:00:00:00:02,,3600,1800003600,1,0,0,,0,,0\n" +
			"192.168.1.14,,,3600,1800003600,1,0,0,,1,,0\n" + // declined
			"192.168.1.15,52:54:00:00:00:02,,3600,1799999999,1,0,0,,0,,0\n", // expired
			[]sample.Lease{
				at("192.168.1.10", macA, "laptop", hour), at("192.168.1.11", macB, "a-b-c-x2", time.Time{}),
				at("192.168.1.12", macB, "bob", hour),
			}, 0},
		{"ok first schema of Kea", Kea, "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname\n" +
			"192.168.1.10,52:54:00:00:00:01,,3600,1800003600,1,0,0,laptop\n",
			[]sample.Lease{at("192.168.1.10", macA, "laptop", hour)}, 0},
		{"ok Kea DHCPv6", Kea, keaHeader6 +
			"fd00:1::10,00:01:00:01:32:96:a3:18:52:54:00:00:00:02,3600,1800003600,1,1800,0,0,128,0,0,laptop,52:54:00:00:00:01,0,,1,2\n" +
			"fd00:1::11,00:01:00:01:32:96:a3:18:52:54:00:00:00:02,3600,1800003600,1,1800,0,0,128,0,0,,,0,,,\n" +
			"fd00:2::,00:01:00:01:32:96:a3:18:52:54:00:00:00:02,3600,1800003600,1,1800,2,0,56,0,0,,,0,,,\n",
			[]sample.Lease{at("fd00:1::10", macA, "laptop", hour), at("fd00:1::11", macB, "", hour)}, 0},
		{"bad Kea rows", Kea, keaHeader4 +
			"192.168.1,52:54:00:00:00:01,,3600,1800003600,1,0,0,a,0,,0\n" + // address
			"192.168.1.10,52:54:00:00:00:0g,,3600,1800003600,1,0,0,a,0,,0\n" + // MAC
			"192.168.1.10,52:54:00:00:00:01,,-1,1800003600,1,0,0,a,0,,0\n" + // lifetime
			"192.168.1.10,52:54:00:00:00:01,,3600,,1,0,0,a,0,,0\n" + // expiry
			"192.168.1.10,52:54:00:00:00:01,,3600,1800003600,1,0,0,a,,,0\n" + // state
			"192.168.1.10,52:54:00:00:00:01,,3600,1800003600,1,0,0,a,0,\n" + // short
			"192.168.1.10,52:54:00:00:00:01,,3600,1800003600,1,0,0,a,0,,0", // torn
			nil, 7},
		{"ok ISC DHCPv4", ISC, `# The format of this file is documented in the dhcpd.leases(5) manual page.
authoring-byte-order little-endian;
server-duid "\000\001\000\0012\226\243kRT\000\377\001\000";
failover peer "dhcp" state {
  my state normal at 4 2026/11/26 12:00:00;
}
lease 192.168.1.10 {
  starts 5 2027/01/15 07:00:00;
  ends 5 2027/01/15 07:30:00;
  binding state active;
  client-hostname "old";
}
lease 192.168.1.10 {
  ends 5 2027/01/15 09:00:00;
  cltt 5 2027/01/15 08:00:00;
  binding state active;
  next binding state free;
  rewind binding state free;
  hardware ethernet 52:54:00:00:00:01;
  uid "\001RT\000\000\000\001";
  set vendor-class-identifier = "MSFT; {5.0}";
  on expiry { set a = "b"; execute("x"); }
  client-hostname "Laptop \"of\" A \303\244";
}
lease 192.168.1.11 {
  ends never;
  hardware ethernet 52:54:00:00:00:02;
  set ddns-fwd-name = "tv.example.org";
}
lease 192.168.1.12 {
  ends epoch 1800003600; # Fri Jan 15 09:00:00 2027
  binding state active;
  hardware token-ring 52:54:00:00:00:02;
  client-hostname "tv"; set ddns-fwd-name = "other.example.org";
}
lease 192.168.1.13 { ends never; binding state active; }
lease 192.168.1.13 { ends never; binding state abandoned; }
lease 192.168.1.14 { ends never; binding state active; }
lease 192.168.1.14 { ends never; binding state free; next binding state active; }
`, []sample.Lease{
			at("192.168.1.10", macA, "laptop-of-a-ä", hour), at("192.168.1.11", macB, "tv", time.Time{}),
			at("192.168.1.12", sample.MAC{}, "tv", hour),
		}, 0},
		{"ok ISC DHCPv6", ISC, `authoring-byte-order little-endian;
ia-na "\001\000\000\000\000\001\000\0012\226\243'RT\000\000\000\001" {
  cltt 5 2027/01/15 08:00:00;
  iaaddr fd00:1::10 { binding state active; preferred-life 1800; max-life 3600; ends 5 2027/01/15 09:00:00; }
  iaaddr fd00:1::11 { binding state active; ends 5 2027/01/15 09:00:00; set ddns-client-fqdn = "laptop.example.org"; }
}
ia-na 02:00:00:00:00:03:00:01:52:54:00:00:00:02 {
  iaaddr fd00:1::12 { binding state active; ends never; }
  iaaddr fd00:1::13 { binding state active; ends never; }
}
ia-na "\001\000\000\000\000\001\000\0012\226\243'RT\000\000\000\001" {
  iaaddr fd00:1::11 { binding state active; ends 5 2027/01/15 09:00:00; set ddns-client-fqdn = "laptop.example.org"; }
}
ia-na 02:00:00:00:00:03:00:01:52:54:00:00:00:02 {
  iaaddr fd00:1::12 { binding state released; ends never; }
  iaaddr fd00:1::13 { binding state active; ends never; }
}
ia-pd "\001\000\000\000\000\001\000\0012\226\243'RT\000\000\000\001" {
  iaprefix fd00:2::/56 { binding state active; ends never; }
}
`, []sample.Lease{at("fd00:1::11", macA, "laptop", hour), at("fd00:1::13", macB, "", time.Time{})}, 0},
		{"bad ISC blocks", ISC, `}
lease x { ends never; }
lease 192.168.1.10 { ends tomorrow; }
lease 192.168.1.11 { hardware ethernet 52:54; hardware ethernet zz; }
lease 192.168.1.12 { ends never; client-hostname "torn
lease 192.168.1.13 { ends never }
lease 192.168.1.14 { ends never; hardware ethernet 52:54:00:00:00:01; }
lease 192.168.1.15 { ends ne`,
			[]sample.Lease{at("192.168.1.14", macA, "", time.Time{})}, 6}, // the torn string took the block after it along
		{"ok networkd", Networkd, networkdFile, []sample.Lease{
			at("192.168.1.10", macA, "laptop", hour), at("192.168.1.11", macB, "", time.Time{}),
		}, 0},
		{"bad networkd leases", Networkd, `{"Leases":[{"Address":[192,168,1]},{"Address":"x"},{"Address":[300,1,1,1]},7,
{"Address":[192,168,1,10],"ExpirationRealtimeUSec":1}, {"Address":[192,168,1,11],"HardwareAddress":[1,2]},{"Addr`,
			[]sample.Lease{at("192.168.1.11", sample.MAC{}, "", time.Time{})}, 5},
		{"bad networkd file", Networkd, `[]`, nil, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, format := range []Format{tt.format, Auto} {
				if format == Auto && strings.HasPrefix(tt.name, "bad") {
					continue // these do not begin like their format
				}
				got, bad, err := Parse(format, iotest.OneByteReader(strings.NewReader(tt.file)), now)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want, got, byValue); diff != "" {
					t.Errorf("format %s: leases (-want +got):\n%s", format, diff)
				}
				if bad != tt.bad {
					t.Errorf("format %s: %d bad lines, want %d", format, bad, tt.bad)
				}
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	broken := errors.New("broken disk")
	line := "1800003600 52:54:00:00:00:01 192.168.1.10 a *" + strings.Repeat(" ", 1000) + "\n"
	blank := repeat(strings.Repeat(" ", 1000))
	for _, tt := range []struct {
		name   string
		format Format
		file   io.Reader
		leases int
		want   error
	}{
		{"bad disk", Dnsmasq, io.MultiReader(strings.NewReader(line), iotest.ErrReader(broken)), 1, broken},
		{"bad disk under ISC", ISC, iotest.ErrReader(broken), 0, broken},
		{"bad disk under networkd", Networkd, iotest.ErrReader(broken), 0, broken},
		{"ok largest file", Dnsmasq, io.LimitReader(repeat(line), maxFile), 1, nil},
		{"bad file too large", Dnsmasq, repeat(line), 1, errTooLarge},
		{"bad file too large for ISC", ISC, io.MultiReader(strings.NewReader("lease 1.1.1.1 { ends never; }\n"), blank), 1, errTooLarge},
		{"bad file too large for networkd", Networkd, io.MultiReader(strings.NewReader(`{"Leases":[{"Address":[1,1,1,1]},`), blank), 1, errTooLarge},
		{"bad number of leases", Dnsmasq, manyLeases(maxLeases + 1), maxLeases, errTooMany},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _, err := Parse(tt.format, tt.file, now)
			if !errors.Is(err, tt.want) || len(got) != tt.leases {
				t.Errorf("%d leases and error %v, want %d and %v", len(got), err, tt.leases, tt.want)
			}
		})
	}
	for _, f := range []Format{Auto, Kea, "udhcpd"} {
		if got, _, err := Parse(f, strings.NewReader("root:x:0:0:root:/root:/bin/bash\n"), now); err == nil {
			t.Errorf("format %s takes /etc/passwd for %v", f, got)
		}
	}
}

func TestDetectNothing(t *testing.T) {
	for _, head := range []string{"", "\n", "1800003600 52:54:00:00:00:01 192.168.1.10 a *", "address,hwaddr,valid_lif", "lease", "# comment\n", "<html>\n", "\x00\xff\n"} {
		if f, ok := Detect([]byte(head)); ok {
			t.Errorf("%q is taken for %s", head, f)
		}
	}
}

// repeat reads the same text for ever.
func repeat(s string) io.Reader { return &repeated{s: s} }

type repeated struct {
	s  string
	at int
}

func (r *repeated) Read(p []byte) (n int, err error) {
	for n < len(p) {
		c := copy(p[n:], r.s[r.at:])
		n, r.at = n+c, (r.at+c)%len(r.s)
	}
	return n, nil
}

// manyLeases is a file of dnsmasq with so many leases.
func manyLeases(n int) io.Reader {
	var out bytes.Buffer
	for i := range n {
		fmt.Fprintf(&out, "1800003600 52:54:00:%02x:%02x:%02x 10.%d.%d.%d host-%d *\n", i>>16&255, i>>8&255, i&255, i>>16&255, i>>8&255, i&255, i)
	}
	return &out
}

func FuzzParse(f *testing.F) {
	formats := []Format{Auto, Dnsmasq, Kea, ISC, Networkd}
	for i, file := range []string{
		"1800003600 52:54:00:00:00:01 192.168.1.10 Laptop *\nduid 00:01\n0 T7 fd00:1::11 * 00:03:00:01:52:54:00:00:00:02\n",
		"1800003600 06-52:54:00:00:00:01 192.168.1.10 Laptop 01:52:54:00:00:00:01\n",
		keaHeader4 + "192.168.1.11,52:54:00:00:00:02,,4294967295,6094967295,1,0,0,a&#x2cb\\032,0,,0\n",
		`lease 192.168.1.10 { ends 5 2027/01/15 09:00:00; hardware ethernet 52:54:00:00:00:01; client-hostname "\303\244\""; }
ia-na "\001\000\000\000\000\001\000\0012\226\243'RT\000\000\000\001" { iaaddr fd00:1::10 { ends never; } }`,
		networkdFile,
		keaHeader6 + "fd00:1::10,00:03:00:01:52:54:00:00:00:02,3600,1800003600,1,1800,0,0,128,0,0,laptop,52:54:00:00:00:01,0,,1,2\n",
	} {
		f.Add(uint8(i%len(formats)), []byte(file))
		f.Add(uint8(0), []byte(file))
	}
	f.Fuzz(func(t *testing.T, format uint8, file []byte) {
		leases, bad, _ := Parse(formats[int(format)%len(formats)], bytes.NewReader(file), now)
		if bad < 0 || bad > len(file) || len(leases) > len(file) {
			t.Errorf("%d leases and %d bad lines of %d bytes", len(leases), bad, len(file))
		}
		for i, l := range leases {
			checkName(t, l.Name)
			if !leasable(l.Addr) || i > 0 && !leases[i-1].Addr.Less(l.Addr) || l.MAC.IsGroup() {
				t.Errorf("lease %+v", l)
			}
			if !l.Expires.IsZero() && l.Expires.Before(now) {
				t.Errorf("lease %+v has expired", l)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	var file bytes.Buffer
	if _, err := file.ReadFrom(manyLeases(4096)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(file.Len()))
	for b.Loop() {
		if _, _, err := Parse(Dnsmasq, bytes.NewReader(file.Bytes()), now); err != nil {
			b.Fatal(err)
		}
	}
}
