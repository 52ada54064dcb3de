package collector

// portMetrics are those of port mappings.
var portMetrics = []*Metric{}
