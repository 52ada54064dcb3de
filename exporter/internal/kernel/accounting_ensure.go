package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"router-monitoring/exporter/internal/sample"
)

// Outcome tells what Ensure found and did.
type Outcome string

// Outcomes of Ensure, in the order of how much was changed.
const (
	Unchanged Outcome = "unchanged" // the tables are as they should be
	Outdated  Outcome = "outdated"  // one has sets of another size or other flags, see Ensure
	Updated   Outcome = "updated"   // rules replaced, counters kept
	Installed Outcome = "installed" // a table made anew, counters begin at zero
)

// Accounted is how Ensure left things.
type Accounted struct {
	Outcome   Outcome
	Hook      sample.Hook // where clients are counted
	Switched  bool        // it was the other one before
	Bypass    string      // why packets may pass uncounted, and what to do; empty if none do
	Protected bool        // nobody else can change the tables
}

// Ensure makes the tables fit the network: it adopts those that fit, replaces the
// rules of those that count for other interfaces or prefixes (their counters
// stay), and makes anew what is missing or is a copy restored from a saved
// ruleset. A second call changes nothing. A table of ours with sets of another
// size or other flags is left alone and can be read once more: then Replace it.
//
// Where the hook changes, one transaction moves the rules from one table to the
// other. What the old one counted stays there to be read.
func (a *Accounting) Ensure(n sample.Network) (Accounted, error) { return a.ensure(n, false) }

// Replace does what Ensure does, but makes an outdated table anew.
func (a *Accounting) Replace(n sample.Network) (Accounted, error) { return a.ensure(n, true) }

func (a *Accounting) ensure(n sample.Network, replace bool) (Accounted, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	flowtables, err := a.readFlowtables()
	if err != nil {
		return Accounted{Outcome: Unchanged}, explain(err)
	}
	hook, bypass := a.choose(flowtables)
	outcome, err := a.install(n, hook, flowtables, replace)
	if hook == sample.AtDevice && unsupported(err) {
		a.deviceFault = err
		hook, bypass = a.choose(flowtables)
		outcome, err = a.install(n, hook, flowtables, replace)
	}
	done := Accounted{Outcome: outcome, Hook: hook, Switched: a.known && a.hook != hook, Bypass: bypass, Protected: a.writer.owning}
	if err != nil {
		for _, t := range a.tables {
			t.forget()
		}
		return done, explain(err)
	}
	if outcome != Outdated {
		a.hook, a.known = hook, true
	}
	return done, nil
}

// choose tells where to count, and what escapes the counters there.
func (a *Accounting) choose(flowtables []flowtable) (hook sample.Hook, bypass string) {
	switch {
	case a.options.Hook != nil:
		hook = *a.options.Hook
	case len(flowtables) > 0:
		hook = sample.AtDevice
	}
	if hook == sample.AtDevice && a.deviceFault != nil {
		return sample.AtForward, fmt.Sprintf("this kernel cannot count on devices (%v): remove the flowtable, or use Linux 5.16 or later with CONFIG_NETFILTER_EGRESS", a.deviceFault)
	}
	for _, f := range flowtables {
		switch {
		case f.hardware:
			return hook, fmt.Sprintf("the network card forwards connections of flowtable %q by itself, unseen by any program: remove `flags offload` from the flowtable", f.name)
		case hook == sample.AtForward:
			bypass = fmt.Sprintf("connections of flowtable %q bypass the forward hook: set accounting.hook to auto", f.name)
		}
	}
	return hook, bypass
}

// install puts both tables right, with the clients' rules in that of the hook.
func (a *Accounting) install(n sample.Network, hook sample.Hook, flowtables []flowtable, replace bool) (Outcome, error) {
	outcome := Unchanged
	want := [sample.Hooks]ruleset{sample.AtForward: forwardRuleset(n, hook == sample.AtForward)}
	if hook == sample.AtDevice {
		want[sample.AtDevice] = deviceRulesetFor(n, flowtables)
	}
	var have [sample.Hooks]tableState
	outdated := false
	for i, t := range a.tables {
		var err error
		if have[i], err = t.inspect(); err != nil {
			return outcome, err
		}
		ours, fits := t.recognise(have[i])
		outdated = outdated || ours && !fits
	}
	if outdated && !replace {
		for i, t := range a.tables {
			if ours, _ := t.recognise(have[i]); ours {
				t.epoch, t.handle = have[i].epoch, have[i].handle
			}
		}
		return Outdated, nil
	}
	for i, t := range a.tables {
		state, err := a.prepare(t, have[i], t.hook == sample.AtForward || t.hook == hook)
		if err != nil {
			return outcome, err
		}
		if state.handle != have[i].handle && state.handle != 0 {
			outcome = Installed
		}
		have[i] = state
	}
	for i, t := range a.tables {
		t.epoch, t.handle = have[i].epoch, have[i].handle
	}
	if err := a.handOver(have, hook); err != nil {
		return outcome, err
	}
	replaced := func(i int) bool { return have[i].handle != 0 && !have[i].fits(want[i]) }
	for i, t := range a.tables {
		if replaced(i) {
			t.addRules(want[i])
			if outcome == Unchanged {
				outcome = Updated
			}
		}
	}
	if err := a.writer.Flush(); err != nil {
		return outcome, fmt.Errorf("write the rules of table %s: %w", a.options.Table, err)
	}
	for i, t := range a.tables {
		if replaced(i) {
			t.dropChains(have[i], want[i])
		}
	}
	if err := a.writer.Flush(); err != nil {
		return outcome, fmt.Errorf("delete old chains of table %s: %w", a.options.Table, err)
	}
	return outcome, nil
}

// handOver lets the table that is about to count know who the other one counted,
// so that what they receive is not taken for unsolicited.
func (a *Accounting) handOver(have [sample.Hooks]tableState, to sample.Hook) error {
	from := sample.AtForward + sample.AtDevice - to
	if have[from].handle == 0 || len(have[to].rules) > 0 {
		return nil
	}
	r, err := a.tables[from].read()
	if err != nil {
		return err
	}
	var addrs []netip.Addr
	for _, e := range r.Elements {
		addrs = append(addrs, e.Addr)
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return a.tables[to].seed(slices.Compact(addrs))
}

func deviceRulesetFor(n sample.Network, flowtables []flowtable) ruleset {
	first := *nftables.ChainPriorityFilter
	for _, f := range flowtables {
		first = min(first, f.priority)
	}
	inFlowtable := func(device string) bool {
		return slices.ContainsFunc(flowtables, func(f flowtable) bool { return f.holds(device) })
	}
	return deviceRuleset(n, hookedDevices(n.LAN, inFlowtable), first)
}

// prepare adopts a table, makes it anew or, where it is not needed and none of ours,
// leaves it alone. It returns what there is then; nothing if it is no table to
// count in.
func (a *Accounting) prepare(t *table, have tableState, needed bool) (tableState, error) {
	ours, fits := t.recognise(have)
	switch {
	case fits:
		return have, a.writer.adopt(t.Table, have)
	case needed:
		return t.make(have.handle != 0)
	case ours:
		return tableState{}, t.remove()
	}
	return tableState{}, nil
}

// unsupported tells an error of a kernel that lacks the netdev hooks.
func unsupported(err error) bool {
	return errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EPROTONOSUPPORT)
}
