package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"router-monitoring/tests/lab"
)

// recording names the file that TestRecordShaping writes.
const recording = "SHAPING_RECORDING"

// evening is what the clients do on a line of 8 Mbit/s down and 2 Mbit/s up: from
// the second of the recording on, for so many seconds.
var evening = []struct {
	from, seconds time.Duration
	lab.Flow
}{
	{2, 146, lab.Flow{Client: "phone", Direction: lab.Up, Rate: 100 * lab.Kbit, Payload: 172, Answered: true}},
	{2, 146, lab.Flow{Client: "phone", Direction: lab.Down, Rate: 100 * lab.Kbit, Payload: 172}},
	{15, 115, lab.Flow{Client: "tv", Direction: lab.Down, Proto: lab.TCP, Rate: 3 * lab.Mbit}},
	{30, 45, lab.Flow{Client: "laptop", Direction: lab.Down, Proto: lab.TCP}},
	{30, 45, lab.Flow{Client: "laptop", Direction: lab.Down, Proto: lab.TCP}},
	{40, 20, lab.Flow{Client: "laptop", Direction: lab.Down, Proto: lab.TCP}},
	{60, 75, lab.Flow{Client: "nas", Direction: lab.Up, Proto: lab.TCP}},
	{95, 35, lab.Flow{Client: "laptop", Direction: lab.Up, Proto: lab.TCP}},
	{105, 30, lab.Flow{Client: "laptop", Direction: lab.Down, Proto: lab.TCP}},
}

// TestRecordShaping writes scrapes, one every 3 s while the line is busy, into the file
// that the environment names. Each stands behind a line "# scrape " with its Unix time.
func TestRecordShaping(t *testing.T) {
	path := os.Getenv(recording)
	if path == "" {
		t.Skipf("nothing to test: this records for pictures, into the file that %s names", recording)
	}
	n := shapedLAN.build(t)
	n.needCAKE(t)
	n.markPackets(t)
	n.allowECN(t)
	n.configure(t, n.config("forward")+"qos: {enabled: true}\n")
	n.start(t)
	n.redirectWAN(t)
	n.tc(t, "qdisc add dev wan0 root cake bandwidth 2mbit diffserv4 ack-filter")
	n.tc(t, "qdisc add dev ifb4wan0 root cake bandwidth 8mbit diffserv4 ingress")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var wg sync.WaitGroup
	for _, e := range evening {
		wg.Go(func() {
			time.Sleep(e.from * time.Second)
			e.Flow.Family, e.Flow.Duration = lab.IPv6, e.seconds*time.Second
			run := n.UDP
			if e.Proto == lab.TCP {
				run = n.TCP
			}
			if _, err := run(t.Context(), e.Flow); err != nil {
				t.Logf("%v", err) // what is dropped is part of the picture
			}
		})
	}
	const busy = 130 * time.Second
	for begin := time.Now(); time.Since(begin) < busy; {
		n.record(t, file)
		time.Sleep(3 * time.Second)
	}
	wg.Wait()
}

// record writes a scrape.
func (n *network) record(t *testing.T, to io.Writer) {
	t.Helper()
	res, err := n.client.Get(n.address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	fmt.Fprintf(to, "# scrape %.3f\n", float64(time.Now().UnixMilli())/1000)
	if _, err := io.Copy(to, res.Body); err != nil {
		t.Fatal(err)
	}
}
