package kea

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// maxSubnets bounds the subnets of one server.
const maxSubnets = 1024

// server is what one server tells.
type server struct {
	family  int                     // 4 or 6
	subnets map[uint64]netip.Prefix // by the number that Kea knows them by
	counts  bool                    // it has the library that counts leases
	numbers numbers
}

// daemon is what matters of a server's configuration.
type daemon struct {
	Subnet4   []subnet `json:"subnet4"`
	Subnet6   []subnet `json:"subnet6"`
	Libraries []struct {
		Library string `json:"library"`
	} `json:"hooks-libraries"`
	Shared []struct {
		Subnet4 []subnet `json:"subnet4"`
		Subnet6 []subnet `json:"subnet6"`
	} `json:"shared-networks"`
}

type subnet struct {
	ID     uint64 `json:"id"`
	Subnet string `json:"subnet"`
}

// readConfig reads the arguments of an answer to config-get.
func (s *server) readConfig(arguments []byte) error {
	var of struct{ Dhcp4, Dhcp6 *daemon }
	if err := json.Unmarshal(arguments, &of); err != nil {
		return err
	}
	switch {
	case of.Dhcp4 != nil:
		return s.configure(4, of.Dhcp4)
	case of.Dhcp6 != nil:
		return s.configure(6, of.Dhcp6)
	}
	return errors.New("the configuration is not that of a DHCP server; name the socket of kea-dhcp4 or kea-dhcp6 in dhcp.kea")
}

func (s *server) configure(family int, d *daemon) error {
	all := slices.Concat(d.Subnet4, d.Subnet6)
	for _, n := range d.Shared {
		all = slices.Concat(all, n.Subnet4, n.Subnet6)
	}
	if len(all) > maxSubnets {
		return fmt.Errorf("the server has %d subnets; at most %d can be watched", len(all), maxSubnets)
	}
	s.family, s.subnets = family, map[uint64]netip.Prefix{}
	for _, n := range all {
		prefix, err := netip.ParsePrefix(n.Subnet)
		if err != nil {
			return err
		}
		s.subnets[n.ID] = prefix
	}
	for _, l := range d.Libraries {
		s.counts = s.counts || strings.Contains(l.Library, "libdhcp_stat_cmds")
	}
	return nil
}
