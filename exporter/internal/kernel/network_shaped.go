package kernel

import (
	"cmp"
	"slices"

	"router-monitoring/exporter/internal/sample"
)

// shaped finds the links whose queueing disciplines are of interest. What comes in
// from the Internet can only be queued on an ifb, to which it is redirected.
func (t networkTables) shaped(names, wan []string) (devices []sample.Device) {
	for _, l := range t.links {
		wanted := slices.Contains(names, l.Name)
		if len(names) == 0 {
			wanted = l.ifb || slices.Contains(wan, l.Name)
		}
		if wanted {
			devices = append(devices, sample.Device{Name: l.Name, Index: l.Index, Ethernet: l.Ethernet})
		}
	}
	slices.SortFunc(devices, func(a, b sample.Device) int { return cmp.Compare(a.Name, b.Name) })
	return devices
}
