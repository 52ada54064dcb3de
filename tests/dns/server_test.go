package dns

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// server is a name server that runs, and its exporter.
type server struct {
	dns    string // address
	target string // of Prometheus
	path   string // there

	count func(name string) // instead of a question to dns
}

// The servers by the name of their section. Each forwards to a server that knows
// *.example.net and refuses all else.
var servers = map[string]func(t *testing.T, dir, upstream string) server{
	"dns-unbound": unbound,
	"dns-dnsmasq": dnsmasq,
	"dns-blocky":  blocky,
	"dns-adguard": adguard,
}

func upstream(t *testing.T) string {
	port := fmt.Sprint(freePort(t))
	run(t, t.TempDir(), "dnsmasq", "--conf-file=/dev/null", "--keep-in-foreground", "--user=root", "--port="+port,
		"--listen-address=127.0.0.1", "--bind-interfaces", "--pid-file=", "--no-resolv", "--no-hosts",
		"--local-ttl=3600", "--address=/example.net/192.0.2.1")
	return port
}

func unbound(t *testing.T, dir, upstream string) server {
	port, metrics := freePort(t), freePort(t)
	socket := filepath.Join(dir, "ctl")
	config := write(t, dir, "unbound.conf", `
server:
  do-daemonize: no
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  directory: "%s"
  interface: 127.0.0.1@%d
  do-not-query-localhost: no
  module-config: "iterator"
  extended-statistics: yes
remote-control:
  control-enable: yes
  control-interface: %s
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@%s
`, dir, port, socket, upstream)
	run(t, dir, "unbound", "-d", "-c", config)
	run(t, dir, "unbound_exporter", listen("-web.listen-address", metrics),
		"-unbound.host=unix://"+socket, "-unbound.ca=", "-unbound.cert=", "-unbound.key=")
	return server{dns: address(port), target: address(metrics), path: "/metrics"}
}

func dnsmasq(t *testing.T, dir, upstream string) server {
	port, metrics := freePort(t), freePort(t)
	leases := write(t, dir, "leases", "")
	run(t, dir, "dnsmasq", "--conf-file=/dev/null", "--keep-in-foreground", "--user=root", fmt.Sprint("--port=", port),
		"--listen-address=127.0.0.1", "--bind-interfaces", "--pid-file=", "--no-resolv", "--no-hosts",
		"--cache-size=1000", "--server=127.0.0.1#"+upstream)
	run(t, dir, "dnsmasq_exporter", listen("-listen", metrics), "-dnsmasq="+address(port), "-leases_path="+leases)
	return server{dns: address(port), target: address(metrics), path: "/metrics"}
}

func blocky(t *testing.T, dir, upstream string) server {
	port, metrics := freePort(t), freePort(t)
	config := write(t, dir, "blocky.yml", `
upstreams: {groups: {default: ["127.0.0.1:%[1]s"]}}
bootstrapDns: [{upstream: "127.0.0.1:%[1]s"}]
blocking:
  denylists: {ads: ["ads.example.net\n"]}
  clientGroupsBlock: {default: [ads]}
ports: {dns: "%[2]s", http: "%[3]s"}
prometheus: {enable: true}
`, upstream, address(port), address(metrics))
	run(t, dir, "blocky", "--config="+config)
	return server{dns: address(port), target: address(metrics), path: "/metrics"}
}

func address(port int) string             { return fmt.Sprint("127.0.0.1:", port) }
func listen(flag string, port int) string { return flag + "=" + address(port) }

// up waits until a server and its exporter answer.
func (s server) up(t *testing.T) {
	t.Helper()
	eventually(t, func() error { return s.ask("hot.example.net") })
	answers(t, "http://"+s.target+s.path)
}

// ask asks for a name once (RFC 1035, 4.1) and waits for whatever answer.
func (s server) ask(name string) error {
	if s.count != nil {
		s.count(name)
		return nil
	}
	conn, err := net.Dial("udp", s.dns)
	if err != nil {
		return err
	}
	defer conn.Close()
	question := []byte{0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0} // recursion desired, one question
	for label := range strings.SplitSeq(name, ".") {
		question = append(append(question, byte(len(label))), label...)
	}
	question = append(question, 0, 0, 1, 0, 1) // A, IN
	if _, err := conn.Write(question); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 512))
	return err
}
