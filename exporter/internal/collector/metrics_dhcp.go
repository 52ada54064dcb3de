package collector

import (
	"router-monitoring/exporter/internal/registry"
	"router-monitoring/exporter/internal/sample"
)

// dhcpMetrics are those of DHCP servers.
var dhcpMetrics = []*Metric{
	client("network_client_dhcp_lease_expiry_timestamp_seconds", gauge,
		"Unix time at which the DHCP lease of the client's address ends, unless it is renewed. Absent without a lease that ends.", nil,
		func(c *registry.Client, out *samples) { out.time(c.LeaseEnd) }),
	single("network_dhcp_pool_addresses", gauge,
		"Addresses that a DHCP server has to give out: in a range of dhcp.pools, or in a subnet of Kea's, which for prefixes it delegates has a pool of its own. Absent without dhcp.pools and dhcp.kea.", poolLabels,
		ofPools(func(p *sample.Pool, out *samples) { out.add(p.Size, p.Server, p.Name) })),
	single("network_dhcp_pool_leases", gauge,
		"Addresses of the pool that are leased at present.", poolLabels,
		ofPools(func(p *sample.Pool, out *samples) { out.add(p.Leases, p.Server, p.Name) })),
	single("network_dhcp_declined_addresses", gauge,
		"Addresses of the pool that are not given out for a while, since a client found them taken by another device. Kea alone tells.", poolLabels,
		ofPools(func(p *sample.Pool, out *samples) {
			if p.Declined != nil {
				out.add(*p.Declined, p.Server, p.Name)
			}
		})),
}

var poolLabels = []string{"server", "pool"}

func ofPools(of func(*sample.Pool, *samples)) func(*Scrape, *samples) {
	return each(func(s *Scrape) []sample.Pool { return s.Beside.Pools }, of)
}
