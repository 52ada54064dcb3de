package kernel

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Attributes and flags of flowtables, linux/netfilter/nf_tables.h.
const (
	nftaFlowtableTable = 1
	nftaFlowtableName  = 2
	nftaFlowtableHook  = 3
	nftaFlowtableFlags = 7

	nftaFlowtableHookPriority = 2 // inside NFTA_FLOWTABLE_HOOK
	nftaFlowtableHookDevs     = 3
	nftaDeviceName            = 1 // inside NFTA_FLOWTABLE_HOOK_DEVS
	nftaDevicePrefix          = 2

	flowtableHardware = 0x1 // NFT_FLOWTABLE_HW_OFFLOAD
)

// flowtable takes the packets of connections handed to it at the ingress of its
// devices and sends them out at once: no forward hook sees them.
type flowtable struct {
	name     string // "table flowtable"
	priority nftables.ChainPriority
	devices  []string
	prefixes []string // of device names
	hardware bool     // the network card may forward by itself: then no hook sees anything
}

func (f flowtable) holds(device string) bool {
	return slices.Contains(f.devices, device) ||
		slices.ContainsFunc(f.prefixes, func(p string) bool { return strings.HasPrefix(device, p) })
}

// readFlowtables lists the flowtables of all tables that have devices.
func (a *Accounting) readFlowtables() ([]flowtable, error) {
	var found []flowtable
	req := request(unix.NFPROTO_UNSPEC, unix.NFT_MSG_GETFLOWTABLE, netlink.Dump)
	_, err := a.dumpers[0].dump(req, func(data []byte) error {
		if f := parseFlowtable(data); len(f.devices)+len(f.prefixes) > 0 {
			found = append(found, f)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read flowtables: %w", err)
	}
	return found, nil
}

func parseFlowtable(data []byte) (f flowtable) {
	var table, name string
	for typ, value := range payload(data) {
		switch typ {
		case nftaFlowtableTable:
			table = text(value)
		case nftaFlowtableName:
			name = text(value)
		case nftaFlowtableFlags:
			f.hardware = be32(value)&flowtableHardware != 0
		case nftaFlowtableHook:
			for typ, value := range attrs(value) {
				switch typ {
				case nftaFlowtableHookPriority:
					f.priority = nftables.ChainPriority(int32(be32(value)))
				case nftaFlowtableHookDevs:
					f.addDevices(value)
				}
			}
		}
	}
	f.name = table + " " + name
	return f
}

func (f *flowtable) addDevices(list []byte) {
	for typ, value := range attrs(list) {
		switch typ {
		case nftaDeviceName:
			f.devices = append(f.devices, text(value))
		case nftaDevicePrefix:
			f.prefixes = append(f.prefixes, text(value))
		}
	}
}
