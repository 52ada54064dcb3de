package lab

import (
	"fmt"
	"net"
)

// MAC is a 48-bit hardware address.
type MAC [6]byte

// UnmarshalText reads any notation net.ParseMAC knows.
func (m *MAC) UnmarshalText(text []byte) error {
	hw, err := net.ParseMAC(string(text))
	if err != nil || len(hw) != len(m) {
		return fmt.Errorf("%q is not a MAC address like aa:bb:cc:dd:ee:ff", text)
	}
	*m = MAC(hw)
	return nil
}

// HardwareAddr gives the address as package net wants it.
func (m MAC) HardwareAddr() net.HardwareAddr { return m[:] }

// String gives aa:bb:cc:dd:ee:ff.
func (m MAC) String() string { return m.HardwareAddr().String() }
