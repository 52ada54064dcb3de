package oui

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"router-monitoring/exporter/internal/sample"
)

func mac(t testing.TB, s string) sample.MAC {
	t.Helper()
	m, err := sample.ParseMAC(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The excerpt is of the list that Debian's ieee-data ships.
func TestName(t *testing.T) {
	table, err := Load("testdata/oui.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ mac, want string }{
		{"60:8b:0e:01:02:03", "Apple"},
		{"68:db:f5:01:02:03", "Amazon Technologies"},
		{"30:fb:b8:01:02:03", "HUAWEI TECHNOLOGIES"},
		{"d0:d0:03:01:02:03", "Samsung Electronics"},
		{"b8:27:eb:01:02:03", "Raspberry Pi Foundation"},
		{"dc:a6:32:ff:ff:ff", "Raspberry Pi Trading"},
		{"ac:ed:5c:00:00:00", "Intel"},
		{"98:9b:cb:01:02:03", "AVM Audiovisuelles Marketing und"},
		{"98:06:37:01:02:03", ""}, // sold in smaller parts
		{"62:8b:0e:01:02:03", ""}, // Apple's prefix, but made up by the device
		{"61:8b:0e:01:02:03", ""}, // a group
		{"00:00:00:00:00:00", ""},
		{"00:00:00:00:00:01", ""}, // unknown, before the first
		{"fc:ff:ff:00:00:00", ""}, // and after the last
	} {
		if got := table.Name(mac(t, tt.mac)); got != tt.want {
			t.Errorf("%s is of %q, want %q", tt.mac, got, tt.want)
		}
	}
}

func TestParseNmap(t *testing.T) {
	table, err := Parse("nmap-mac-prefixes", strings.NewReader("# a comment\n00000C Cisco Systems\n608B0E Apple\n8C1F641 Seven digits\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := table.Name(mac(t, "60:8b:0e:00:00:00")); got != "Apple" || table.Len() != 2 {
		t.Errorf("%d prefixes, and 60:8b:0e is of %q", table.Len(), got)
	}
}

func TestParseFirstOfTwo(t *testing.T) {
	table, err := Parse("o", strings.NewReader("08-00-30   (hex)\t\tOne\n08-00-30   (hex)\t\tOther\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := table.Name(mac(t, "08:00:30:00:00:00")); got != "One" {
		t.Errorf("the maker is %q", got)
	}
}

func TestParseErrors(t *testing.T) {
	const remedy = "; use the IEEE's oui.txt as Debian's ieee-data and hwdata ship it"
	for _, tt := range []struct{ name, file, want string }{
		{"bad empty", "", "o.txt:1: no vendor up to here" + remedy},
		{"bad other file", "root:x:0:0\nbin:x:1:1\n", "o.txt:2: no vendor up to here" + remedy},
		{"bad prefix", "\n00-22-7G   (hex)\t\tX\n", `o.txt:2: "00227G" is not a prefix like 28-6F-B9` + remedy},
		{"bad long line", "a\n" + strings.Repeat("x", maxLine+1), "o.txt:2: is longer than 65536 bytes" + remedy},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Parse("o.txt", strings.NewReader(tt.file)); err == nil || err.Error() != tt.want {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
	if _, err := Load("testdata/none"); err == nil || !strings.Contains(err.Error(), "testdata/none") {
		t.Errorf("a missing file: %v", err)
	}
}

func TestShorten(t *testing.T) {
	for _, tt := range []struct{ organization, want string }{
		{"Apple, Inc.", "Apple"},
		{"TP-LINK TECHNOLOGIES CO.,LTD.", "TP-LINK TECHNOLOGIES"},
		{"SAMSUNG Electronics. Co. LTD", "SAMSUNG Electronics"},
		{"Something Co.Ltd", "Something"},
		{"Siemens AG & Co. KG", "Siemens"},
		{"COMEG S.p.A.", "COMEG"},
		{"Top Glove Sdn. Bhd.", "Top Glove"},
		{"Amazon.com, LLC", "Amazon.com"},
		{"Company", "Company"},
		{"Private", ""},
		{"Some Pvt. Private Limited", "Some"},
		{"", ""},
		{" , ,", ""},
		{"evil\x1b[31m\u202eName\x00 \"<b>", "evil[31mName \"<b>"},
		{"\xff\xfe", ""},
		{strings.Repeat("ü", 30), strings.Repeat("ü", 20)},
		{"Shenzhen Very Long Name Of Electronics Manufacturing", "Shenzhen Very Long Name Of Electronics"},
	} {
		if got := shorten(tt.organization); got != tt.want {
			t.Errorf("shorten(%q) = %q, want %q", tt.organization, got, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	excerpt, err := os.ReadFile("testdata/oui.txt")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(excerpt))
	f.Add("00000C Cisco Systems\n")
	f.Add("00-22-72   (hex)\t\t\u202eA, Ltd\x00.\r\n")
	f.Fuzz(func(t *testing.T, file string) {
		table, err := Parse("o.txt", strings.NewReader(file))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "o.txt:") {
				t.Errorf("an error without file and line: %v", err)
			}
			return
		}
		for _, p := range table.prefixes {
			name := table.Name(sample.MAC{byte(p >> 16), byte(p >> 8), byte(p)})
			if len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsGraphic(r) }) {
				t.Errorf("name %q", name)
			}
		}
	})
}

// fullList is a whole list; the benchmark and the memory figure need one.
func fullList(tb testing.TB) string {
	for _, path := range []string{os.Getenv("OUI_FILE"), "/usr/share/ieee-data/oui.txt", "/usr/share/hwdata/oui.txt"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	tb.Skip("needs a whole list: install ieee-data or hwdata, or name one in OUI_FILE")
	return ""
}

func TestMemory(t *testing.T) {
	path := fullList(t)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	table, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	used := int(after.HeapAlloc) - int(before.HeapAlloc)
	t.Logf("%d prefixes in %d kB", table.Len(), used/1000)
	if used > 2<<20 {
		t.Errorf("the table takes %d bytes", used)
	}
	runtime.KeepAlive(table)
}

func BenchmarkLoad(b *testing.B) {
	path := fullList(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(path); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkName(b *testing.B) {
	table, err := Load(fullList(b))
	if err != nil {
		b.Fatal(err)
	}
	m := mac(b, "b8:27:eb:01:02:03")
	b.ReportAllocs()
	for b.Loop() {
		table.Name(m)
	}
}
