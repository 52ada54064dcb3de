package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
)

// heard tells of a MAC in the words of ip and bridge: an entry of the neighbour
// table or of a bridge's forwarding table.
type heard struct {
	Dst       string // address; of a neighbour
	LLAddr    string // of a neighbour
	MAC       string // of a station
	Dev       string
	IfName    string
	Used      int // seconds ago
	Confirmed int // seconds ago
	Updated   int // seconds ago
}

// readOldPresence runs ip and bridge, which tell what the exporter reads of the
// clients' presence.
func readOldPresence() (neighbours, stations []heard, err error) {
	if neighbours, err = listHeard("ip", "-j", "-s", "neigh"); err != nil {
		return nil, nil, err
	}
	stations, err = listHeard("bridge", "-j", "-s", "fdb")
	return neighbours, stations, err
}

func listHeard(program string, args ...string) (list []heard, err error) {
	text, err := exec.Command(program, args...).Output()
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", program, err)
	}
	return list, nil
}
