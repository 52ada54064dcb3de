// Package dashboards tests the dashboards' queries on a real Prometheus that
// holds a household's recorded month, and on one that holds what real services did
// in the lab. Such recordings also make the pictures of docs/images, see
// dashboards/preview.
package dashboards
