// Package lab builds a small internet on one machine: a Linux router with its
// firewall, a host on the internet behind it, and any number of LAN clients. All
// of them are real kernels' network namespaces joined by veth pairs, so that
// bridges, neighbour tables, nftables and connection tracking behave as on a
// router. The lab makes traffic and knows exactly what each client sent and
// received, at the IP layer, so that whatever counts it can be checked.
//
//	internet 203.0.113.1, 2001:db8:ffff::1
//	   |
//	 wan0      203.0.113.2, 2001:db8:ffff::2
//	router     IPv4 masqueraded, IPv6 routed, forward policy drop
//	 br-lan    192.168.1.1/24, fd00:1::1/64     clients from .10 and ::10 on
//	 br-guest  192.168.2.1/24, fd00:2::1/64     if a client's LAN is br-guest
//
// A LAN is a bridge unless its type says otherwise: see [LANType] for plain
// interfaces, VLANs, WireGuard and a router behind the router.
//
// It needs root or unprivileged user namespaces, and nft in the PATH. The host's
// own network is never touched: [Isolate] runs the program again in namespaces
// of its own, and the network namespace it wakes up in is the router. So code
// under test needs no preparation: netlink sockets, child processes and files
// below /proc/sys/net are the router's.
//
//	func TestMain(m *testing.M) {
//		lab.Isolate()
//		os.Exit(m.Run())
//	}
//
//	func TestCounting(t *testing.T) {
//		l, err := lab.New(lab.Profile{Clients: []lab.Client{
//			{Name: "alice"}, {Name: "visitor", LAN: lab.BrGuest.Name},
//		}})
//		if err != nil {
//			t.Fatal(err)
//		}
//		t.Cleanup(l.Close)
//
//		sent, err := l.UDP(t.Context(), lab.Flow{
//			Client: "alice", Direction: lab.Up, Family: lab.IPv6, Packets: 1000, Payload: 500,
//		})
//		// sent.Up is {Bytes: 548000, Packets: 1000}; compare it with the code
//		// under test.
//	}
//
// UDP flows are exact: they wait for each other's packets in memory, so that no
// queue overflows, and fail if a single datagram is missing. TCP flows are what
// both kernels say they sent (TCP_INFO), which is exact unless segments are lost.
//
// The numbers are those of packets as they are on a cable. A profile with
// Offload lets the kernel merge TCP segments on their way, as network cards do:
// the router then counts one header for many segments, some 3 % less.
//
// The same load can be played across three machines, of which the one in the
// middle is a router under test that the lab does not touch. [ServeInternet] is
// one end; on another machine [Join] makes the clients, with leases of the
// router's DHCP server, and a [Household] plays their flows. There is no common
// memory there: the ends of a flow order, acknowledge and account in datagrams of
// their own, which pass the router as well and are part of the truth. UDP stays
// exact. So does TCP where the router's own network cards merge no segments
// (GRO); lost segments are reported beside the truth.
//
// Two properties of the machine are left as they are, since routers differ in
// them: where br_netfilter is active, frames between clients of one bridge pass
// the forward hook; and the size of the connection tracking table is the host's.
package lab
