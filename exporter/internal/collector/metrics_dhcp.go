package collector

// dhcpMetrics are those of DHCP servers.
var dhcpMetrics = []*Metric{}
