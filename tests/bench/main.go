// Command bench measures what the exporter costs on this machine, in a lab of
// network namespaces, beside what it replaces: two nftables rules for each
// client, and nft and conntrack run as subprocesses. docs/performance.md tells
// what each row means.
//
// Machines change their speed while they run. So nothing is compared with a
// figure from another moment: what is compared runs in turns, A-X-A-X-A, each X
// with the A before and after it, and the median of these ratios counts.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"router-monitoring/tests/lab"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == standInArg {
		standIn()
		return
	}
	lab.Isolate()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// effort is how much is measured.
type effort struct {
	rounds   int           // of A-X-A
	packets  int           // in one measurement of forwarding
	scrapes  int           // in one measurement of scrapes
	segments int           // in one TCP transfer
	watching time.Duration // of CPU and memory
	week     int           // scrapes
}

var (
	full  = effort{rounds: 9, packets: 16_000, scrapes: 20, segments: 32_000, watching: 3 * time.Minute, week: 100_000}
	quick = effort{rounds: 3, packets: 8_000, scrapes: 5, segments: 12_000, watching: 10 * time.Second, week: 5_000}
)

// bench is one run.
type bench struct {
	effort
	exporter string // path of the program
	dir      string // for its configuration and state
	report   *report
}

func run(ctx context.Context) error {
	b := bench{effort: full, report: &report{Machine: thisMachine()}}
	out := flag.String("out", "bench.json", "file for the results")
	hasty := flag.Bool("quick", false, "measure less")
	flag.StringVar(&b.exporter, "exporter", "bin/network-metrics-exporter", "the program to measure")
	flag.Parse()
	if *hasty {
		b.effort = quick
	}
	var err error
	if b.dir, err = os.MkdirTemp("", "bench"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	fmt.Println(b.report.Machine)
	for _, part := range []func(context.Context) error{b.sizes, b.household} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return b.report.save(*out)
}
