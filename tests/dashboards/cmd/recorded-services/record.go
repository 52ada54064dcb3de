package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"router-monitoring/tests/dashboards/recording"
)

// source gives what an exporter answers.
type source func(context.Context) ([]byte, error)

// record asks the sources, by job, until ctx ends.
func record(ctx context.Context, out io.Writer, sources map[string]source, interval time.Duration) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for ctx.Err() == nil {
		for job, ask := range sources {
			s := recording.Scrape{Time: time.Now(), Job: job}
			var err error
			if s.Text, err = ask(ctx); err == nil {
				err = recording.Write(out, s)
			}
			if err != nil {
				return fmt.Errorf("record %s: %w", job, err)
			}
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	return nil
}

func scraped(url string) source {
	return func(context.Context) ([]byte, error) {
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
}
