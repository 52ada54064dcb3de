package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/prometheus/common/model"

	"router-monitoring/tests/lab"
)

// query asks Prometheus for an instant vector.
func query(ctx context.Context, promQL string) (model.Vector, error) {
	body, err := get(ctx, "http://"+prometheusAddr+"/api/v1/query?query="+url.QueryEscape(promQL))
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", promQL, err)
	}
	var answer struct {
		Data struct {
			Result model.Vector `json:"result"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("query %s: %w", promQL, err)
	}
	return answer.Data.Result, nil
}

// queryHogs asks who uses the line now, by the rate over the range. A load that
// just began has no rate before its second scrape.
func queryHogs(ctx context.Context, over model.Duration) (hogs model.Vector, err error) {
	promQL := fmt.Sprintf("topk(3, rate(network_client_rx_bytes_total[%s]) > 0)", over)
	err = untilSettled(ctx, func() error {
		if hogs, err = query(ctx, promQL); err == nil && len(hogs) == 0 {
			err = errors.New("prometheus holds no rate of any client")
		}
		return err
	})
	return hogs, err
}

// examinePrometheus prints who hogs the line and checks that Prometheus scraped
// what the exporter reports.
func examinePrometheus(ctx context.Context, hogs model.Vector, over model.Duration, r reported) error {
	if len(hogs) == 0 {
		return nil // told by queryHogs
	}
	fmt.Printf("\nWho is hogging the line now? Prometheus says, by the rate over the last %s:\n\n", over)
	for i, h := range hogs {
		fmt.Printf("  %d. %-16s %-15s %12s down\n", i+1, h.Metric["hostname"], h.Metric["ip"], lab.Rate(float64(h.Value)*8))
	}
	if err := checkUp(ctx); err != nil {
		return err
	}
	return checkHeld(ctx, string(hogs[0].Metric["hostname"]), r)
}

func checkUp(ctx context.Context) error {
	up, err := query(ctx, "up")
	if err != nil {
		return err
	}
	for _, s := range up {
		if s.Value == 1 {
			return nil
		}
	}
	return fmt.Errorf("prometheus cannot scrape the exporter: up is %v", up)
}

// checkHeld waits for the scrape after the load and compares the busiest client.
func checkHeld(ctx context.Context, client string, r reported) error {
	if len(r.clients[client]) != 1 {
		return fmt.Errorf("prometheus knows a client %q that the exporter does not report", client)
	}
	want := r.clients[client][0].down
	return untilSettled(ctx, func() error {
		held, err := query(ctx, "network_client_rx_bytes_total{hostname="+strconv.Quote(client)+"}")
		if err != nil {
			return err
		}
		if len(held) != 1 || uint64(held[0].Value) != want {
			return fmt.Errorf("prometheus holds %v for %s, the exporter reports %d", held, client, want)
		}
		fmt.Printf("\nPrometheus holds %s bytes received by %s, as the exporter reports.\n", grouped(want), client)
		return nil
	})
}

// untilSettled repeats a check until it holds, within the settle timeout.
func untilSettled(ctx context.Context, check func() error) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(200 * time.Millisecond):
		}
	}
}
