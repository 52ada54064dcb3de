package kernel

import (
	"encoding/binary"
	"net"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/sample"
)

// TestReadQdiscs counts packets that it sends itself through the disciplines that
// the kernels of most distributions have.
func TestReadQdiscs(t *testing.T) {
	isolate(t)
	wan, other := qdiscLink(t, "wan0", 2), qdiscLink(t, "other0", 1)
	mq := netlink.QdiscAttrs{LinkIndex: wan.Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT}
	must(t, netlink.QdiscReplace(&netlink.GenericQdisc{QdiscAttrs: mq, QdiscType: "mq"}))
	must(t, netlink.QdiscAdd(&netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{LinkIndex: wan.Index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT}}))
	htb := netlink.NewHtb(netlink.QdiscAttrs{LinkIndex: other.Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT})
	must(t, netlink.QdiscAdd(htb))

	q := NewQdiscs()
	defer q.Close()
	const leaf = "pfifo_fast" // of mq, which has one for each queue
	check := func(what string, devices []sample.Device, want ...sample.Qdisc) {
		t.Helper()
		got, err := q.Read(devices)
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	shows := func(dev, kind string, packets uint64) sample.Qdisc {
		return sample.Qdisc{Interface: dev, Kind: kind, Traffic: sample.Traffic{Bytes: packets * frameLen, Packets: packets}}
	}
	check("no device", nil)
	check("before a packet", []sample.Device{wan}, shows("wan0", "mq", 0), shows("wan0", leaf, 0))
	sendFrames(t, wan, 1000)
	sendFrames(t, other, 7)
	check("one of two devices", []sample.Device{wan}, shows("wan0", "mq", 1000), shows("wan0", leaf, 1000))
	check("both devices", []sample.Device{wan, other},
		shows("other0", "htb", 7), shows("wan0", "mq", 1000), shows("wan0", leaf, 1000))
	check("a device renamed", []sample.Device{{Name: "ppp0", Index: other.Index}}, shows("ppp0", "htb", 7))
	mq.Handle = netlink.MakeHandle(2, 0)
	must(t, netlink.QdiscReplace(&netlink.GenericQdisc{QdiscAttrs: mq, QdiscType: "pfifo_fast"}))
	sendFrames(t, wan, 10)
	check("another discipline", []sample.Device{wan}, shows("wan0", "pfifo_fast", 10))
	must(t, q.Close())
	check("after close", []sample.Device{wan}, shows("wan0", "pfifo_fast", 10))
}

func qdiscLink(t *testing.T, name string, queues int) sample.Device {
	t.Helper()
	attrs := netlink.LinkAttrs{Name: name, NumTxQueues: queues, NumRxQueues: queues}
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: name + "far", PeerNumTxQueues: uint32(queues), PeerNumRxQueues: uint32(queues)}))
	for _, end := range []string{name, name + "far"} { // neither speaks by itself
		must(t, os.WriteFile("/proc/sys/net/ipv6/conf/"+end+"/disable_ipv6", []byte("1"), 0))
		must(t, setLink(end, true))
	}
	link, err := net.InterfaceByName(name)
	must(t, err)
	return sample.Device{Name: name, Index: link.Index, Ethernet: true}
}

const frameLen = 200

// sendFrames sends frames of a protocol for experiments (IEEE 802, 0x88b5).
func sendFrames(t *testing.T, d sample.Device, n int) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	must(t, err)
	defer unix.Close(fd)
	frame := make([]byte, frameLen)
	frame[0], frame[6] = 2, 2 // from and to made-up addresses
	binary.BigEndian.PutUint16(frame[12:], 0x88b5)
	for range n {
		must(t, unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: d.Index}))
	}
}
