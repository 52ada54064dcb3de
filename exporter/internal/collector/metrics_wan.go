package collector

// wanMetrics are those of the Internet connection.
var wanMetrics = []*Metric{}
