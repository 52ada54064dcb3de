package kernel

import (
	"errors"
	"fmt"
	"net"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/sample"
)

// Bounds of one reading: no router has as many, but a ruleset may be generated.
const (
	maxNATRules    = 16384 // looked at, elements of sets included; a chain that is jumped to twice counts twice
	maxNATElements = 4096  // of one set
	maxMappings    = 4096
)

var (
	errManyRules    = fmt.Errorf("there are more than %d rules that translate addresses; the rest are left out", maxNATRules)
	errManyMappings = fmt.Errorf("there are more than %d port mappings; the rest are left out", maxMappings)
	errManyElements = fmt.Errorf("a set of theirs holds more than %d elements; rules with it are left out", maxNATElements)
)

// PortMappings reads which ports the rulesets of all programs lead to clients.
type PortMappings struct {
	dumper     *dumper
	generation uint32 // of the ruleset when it was read; zero before, and where a reading failed
	found      []sample.PortMapping
	err        error // of a bound that the ruleset goes beyond
}

// OpenPortMappings opens the netlink socket in the network namespace of the
// calling thread.
func OpenPortMappings() (*PortMappings, error) {
	d, err := openDumper(unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("open nftables: %w", err)
	}
	return &PortMappings{dumper: d}, nil
}

// Close closes the socket.
func (p *PortMappings) Close() error { return p.dumper.Close() }

// Read gives the mappings in the order of the ruleset; the caller must not change
// them. The rules are read anew only when the ruleset has changed, and of them only
// chains that translate addresses and those they jump to. An error of a bound comes
// with the mappings within it.
func (p *PortMappings) Read() ([]sample.PortMapping, error) {
	generation, err := p.readGeneration()
	if err != nil {
		return nil, explainRules(err)
	}
	if generation == p.generation {
		return p.found, p.err
	}
	p.generation = 0
	w := &natWalk{rules: p.readRules, set: p.readSet, interfaceName: nameOfInterface}
	err = p.walk(w)
	if err != nil && !isBound(err) {
		return nil, explainRules(err)
	}
	p.found, p.err = w.mappings, err
	// A reading that the ruleset changed under is good until the next one.
	if now, err := p.readGeneration(); err == nil && now == generation {
		p.generation = generation
	}
	return p.found, p.err
}

func isBound(err error) bool {
	return errors.Is(err, errManyRules) || errors.Is(err, errManyMappings) || errors.Is(err, errManyElements)
}

func explainRules(err error) error {
	if errors.Is(err, unix.EPERM) {
		err = fmt.Errorf("%w; give the service CAP_NET_ADMIN", err)
	}
	return fmt.Errorf("read port mappings: %w", err)
}

// interfaceName finds the name of an interface; empty if there is none.
func nameOfInterface(index int) string {
	i, err := net.InterfaceByIndex(index)
	if err != nil {
		return ""
	}
	return i.Name
}

// walk follows every chain that packets from outside pass to be translated.
func (p *PortMappings) walk(w *natWalk) error {
	bases, err := p.readBases()
	if err != nil {
		return fmt.Errorf("read chains: %w", err)
	}
	var errs []error
	for _, base := range bases {
		err := w.chain(base, anyFlow)
		if err != nil && !isBound(err) {
			return err
		}
		errs = append(errs, err)
	}
	return errors.Join(append(errs, w.spared)...)
}

// natName names a chain or a set.
type natName struct {
	family      byte // NFPROTO_…
	table, name string
}

// readGeneration reads the number that grows with each change of any ruleset.
func (p *PortMappings) readGeneration() (n uint32, err error) {
	_, err = p.dumper.dump(request(unix.NFPROTO_UNSPEC, unix.NFT_MSG_GETGEN, netlink.Acknowledge), func(data []byte) error {
		for typ, value := range payload(data) {
			if typ == unix.NFTA_GEN_ID {
				n = be32(value)
			}
		}
		return nil
	})
	return n, err
}

// readBases lists the chains of type nat at the hook prerouting.
func (p *PortMappings) readBases() (bases []natName, err error) {
	_, err = p.dumper.dump(request(unix.NFPROTO_UNSPEC, unix.NFT_MSG_GETCHAIN, netlink.Dump), func(data []byte) error {
		if len(data) == 0 {
			return nil
		}
		chain, kind, hook := natName{family: data[0]}, "", uint32(unix.NF_INET_NUMHOOKS)
		for typ, value := range payload(data) {
			switch typ {
			case unix.NFTA_CHAIN_TABLE:
				chain.table = text(value)
			case unix.NFTA_CHAIN_NAME:
				chain.name = text(value)
			case unix.NFTA_CHAIN_TYPE:
				kind = text(value)
			case unix.NFTA_CHAIN_HOOK:
				hook = be32(find(value, unix.NFTA_HOOK_HOOKNUM))
			}
		}
		if kind == "nat" && hook == unix.NF_INET_PRE_ROUTING {
			bases = append(bases, chain)
		}
		return nil
	})
	return bases, err
}

// readRules reads the rules of one chain.
func (p *PortMappings) readRules(chain natName) (rules []natRule, err error) {
	req := request(chain.family, unix.NFT_MSG_GETRULE, netlink.Dump,
		attr{unix.NFTA_RULE_TABLE, chain.table}, attr{unix.NFTA_RULE_CHAIN, chain.name})
	_, err = p.dumper.dump(req, func(data []byte) error {
		if len(rules) == maxNATRules {
			return errManyRules
		}
		rules = append(rules, parseRule(data[min(4, len(data)):]))
		return nil
	})
	if errors.Is(err, unix.ENOENT) { // deleted meanwhile
		err = nil
	}
	return rules, err
}
