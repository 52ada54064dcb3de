package probe

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// open opens an ICMP echo socket, for which no privilege is needed: the kernel
// gives it an identifier of its own, lets it send nothing but echo requests and
// hands it nothing but their answers (icmp(7)).
func open(f *family) (*net.UDPConn, error) {
	fd, err := unix.Socket(f.domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, f.proto)
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
		return nil, fmt.Errorf("open %s echo socket: %w; let the exporter's group send probes: sysctl net.ipv4.ping_group_range=\"0 2147483647\" (for IPv6 too)", f.name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s echo socket: %w", f.name, err)
	}
	file := os.NewFile(uintptr(fd), "icmp")
	defer file.Close()
	conn, err := net.FilePacketConn(file)
	if err != nil {
		return nil, fmt.Errorf("open %s echo socket: %w", f.name, err)
	}
	return conn.(*net.UDPConn), nil // what Go takes every datagram socket of these families for
}
