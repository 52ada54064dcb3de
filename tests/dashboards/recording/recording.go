// Package recording keeps what real exporters answered, scrape by scrape, in a
// file, and gives it to a Prometheus later.
//
// The file holds one answer after the other in Prometheus' text format, each below
// a line with the time, in Unix seconds, and the job; without one it is this
// project's exporter's:
//
//	# scrape 1764020000.250 unbound
package recording

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// Scrape is one answer of one exporter.
type Scrape struct {
	Time time.Time
	Job  string
	Text []byte
}

const (
	heading  = "# scrape "
	exporter = "network-metrics-exporter"
)

// Write appends a scrape to a recording.
func Write(w io.Writer, s Scrape) error {
	at := float64(s.Time.UnixMilli()) / 1000
	if _, err := fmt.Fprintf(w, "%s%.3f %s\n", heading, at, s.Job); err != nil {
		return err
	}
	_, err := w.Write(s.Text)
	return err
}

// Load reads a recording.
func Load(path string) (scrapes []Scrape, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if scrapes, err = read(f); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return scrapes, nil
}

func read(r io.Reader) (scrapes []Scrape, err error) {
	const longestLine = 1 << 20
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), heading); ok {
			s, err := begin(rest)
			if err != nil {
				return nil, err
			}
			scrapes = append(scrapes, s)
			continue
		}
		if len(scrapes) == 0 {
			return nil, errors.New("it does not begin with a scrape's time")
		}
		last := &scrapes[len(scrapes)-1]
		last.Text = append(append(last.Text, bytes.TrimSpace(lines.Bytes())...), '\n')
	}
	return scrapes, lines.Err()
}

// begin reads a scrape's heading.
func begin(text string) (s Scrape, err error) {
	at, job, _ := strings.Cut(text, " ")
	seconds, err := strconv.ParseFloat(at, 64)
	if err != nil {
		return s, fmt.Errorf("%q is no time", at)
	}
	return Scrape{Time: time.UnixMilli(int64(seconds * 1000)), Job: cmp.Or(job, exporter)}, nil
}
