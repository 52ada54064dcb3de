package collector

// qdiscMetrics are those of the queueing disciplines.
var qdiscMetrics = []*Metric{}
