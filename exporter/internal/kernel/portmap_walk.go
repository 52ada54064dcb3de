package kernel

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/sample"
)

// natWalk runs rules without a packet: it follows what each of their conditions
// leaves, and notes where the packets are led. A rule with a step that it does not
// understand, and that the ports may depend on, leads nowhere.
type natWalk struct {
	rules         func(natName) ([]natRule, error)
	set           func(natName, func(keyLength int) bool) (*natSet, error)
	interfaceName func(index int) string

	looked   int // how many rules and elements
	mappings []sample.PortMapping
	spared   error // of a set that was too large
}

// walker is a natWalk within one rule.
type walker struct {
	*natWalk
	chainName natName
	comment   string
}

// state is what is known at one step of a rule.
type state struct {
	natFlow
	registers
}

// chain runs all rules of a chain for packets of a flow. The kernel takes no ruleset
// whose jumps go in a circle.
func (w *natWalk) chain(name natName, f natFlow) error {
	rules, err := w.rules(name)
	if err != nil && !isBound(err) {
		return err
	}
	for _, r := range rules {
		if w.looked++; w.looked > maxNATRules {
			return errManyRules
		}
		in := walker{w, name, r.comment}
		if err := in.run(r.expressions, state{natFlow: f}); err != nil {
			return err
		}
	}
	return err
}

// run takes the steps of a rule from one state on.
func (w *walker) run(steps []expression, s state) error {
	for i, e := range steps {
		if s.empty() {
			return nil
		}
		understood := true
		switch e.name {
		case "meta":
			s.loadMeta(e)
		case "payload":
			understood = s.loadPayload(e)
		case "cmp":
			understood = w.compare(&s, e)
		case "range":
			understood = s.inRange(e)
		case "bitwise", "byteorder": // both: source register 1, destination 2
			understood = !touches(s.at(e.number(unix.NFTA_BITWISE_SREG), 4))
			s.load(e.number(unix.NFTA_BITWISE_DREG), unknownField, 16)
		case "immediate":
			if v := parseVerdict(find(find(e.data, unix.NFTA_IMMEDIATE_DATA), unix.NFTA_DATA_VERDICT)); v.ok {
				return w.follow(v, s)
			}
			s.registers.set(e.number(unix.NFTA_IMMEDIATE_DREG), e.value(unix.NFTA_IMMEDIATE_DATA))
		case "lookup":
			return w.lookUp(e, steps[i+1:], s)
		case "nat":
			return w.translate(e, s)
		case "match":
			understood = w.passMatch(e)
		case "target":
			return w.translateTarget(e, s)
		default:
			understood = s.pass(e)
		}
		if !understood {
			return nil
		}
	}
	return nil
}

// follow goes where a verdict sends the packets.
func (w *walker) follow(v natVerdict, s state) error {
	if !v.jumps() {
		return nil
	}
	return w.chain(natName{w.chainName.family, w.chainName.table, v.chain}, s.natFlow)
}

// translate notes the mappings that a NAT expression makes. One that spreads over
// several addresses leads to no client in particular.
func (w *walker) translate(e expression, s state) error {
	if e.number(unix.NFTA_NAT_TYPE) != unix.NFT_NAT_DNAT {
		return nil
	}
	length := map[uint32]int{unix.NFPROTO_IPV4: 4, unix.NFPROTO_IPV6: 16}[e.number(unix.NFTA_NAT_FAMILY)]
	first, ok := s.constant(e.number(unix.NFTA_NAT_REG_ADDR_MIN), length)
	last, _ := s.constant(e.number(unix.NFTA_NAT_REG_ADDR_MAX), length)
	addr, valid := netip.AddrFromSlice(first)
	if !ok || !valid || !slices.Equal(first, last) {
		return nil
	}
	if !e.has(unix.NFTA_NAT_REG_PROTO_MIN) {
		return w.found(s, addr, nil)
	}
	to, ok := s.portsAt(e)
	if !ok {
		return nil
	}
	return w.found(s, addr, &to)
}

// found notes the mappings that lead the packets of a state to an address, and to
// ports there unless these stay the same.
func (w *walker) found(s state, addr netip.Addr, to *sample.Ports) error {
	if n := s.protocols.count(); n > maxProtocols && n <= fieldMost[protocolField] {
		return nil
	}
	m := sample.PortMapping{Addr: addr, Inside: s.inside, Description: w.comment}
	for _, name := range protocolNames(s.protocols) {
		for _, p := range s.ports {
			if len(w.mappings) == maxMappings {
				return errManyMappings
			}
			m.Protocol, m.External = name, sample.Ports{First: uint16(p.first), Last: uint16(p.last)}
			if m.Internal = m.External; to != nil {
				m.Internal = *to
			}
			w.mappings = append(w.mappings, m)
		}
	}
	return nil
}

// portsAt reads the ports of the client that a NAT expression names.
func (s *state) portsAt(e expression) (p sample.Ports, ok bool) {
	first, ok1 := s.constant(e.number(unix.NFTA_NAT_REG_PROTO_MIN), 2)
	last, ok2 := s.constant(e.number(unix.NFTA_NAT_REG_PROTO_MAX), 2)
	if !ok1 || !ok2 {
		return p, false
	}
	return sample.Ports{First: binary.BigEndian.Uint16(first), Last: binary.BigEndian.Uint16(last)}, true
}

// maxProtocols is how many a rule may name one by one. A rule that excludes some
// protocols is not understood.
const maxProtocols = 8

func protocolNames(s spans) (names []string) {
	if s.count() == 256 {
		return []string{"any"}
	}
	for _, a := range s {
		for n := a.first; n <= a.last; n++ {
			switch n {
			case unix.IPPROTO_TCP:
				names = append(names, "tcp")
			case unix.IPPROTO_UDP:
				names = append(names, "udp")
			default:
				names = append(names, strconv.Itoa(n))
			}
		}
	}
	return names
}
