package lab

import (
	"encoding/json"
	"fmt"

	"golang.org/x/sync/semaphore"
)

// acknowledgeEvery is how many datagrams of data are acknowledged together.
const acknowledgeEvery = window / 4

// wire is one end of a flow of datagrams whose other end is on another machine.
// What the ends tell each other goes the same way as the data and is in the
// books of both, so that comparing these shows whether anything was lost.
type wire struct {
	flow           Flow
	flight         *flight // of data this end sends
	data           uint64  // datagrams of data it received
	sent, received Traffic
	put            func([]byte) (int, error)
	ending         bool // nothing but the account is awaited
}

func newWire(f Flow, all *semaphore.Weighted, put func([]byte) (int, error)) *wire {
	return &wire{flow: f, flight: newFlight(all), put: put}
}

// write sends a datagram.
func (w *wire) write(b []byte) (int, error) {
	n, err := w.put(b)
	if err == nil {
		w.sent = w.sent.plus(datagrams(w.flow.Family, n, 1))
	}
	return n, err
}

func (w *wire) tell(m message) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = w.write(text)
	return err
}

// take enters a datagram that arrived. Data is acknowledged and acknowledgements
// give credit back; any other message is for the caller.
func (w *wire) take(datagram []byte) (*message, error) {
	w.received = w.received.plus(datagrams(w.flow.Family, len(datagram), 1))
	if isData(datagram) {
		return nil, w.takeData(len(datagram))
	}
	m, err := parseMessage(datagram)
	if err != nil || m.Received == 0 {
		return &m, err
	}
	return nil, w.flight.acknowledge(m.Received)
}

func (w *wire) takeData(size int) error {
	if size != w.flow.Payload {
		return fmt.Errorf("received a datagram of %d bytes instead of %d", size, w.flow.Payload)
	}
	w.data++
	if w.data%acknowledgeEvery != 0 || w.ending {
		return nil
	}
	return w.tell(message{Received: w.data})
}

// isData tells data from a message, which is a JSON object.
func isData(datagram []byte) bool { return len(datagram) > 0 && datagram[0] == 0 }
