package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"router-monitoring/tests/dashboards/recording"
)

// record scrapes the targets, by job, until ctx ends.
func record(ctx context.Context, out io.Writer, targets map[string]string, interval time.Duration) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		for job, url := range targets {
			s := recording.Scrape{Time: time.Now(), Job: job}
			var err error
			if s.Text, err = scrape(url); err == nil {
				err = recording.Write(out, s)
			}
			if err != nil {
				return fmt.Errorf("record %s: %w", job, err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func scrape(url string) ([]byte, error) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("it answers %s: %.200s", resp.Status, text)
	}
	return text, err
}
