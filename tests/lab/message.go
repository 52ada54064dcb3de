package lab

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
)

// message is what two ends of a flow on different machines tell each other
// beside its data. In a datagram it is known by its first byte, which is 0 in
// one of data; in a TCP connection it comes before the data.
type message struct {
	Order     *order   `json:"order,omitempty"`      // the client begins a flow
	Received  uint64   `json:"received,omitempty"`   // datagrams of data until now
	AccountOf string   `json:"account_of,omitempty"` // the client ends a flow, by its ID
	Account   *account `json:"account,omitempty"`    // the answer to that

	size int // of the datagram it came in
}

// order is what the client wants the internet to do.
type order struct {
	ID        string    `json:"id"`
	Direction Direction `json:"direction"`
	Payload   int       `json:"payload"`
	Rate      float64   `json:"rate"` // in bits per second
}

// account is what the internet sent and received in a flow, this message
// excepted. Of a TCP connection it knows only what it sent.
type account struct {
	Sent     Traffic `json:"sent"`
	Received Traffic `json:"received"`
	Resent   uint64  `json:"resent"` // segments that TCP sent more than once
	Error    string  `json:"error,omitempty"`
}

// order makes the order of a flow.
func (f Flow) order() *order {
	return &order{ID: rand.Text(), Direction: f.Direction, Payload: f.Payload, Rate: float64(f.Rate)}
}

// flow is the internet's part of what was ordered. It has no limits: it ends
// when the client says so.
func (o *order) flow(p Proto, family Family) (Flow, error) {
	f := Flow{Proto: p, Family: family, Direction: o.Direction, Payload: o.Payload, Rate: Rate(o.Rate)}
	return f, f.complete()
}

func parseMessage(datagram []byte) (m message, err error) {
	m.size = len(datagram)
	if err := json.Unmarshal(datagram, &m); err != nil {
		return m, fmt.Errorf("read message of the other end: %w", err)
	}
	return m, nil
}

// given is the account that a message must have.
func (m *message) given() (account, error) {
	switch a := m.Account; {
	case a == nil:
		return account{}, errors.New("the other end gives no account")
	case a.Error != "":
		return *a, fmt.Errorf("the other end says: %s", a.Error)
	default:
		return *a, nil
	}
}
