// Package dashboards tests the dashboards' queries on a real Prometheus that
// holds a household's recorded month. The recording also makes the pictures of
// docs/images, see dashboards/preview.
package dashboards
