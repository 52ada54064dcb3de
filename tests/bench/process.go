package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is a running program.
type process struct {
	cmd     *exec.Cmd
	url     string // of the exporter
	client  *http.Client
	answer  bytes.Buffer // the last one, of which the next takes the place
	scrapes int
}

// startExporter starts the exporter with a state of its own and waits until it
// answers.
func (b *bench) startExporter(ctx context.Context, config string) (*process, error) {
	dir, err := os.MkdirTemp(b.dir, "exporter")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "config.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p := &process{url: "http://" + address, client: &http.Client{Timeout: time.Minute}}
	p.cmd = exec.Command(b.exporter, "--config.file="+file, "--web.listen-address="+address)
	p.cmd.Env = append(os.Environ(), "STATE_DIRECTORY="+filepath.Join(dir, "state"))
	p.cmd.Stderr = log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err = p.get("/-/ready"); err == nil {
			return p, nil
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			p.stop()
			text, _ := os.ReadFile(log.Name())
			return nil, fmt.Errorf("start the exporter: %w\n%s", err, text)
		}
	}
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// stop ends the process in the ordinary way.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
}

// get reads an answer, as Prometheus does into memory that is there already. It
// holds until the next one.
func (p *process) get(path string) ([]byte, error) {
	res, err := p.client.Get(p.url + path)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, res.Status)
	}
	p.answer.Reset()
	_, err = p.answer.ReadFrom(res.Body)
	return p.answer.Bytes(), err
}

// scrape reads the metrics as Prometheus would, text and all.
func (p *process) scrape() (metrics, error) {
	p.scrapes++
	return p.get("/metrics")
}

// metrics is the text of a scrape.
type metrics []byte

// value gives the one sample that begins so; 0 where there is none.
func (m metrics) value(series string) float64 { return m.sum(series + " ") }

// sum adds up the samples that begin so.
func (m metrics) sum(prefix string) (sum float64) {
	for line := range bytes.Lines(m) {
		if bytes.HasPrefix(line, []byte(prefix)) {
			v, _ := strconv.ParseFloat(string(bytes.TrimSpace(line[bytes.LastIndexByte(line, ' '):])), 64)
			sum += v
		}
	}
	return sum
}

// count is how many samples begin so.
func (m metrics) count(prefix string) (n int) {
	for line := range bytes.Lines(m) {
		if bytes.HasPrefix(line, []byte(prefix)) {
			n++
		}
	}
	return n
}

// usage is what a process took so far.
type usage struct {
	cpu       time.Duration // with that of children that have ended
	resident  float64       // MiB
	anonymous float64       // MiB, the part that is not of the program's file
	threads   float64
}

// usage reads the process' clock, proc_pid_stat(5) and proc_pid_status(5).
func (p *process) usage() (u usage, err error) {
	const tick = 10 * time.Millisecond // USER_HZ is 100 on all platforms that Go knows
	var clock unix.Timespec            // of the process alone, in nanoseconds: see clock_getcpuclockid(3)
	if err := unix.ClockGettime(int32(^p.cmd.Process.Pid<<3|2), &clock); err != nil {
		return u, err
	}
	u.cpu = time.Duration(clock.Nano())
	dir := fmt.Sprintf("/proc/%d/", p.cmd.Process.Pid)
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		return u, err
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	for _, field := range fields[13:15] { // cutime, cstime
		n, _ := strconv.Atoi(field)
		u.cpu += time.Duration(n) * tick
	}
	status, err := os.ReadFile(dir + "status")
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		n, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
		switch name {
		case "VmRSS":
			u.resident = n / 1024
		case "RssAnon":
			u.anonymous = n / 1024
		case "Threads":
			u.threads = n
		}
	}
	return u, nil
}
