package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"golang.org/x/crypto/bcrypt"

	"router-monitoring/tests/lab"
)

// TestMain gives the tests a router's network namespace of their own, or, when
// asked by one of them, becomes the exporter itself.
func TestMain(m *testing.M) {
	if os.Getenv(beExporter) != "" {
		main()
		return
	}
	lab.Isolate()
	os.Exit(m.Run())
}

const beExporter = "TEST_RUNS_EXPORTER"

const householdYAML = `
lan: {interfaces: [br-lan, br-guest]}
wan: {interfaces: [wan0]}
update_interval: 1s
extra_labels: {location: home}
clients:
  - {name: Alice's phone, mac: "%s"}
  - {name: nas, ip: [%s, "%s"], type: storage}
`

// household is a lab with an exporter on its router.
type household struct {
	*lab.Lab
	*exporter
}

func newHousehold(t *testing.T) household {
	t.Helper()
	l := newLab(t)
	return household{l, startExporter(t, householdConfig(l))}
}

func newLab(t *testing.T) *lab.Lab {
	t.Helper()
	l, err := lab.New(lab.Profile{
		LANs:    []lab.LAN{lab.BrLAN, lab.BrGuest},
		Clients: []lab.Client{{Name: "alice"}, {Name: "nas"}, {Name: "guest", LAN: lab.BrGuest.Name}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func householdConfig(l *lab.Lab) string {
	nas := l.Client("nas")
	return fmt.Sprintf(householdYAML, l.Client("alice").MAC, nas.IPv4, nas.IPv6)
}

// exporter is one run of the program, in this process.
type exporter struct {
	address string
	file    string // its configuration
	client  *http.Client
	stop    func() error
}

// startExporter runs the exporter until the test ends and waits until it is ready.
func startExporter(t *testing.T, config string, args ...string) *exporter {
	t.Helper()
	if os.Getenv("STATE_DIRECTORY") == "" {
		t.Setenv("STATE_DIRECTORY", filepath.Join(t.TempDir(), "state"))
	}
	e := &exporter{
		address: "http://" + freeAddress(t),
		file:    filepath.Join(t.TempDir(), "config.yml"),
		client:  &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}},
	}
	e.configure(t, config)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	args = append([]string{"--config.file=" + e.file, "--web.listen-address=" + strings.TrimPrefix(e.address, "http://"), "--log.level=debug"}, args...)
	go func() { done <- run(ctx, args) }()
	e.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if err := e.stop(); err != nil {
			t.Errorf("exporter ended with %v", err)
		}
	})
	eventually(t, "the exporter is ready", e.isReady)
	return e
}

func (e *exporter) configure(t *testing.T, config string) {
	t.Helper()
	if err := os.WriteFile(e.file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func eventually(t *testing.T, what string, ok func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	for !ok() {
		if time.Since(start) > time.Minute { // a slow machine counts connections every 45 s only
			t.Fatalf("waited a minute in vain until %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(start)
}

// metrics is one scrape.
type metrics map[string]*dto.MetricFamily

func (e *exporter) scrape(t *testing.T) metrics {
	t.Helper()
	m, err := e.fetch()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (e *exporter) fetch() (metrics, error) {
	res, err := e.client.Get(e.address + "/metrics")
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("scrape: %s %w\n%s", res.Status, err, body)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(bytes.NewReader(body))
}

// isReady tells whether the exporter answers scrapes.
func (e *exporter) isReady() bool {
	res, err := e.client.Get(e.address + "/-/ready")
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// value gives the value of the series with these labels, NaN if there is none.
// Labels are name, value, name, value …
func (m metrics) value(name string, labels ...string) float64 {
	for _, s := range m[name].GetMetric() {
		have := map[string]string{}
		for _, l := range s.GetLabel() {
			have[l.GetName()] = l.GetValue()
		}
		match := true
		for i := 0; i < len(labels); i += 2 {
			match = match && have[labels[i]] == labels[i+1]
		}
		if match {
			return s.GetCounter().GetValue() + s.GetGauge().GetValue()
		}
	}
	return math.NaN()
}

func (m metrics) sum(name string, labels ...string) (sum float64) {
	for _, s := range m[name].GetMetric() {
		one := metrics{name: {Type: m[name].Type, Metric: []*dto.Metric{s}}}
		if v := one.value(name, labels...); !math.IsNaN(v) {
			sum += v
		}
	}
	return sum
}

func checkAudit(t *testing.T, m metrics) {
	t.Helper()
	for direction, clients := range map[string]string{"rx": "network_client_rx_bytes_total", "tx": "network_client_tx_bytes_total"} {
		parts := m.sum(clients) + m.sum("network_unattributed_bytes_total", "direction", direction) + m.sum("network_forgotten_bytes_total", "direction", direction)
		if all := m.value("network_forwarded_bytes_total", "direction", direction); parts != all {
			t.Errorf("%s: clients, unattributed and forgotten are %.0f bytes, forwarded %.0f", direction, parts, all)
		}
	}
}

func (h household) udp(t *testing.T, f lab.Flow) lab.Counts {
	t.Helper()
	c, err := h.UDP(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEveryClientsTrafficIsExact(t *testing.T) {
	h := newHousehold(t)
	names := map[string]string{"alice": "Alice's phone", "nas": "nas", "guest": h.Client("guest").IPv4.String()}
	type totals struct{ Rx, Tx, RxPackets, TxPackets, Rx6, Tx6 float64 }
	want := map[string]totals{}
	for client, name := range names {
		sum := want[name]
		for _, family := range []lab.Family{lab.IPv4, lab.IPv6} {
			for i, direction := range []lab.Direction{lab.Up, lab.Down} {
				c := h.udp(t, lab.Flow{Client: client, Direction: direction, Family: family, Packets: 100 + i, Payload: 900})
				sum.Rx += float64(c.Down.Bytes)
				sum.Tx += float64(c.Up.Bytes)
				sum.RxPackets += float64(c.Down.Packets)
				sum.TxPackets += float64(c.Up.Packets)
				if family == lab.IPv6 {
					sum.Rx6 += float64(c.Down.Bytes)
					sum.Tx6 += float64(c.Up.Bytes)
				}
			}
		}
		want[name] = sum
	}
	m := h.scrape(t)
	got := map[string]totals{}
	for _, name := range names {
		v := func(metric string) float64 { return m.value(metric, "hostname", name, "location", "home") }
		got[name] = totals{
			v("network_client_rx_bytes_total"), v("network_client_tx_bytes_total"),
			v("network_client_rx_packets_total"), v("network_client_tx_packets_total"),
			v("network_client_ipv6_rx_bytes_total"), v("network_client_ipv6_tx_bytes_total"),
		}
		if v("network_client_online") != 1 {
			t.Errorf("%s is not online", name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-sent +reported):\n%s", diff)
	}
	if n := len(m["network_client_rx_bytes_total"].GetMetric()); n != len(names) {
		t.Errorf("%d series for %d clients: each has an IPv4 and an IPv6 address and one series", n, len(names))
	}
	if m.value("network_exporter_up") != 1 {
		t.Error("network_exporter_up is not 1")
	}
	checkAudit(t, m)
}

func TestConnections(t *testing.T) {
	l := newLab(t)
	// Longer than from one count to the next on a slow machine.
	if err := os.WriteFile("/proc/sys/net/netfilter/nf_conntrack_udp_timeout", []byte("120"), 0); err != nil {
		t.Fatal(err)
	}
	for _, f := range []lab.Flow{
		{Client: "alice", Proto: lab.TCP, Family: lab.IPv4},
		{Client: "alice", Proto: lab.UDP, Family: lab.IPv6},
	} {
		held, err := l.Hold(t.Context(), f, 7)
		if err != nil {
			t.Fatal(err)
		}
		defer held.Close()
	}
	h := household{l, startExporter(t, householdConfig(l))} // which counts at its start
	eventually(t, "14 connections show", func() bool {
		m := h.scrape(t)
		v := func(name string, labels ...string) float64 {
			return m.value(name, append(labels, "hostname", "Alice's phone")...)
		}
		return v("network_client_connections") == 14 &&
			v("network_client_connections_by_protocol", "protocol", "tcp") == 7 &&
			v("network_client_connections_by_protocol", "protocol", "udp") == 7
	})
}

// TestTotalsOutliveTheTable deletes the table while traffic flows. No counter
// may decrease, and the table must be back within a second.
func TestTotalsOutliveTheTable(t *testing.T) {
	h := newHousehold(t)
	for round, damage := range []func() error{
		h.ReloadRuleset,
		func() error { return nft("delete table inet network_metrics") },
		func() error { return nft("flush table inet network_metrics") },
		func() error { return nft("flush set inet network_metrics upload_ipv4") },
	} {
		h.udp(t, lab.Flow{Client: "alice", Direction: lab.Up, Packets: 100, Payload: 1000})
		before := h.scrape(t)
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		took := eventually(t, "the table is back", func() bool {
			return exec.Command("nft", "list", "chain", "inet", "network_metrics", "internet_upload").Run() == nil
		})
		t.Logf("round %d: the table was whole again after %v", round, took)
		if took > time.Second {
			t.Errorf("round %d: the table was back after %v, want within 1 s", round, took)
		}
		time.Sleep(100 * time.Millisecond) // a flushed table still has its chains: let the event pass
		c := h.udp(t, lab.Flow{Client: "alice", Direction: lab.Up, Packets: 100, Payload: 1000})
		after := h.scrape(t)
		grown := after.value("network_client_tx_bytes_total", "hostname", "Alice's phone") -
			before.value("network_client_tx_bytes_total", "hostname", "Alice's phone")
		if grown != float64(c.Up.Bytes) {
			t.Errorf("round %d: total grew by %.0f, sent %d", round, grown, c.Up.Bytes)
		}
		checkAudit(t, after)
		if repairs := after.value("network_exporter_accounting_repairs_total"); round < 3 && repairs != float64(round+1) {
			t.Errorf("round %d: %v repairs", round, repairs)
		}
	}
}

func TestKernelCountsOnWithoutTheExporter(t *testing.T) {
	h := newHousehold(t)
	h.udp(t, lab.Flow{Client: "alice", Direction: lab.Up, Packets: 100, Payload: 1000})
	before := h.scrape(t)
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	c := h.udp(t, lab.Flow{Client: "alice", Direction: lab.Up, Packets: 50, Payload: 1000})
	after := startExporter(t, householdConfig(h.Lab)).scrape(t)
	want := before.value("network_client_tx_bytes_total", "hostname", "Alice's phone") + float64(c.Up.Bytes)
	if got := after.value("network_client_tx_bytes_total", "hostname", "Alice's phone"); got != want {
		t.Errorf("after a restart %.0f bytes, want %.0f", got, want)
	}
	checkAudit(t, after)
}

func TestForgedSourcesStayBounded(t *testing.T) {
	l := newLab(t)
	h := household{l, startExporter(t, "accounting: {max_clients: 40}\nupdate_interval: 1s\n")}
	for _, prefix := range []string{"192.168.1.0/24", "fd00:1::/64", "10.9.0.0/16"} {
		sources := lab.Sources(netip.MustParsePrefix(prefix), 30, 200)
		if _, err := h.Spoof(t.Context(), "alice", lab.Spoof{Sources: sources, Payload: 200}); err != nil {
			t.Fatal(err)
		}
	}
	m := h.scrape(t)
	if n := len(m["network_client_tx_bytes_total"].GetMetric()); n > 40 {
		t.Errorf("%d series, want at most 40", n)
	}
	for reason, packets := range map[string]float64{"overflow": 160*228 + 160*248, "excluded": 200 * 228} {
		if got := m.value("network_unattributed_bytes_total", "direction", "tx", "reason", reason); got != packets {
			t.Errorf("%s: %.0f bytes, want %.0f", reason, got, packets)
		}
	}
	checkAudit(t, m)
}

func TestReload(t *testing.T) {
	h := newHousehold(t)
	h.udp(t, lab.Flow{Client: "alice", Direction: lab.Up, Packets: 10, Payload: 1000})
	const success = "network_exporter_config_last_reload_successful"
	before := h.scrape(t)
	if before.value(success) != 1 {
		t.Error("the first configuration does not count as loaded")
	}
	hangup := func() {
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	h.configure(t, "lan: {interfaces: [br-lan]}\nnonsense: true\n")
	hangup()
	eventually(t, "the bad configuration shows", func() bool { return h.scrape(t).value(success) == 0 })
	if v := h.scrape(t).value("network_client_tx_bytes_total", "hostname", "Alice's phone"); v != 10*1028 {
		t.Errorf("the old configuration is not in force: %v", v)
	}
	h.configure(t, strings.ReplaceAll(householdConfig(h.Lab), "Alice's phone", "renamed"))
	hangup()
	eventually(t, "the new name shows", func() bool {
		m := h.scrape(t)
		return m.value(success) == 1 && m.value("network_client_tx_bytes_total", "hostname", "renamed") == 10*1028
	})
	h.configure(t, "accounting: {table: other}\nextra_labels: {site: x}\n")
	hangup()
	eventually(t, "the table moved", func() bool {
		m := h.scrape(t)
		return m.value("network_exporter_accounting_info", "table", "other") == 1 && m.value("network_client_online", "site", "x") == 1 &&
			nft("list table inet network_metrics") != nil
	})
	checkAudit(t, h.scrape(t))
	h.configure(t, "accounting: {enabled: false}\n")
	hangup()
	eventually(t, "accounting is off", func() bool {
		m := h.scrape(t)
		return math.IsNaN(m.value("network_exporter_source_up", "source", "accounting")) && nft("list table inet other") != nil
	})
}

func TestLateInterface(t *testing.T) {
	l := newLab(t)
	h := household{l, startExporter(t, "lan: {interfaces: [br-lan, br-late]}\nwan: {interfaces: [wan0]}\n")}
	if h.scrape(t).value("network_exporter_up") != 1 {
		t.Error("a missing interface turns a source down")
	}
	ip := func(args ...string) {
		t.Helper()
		if out, err := l.Router.Exec(t.Context(), "ip", args...); err != nil {
			t.Fatalf("ip %v: %v\n%s", args, err, out)
		}
	}
	ip("link", "add", "br-late", "type", "bridge")
	defer ip("link", "del", "br-late")
	ip("addr", "add", "192.168.7.1/24", "dev", "br-late")
	ip("link", "set", "br-late", "up")
	eventually(t, "the new prefix is counted for", func() bool {
		out, _ := exec.Command("nft", "list", "chain", "inet", "network_metrics", "internet_upload").CombinedOutput()
		return strings.Contains(string(out), "192.168.7.0/24")
	})
}

func TestManyScrapesAtOnce(t *testing.T) {
	h := newHousehold(t)
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			res, err := h.client.Get(h.address + "/metrics")
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			if _, err := io.Copy(io.Discard, res.Body); err != nil {
				t.Error(err)
			}
			if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusServiceUnavailable {
				t.Error(res.Status)
			}
		})
	}
	wg.Wait()
	checkAudit(t, h.scrape(t))
}

func TestPages(t *testing.T) {
	pages(t, "Network metrics exporter", "accounting: {enabled: false}\nweb: {live: false}\n")
	pages(t, "bytes are not counted", "accounting: {enabled: false}\n")
	if nft("list table inet network_metrics") == nil {
		t.Error("a table was installed although accounting is off")
	}
}

// pages checks what each page says, the first one in particular.
func pages(t *testing.T, first, config string) {
	t.Helper()
	e := startExporter(t, config)
	for path, want := range map[string]string{
		"/":          first,
		"/-/healthy": "healthy",
		"/-/ready":   "ready",
		"/metrics":   "network_exporter_build_info",
	} {
		res, err := e.client.Get(e.address + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s, without %q", path, res.Status, want)
		}
	}
}

// TestTLSAndBasicAuth checks that every page is behind what --web.config.file
// asks for, on every address.
func TestTLSAndBasicAuth(t *testing.T) {
	folder := t.TempDir()
	writeCertificate(t, folder)
	hash, err := bcrypt.GenerateFromPassword([]byte("lab"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "web.yml")
	text := fmt.Sprintf("tls_server_config: {cert_file: cert.pem, key_file: key.pem}\nbasic_auth_users: {admin: %q}\n", hash)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("STATE_DIRECTORY", t.TempDir())
	addresses := []string{freeAddress(t), freeAddress(t)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"--web.config.file=" + file, "--web.listen-address=" + addresses[0], "--web.listen-address=" + addresses[1]})
	}()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	status := func(address, path, password string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("admin", password)
		res, err := client.Do(req)
		if err != nil {
			return 0
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	for _, address := range addresses {
		eventually(t, "it answers", func() bool { return status(address, "/-/ready", "lab") == http.StatusOK })
		for _, path := range []string{"/", "/metrics", "/-/healthy", "/api/v1/clients", "/api/v1/stream", "/live/style.css"} {
			if got := status(address, path, "lab"); got != http.StatusOK {
				t.Errorf("%s%s: %d with the password", address, path, got)
			}
			if got := status(address, path, "wrong"); got != http.StatusUnauthorized {
				t.Errorf("%s%s: %d with a wrong password", address, path, got)
			}
		}
	}
}

func writeCertificate(t *testing.T, folder string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestErrorsNameTheRemedy(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	bad := filepath.Join(t.TempDir(), "bad.yml")
	if err := os.WriteFile(bad, []byte("lan:\n  interface: [br-lan]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("STATE_DIRECTORY", t.TempDir())
	for _, tt := range []struct {
		name string
		args []string
		want []string
	}{
		{"a busy port", []string{"--web.listen-address=" + busy.Addr().String()}, []string{"address already in use", "--web.listen-address"}},
		{"an address of another machine", []string{"--web.listen-address=198.51.100.1:9101"}, []string{"does not have the address"}},
		{"an unknown flag", []string{"--colour"}, []string{"--colour", "--help"}},
		{"a named configuration that is not there", []string{"--config.file=/nonexistent.yml"}, []string{"/nonexistent.yml", "no such file"}},
		{"an unknown key", []string{"--config.file=" + bad}, []string{bad + ":2", "lan.interface", "did you mean interfaces"}},
		{"an unknown key, only checked", []string{"--config.file=" + bad, "--config.check"}, []string{bad + ":2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			err := run(ctx, tt.args)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
		})
	}
}

func TestConfigCheck(t *testing.T) {
	if err := run(t.Context(), []string{"--config.check", "--config.file=../docs/config.example.yml"}); err != nil {
		t.Error(err)
	}
}

// TestWithoutCapability runs the exporter in a user namespace of its own, where
// it has no rights over the router's network: as with systemd's PrivateUsers=.
func TestWithoutCapability(t *testing.T) {
	newLab(t)
	address := freeAddress(t)
	e := &exporter{address: "http://" + address, client: http.DefaultClient, file: filepath.Join(t.TempDir(), "config.yml")}
	e.configure(t, "qos: {enabled: true}\n")
	cmd := exec.Command("/proc/self/exe", "--config.file="+e.file, "--web.listen-address="+address)
	cmd.Env = append(os.Environ(), beExporter+"=1", "STATE_DIRECTORY="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, Pdeathsig: syscall.SIGKILL}
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it answers", func() bool {
		res, err := http.Get(e.address + "/-/ready")
		if err == nil {
			res.Body.Close()
		}
		return err == nil && res.StatusCode == http.StatusOK
	})
	m := e.scrape(t)
	for source, want := range map[string]float64{"accounting": 0, "conntrack": 0, "neighbours": 1, "links": 1, "qdiscs": 1} {
		if got := m.value("network_exporter_source_up", "source", source); got != want {
			t.Errorf("source %s: up %v, want %v", source, got, want)
		}
	}
	if m.value("network_exporter_up") != 0 {
		t.Error("network_exporter_up is not 0")
	}
	for range 3 {
		e.scrape(t)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	var faults []string
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "level=ERROR") {
			faults = append(faults, line)
		}
	}
	if len(faults) != 2 || !strings.Contains(faults[0], "CAP_NET_ADMIN") || !strings.Contains(faults[1], "CAP_NET_ADMIN") {
		t.Errorf("want one error about accounting and one about conntrack, with the remedy:\n%s", log.String())
	}
}

func nft(command string) error {
	return exec.Command("nft", strings.Fields(command)...).Run()
}
