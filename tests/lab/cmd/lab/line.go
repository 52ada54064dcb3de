package main

import (
	"fmt"
	"time"

	"github.com/vishvananda/netlink"

	"router-monitoring/tests/lab"
)

// reportLine prints what passes the router's WAN interface.
func reportLine(every time.Duration, done <-chan struct{}) {
	begin := time.Now()
	beforeDown, beforeUp := lineBytes()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case now := <-tick.C:
			down, up := lineBytes()
			fmt.Printf("  after %4s  the line carries %s down, %s up\n", now.Sub(begin).Round(time.Second),
				rate(down-beforeDown, every), rate(up-beforeUp, every))
			beforeDown, beforeUp = down, up
		}
	}
}

func rate(bytes uint64, in time.Duration) lab.Rate {
	return lab.Rate(float64(bytes) * 8 / in.Seconds())
}

// lineBytes are the WAN's counters; none while it cannot be read.
func lineBytes() (down, up uint64) {
	link, err := netlink.LinkByName(lab.WAN)
	if err != nil || link.Attrs().Statistics == nil {
		return 0, 0
	}
	return link.Attrs().Statistics.RxBytes, link.Attrs().Statistics.TxBytes
}
