package kernel

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// lookUp follows a look-up in a set or map: each element makes a state of its own
// for the rest of the steps. A set that says nothing of ports or interfaces is not
// read, and packets are taken to be in it.
func (w *walker) lookUp(e expression, rest []expression, s state) error {
	name := natName{w.chainName.family, w.chainName.table, text(find(e.data, unix.NFTA_LOOKUP_SET))}
	inverted := e.number(unix.NFTA_LOOKUP_FLAGS)&unix.NFT_LOOKUP_F_INV != 0
	var cells []cell
	wanted := false
	set, err := w.set(name, func(keyLength int) bool {
		cells = s.at(e.number(unix.NFTA_LOOKUP_SREG), keyLength)
		wanted = e.has(unix.NFTA_LOOKUP_DREG) || touches(cells) || slices.ContainsFunc(cells, ofInterface)
		return wanted
	})
	switch {
	case errors.Is(err, errManyElements):
		w.spared = err
		return nil
	case errors.Is(err, unix.ENOENT): // deleted meanwhile
		return nil
	case err != nil:
		return fmt.Errorf("read set %s: %w", name.name, err)
	case inverted && touches(cells) && !s.exclude(cells, set):
		return nil
	case inverted || !wanted:
		return w.run(rest, s)
	}
	for _, el := range set.elements {
		if w.looked++; w.looked > maxNATRules {
			return errManyRules
		}
		if err := w.branch(e, el, cells, rest, s); err != nil {
			return err
		}
	}
	return nil
}

// branch goes on for the packets of one element.
func (w *walker) branch(e expression, el natElement, cells []cell, rest []expression, s state) error {
	switch {
	case len(el.first) == len(cells) && len(el.last) == len(cells):
		w.match(&s, cells, el.first, el.last)
	case !el.any:
		return nil
	}
	if el.verdict.ok {
		return w.follow(el.verdict, s)
	}
	s.registers.set(e.number(unix.NFTA_LOOKUP_DREG), el.data)
	return w.run(rest, s)
}

// exclude keeps the packets that are not in a set of ports or of protocols.
func (s *state) exclude(cells []cell, set *natSet) bool {
	f, ok := wholeNumber(cells)
	if !ok {
		return false
	}
	for _, el := range set.elements {
		s.narrow(f, span{bigEndian(el.first), bigEndian(el.last)}.not(fieldMost[f]))
	}
	return true
}
