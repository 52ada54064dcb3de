package kea

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"router-monitoring/exporter/internal/sample"
)

// numbers are what is known of subnets, by the number of the subnet and a name
// such as total-addresses. Only those of known subnets are kept.
type numbers map[uint64]map[string]float64

// ofSubnet is the name of a statistic of a subnet as a whole.
var ofSubnet = regexp.MustCompile(`^subnet\[(\d{1,10})\]\.((?:total|assigned|declined)-(?:addresses|nas|pds))$`)

// readStatistics reads the arguments of an answer to statistic-get-all: for each
// statistic the values it had, each with its time, the latest first (Kea ARM,
// "Statistics"). A declined address counts as assigned too, and is called address
// with IPv6 as well.
func (s *server) readStatistics(arguments []byte) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(arguments, &all); err != nil {
		return err
	}
	s.numbers = numbers{}
	for id := range s.subnets {
		s.numbers[id] = map[string]float64{}
	}
	for name, history := range all {
		m := ofSubnet.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		var values [][]json.RawMessage
		if err := json.Unmarshal(history, &values); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if len(values) > 0 && len(values[0]) > 0 {
			s.put(m[1], m[2], values[0][0])
		}
	}
	for _, of := range s.numbers {
		of["assigned-addresses"] -= of["declined-addresses"]
		of["assigned-nas"] -= of["declined-addresses"]
		of["declined-nas"] = of["declined-addresses"]
	}
	return nil
}

// readLeases reads the arguments of an answer to stat-lease4-get or
// stat-lease6-get: a table with a row for each subnet (Kea ARM, "stat_cmds").
// Here the server has counted the leases of its database, which other servers may
// share, while its statistics are of its own doing. A declined address does not
// count as assigned, and a subnet all of whose leases have ended may have no row.
func (s *server) readLeases(arguments []byte) error {
	var a struct {
		Set struct {
			Columns []string            `json:"columns"`
			Rows    [][]json.RawMessage `json:"rows"`
		} `json:"result-set"`
	}
	if err := json.Unmarshal(arguments, &a); err != nil {
		return err
	}
	for _, of := range s.numbers {
		for _, name := range []string{"assigned-addresses", "declined-addresses", "assigned-nas", "declined-nas", "assigned-pds"} {
			if len(a.Set.Rows) == 0 || slices.Contains(a.Set.Columns, name) { // Kea 1.6 misspells one
				of[name] = 0
			}
		}
	}
	key := slices.Index(a.Set.Columns, "subnet-id")
	for _, row := range a.Set.Rows {
		if key < 0 || len(row) != len(a.Set.Columns) {
			return errors.New("a row does not fit the columns")
		}
		for i, name := range a.Set.Columns {
			s.put(string(row[key]), name, row[i])
		}
	}
	return nil
}

// put notes a number that makes sense. Sizes beyond 64 bits were negative before
// Kea counted with more.
func (s *server) put(subnet, name string, value json.RawMessage) {
	id, err := strconv.ParseUint(subnet, 10, 32)
	v, err2 := strconv.ParseFloat(string(value), 64)
	of := s.numbers[id]
	if err != nil || err2 != nil || of == nil {
		return
	}
	if v < 0 && strings.HasPrefix(name, "total-") {
		v += 1 << 64
	}
	of[name] = v
}

// pools names the numbers by their subnets. What a subnet has no pool of is left
// out.
func (s *server) pools() (all []sample.Pool) {
	for _, id := range slices.Sorted(maps.Keys(s.subnets)) {
		name, of := s.subnets[id].String(), s.numbers[id]
		for _, kind := range []string{"addresses", "nas", "pds"} {
			p := sample.Pool{Server: "kea", Name: name, Size: of["total-"+kind], Leases: of["assigned-"+kind]}
			if declined := of["declined-"+kind]; kind != "pds" {
				p.Declined = &declined
			} else {
				p.Name += " prefixes"
			}
			if p.Size > 0 {
				p.Leases = min(max(p.Leases, 0), p.Size)
				all = append(all, p)
			}
		}
	}
	return all
}
