package monitor

import (
	"context"
	"errors"
	"math/big"
	"net/netip"
	"sync"
	"time"

	"router-monitoring/exporter/internal/collector"
	"router-monitoring/exporter/internal/config"
	"router-monitoring/exporter/internal/kea"
	"router-monitoring/exporter/internal/lease"
	"router-monitoring/exporter/internal/sample"
)

// dhcpPools tells how full the pools of DHCP servers are.
var dhcpPools = part{
	id: dhcp,
	on: func(cfg *config.Config) bool { return len(cfg.DHCP.Pools)+len(cfg.DHCP.Kea) > 0 },
	read: func(ctx context.Context, m *Monitor, cfg *config.Config) (func(*collector.Beside), error) {
		told, err := m.askKea(ctx, cfg.DHCP.Kea)
		pools := onePerName(append(m.countPools(cfg.DHCP.Pools), told...))
		return func(b *collector.Beside) { b.Pools = pools }, err
	},
}

// countPools counts leases of files against the pools of the configuration; there
// are none before the files were read.
func (m *Monitor) countPools(ranges []config.Pool) (pools []sample.Pool) {
	m.mu.Lock()
	var leases lease.Reading
	if m.leases != nil {
		leases = m.leases.Reading()
	}
	m.mu.Unlock()
	if !leases.Read {
		return nil
	}
	for _, r := range ranges {
		n, server := leases.Pool(r.First, r.Last, time.Now())
		if r.Server != "" {
			server = lease.Format(r.Server)
		}
		pools = append(pools, sample.Pool{Server: string(server), Name: r.Name, Size: size(r.First, r.Last), Leases: float64(n)})
	}
	return pools
}

// size is how many addresses there are from first to last.
func size(first, last netip.Addr) float64 {
	n := new(big.Int).SetBytes(last.AsSlice())
	n.Sub(n, new(big.Int).SetBytes(first.AsSlice()))
	f, _ := n.Add(n, big.NewInt(1)).Float64()
	return f
}

// keaPause is the least time between two questions to a server of Kea's that
// answers: it logs every command.
const keaPause = 30 * time.Second

type keaReading struct {
	at    time.Time
	pools []sample.Pool
	err   error
}

// askKea asks the servers side by side, so that one that hangs delays no other.
func (m *Monitor) askKea(ctx context.Context, sockets []string) (pools []sample.Pool, err error) {
	readings := make([]keaReading, len(sockets))
	var wg sync.WaitGroup
	for i, socket := range sockets {
		if last, known := m.kea[socket]; known && last.err == nil && time.Since(last.at) < keaPause {
			readings[i] = last
			continue
		}
		wg.Go(func() {
			pools, err := kea.Read(ctx, socket)
			readings[i] = keaReading{time.Now(), pools, err}
		})
	}
	wg.Wait()
	m.kea = map[string]keaReading{}
	for i, r := range readings {
		m.kea[sockets[i]] = r
		pools, err = append(pools, r.pools...), errors.Join(err, r.err)
	}
	return pools, err
}

// onePerName keeps the first pool of each server and name, which are its labels:
// two servers may have the same subnet.
func onePerName(pools []sample.Pool) (kept []sample.Pool) {
	seen := map[[2]string]bool{}
	for _, p := range pools {
		if key := [2]string{p.Server, p.Name}; !seen[key] {
			seen[key] = true
			kept = append(kept, p)
		}
	}
	return kept
}
