package config

import (
	"net/netip"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"router-monitoring/exporter/internal/sample"
)

// How long lists may be: few is more than any router has of a kind, and short
// enough to compare each entry with each.
const (
	few        = 1024
	maxClients = 65536
	maxTargets = 16
)

// schema remembers, while a file is read, what must not be said twice.
type schema struct {
	config     *Config
	interfaces map[string]node
	names      map[string]node
	macs       map[sample.MAC]node
	ips        map[netip.Addr]node
	leases     map[string]node
	subnets    []subnet
	pools      []pool
	poolNames  map[string]node
	sockets    map[string]node
	lastPeriod node // the last valid one of update_interval and offline_threshold
}

type subnet struct {
	netip.Prefix
	at node
}

// readConfig reads the whole file. excluded_ips comes before clients, whose
// addresses must keep out of them.
func readConfig(n node, c *Config) {
	s := &schema{
		config:     c,
		interfaces: map[string]node{},
		names:      map[string]node{},
		macs:       map[sample.MAC]node{},
		ips:        map[netip.Addr]node{},
		leases:     map[string]node{},
		poolNames:  map[string]node{},
		sockets:    map[string]node{},
	}
	interfaces := oneOrMore(few, once(s.interfaces, text(parseInterface)))
	n.mapping(
		section("lan",
			optional("interfaces", &c.LAN.Interfaces, interfaces),
			optional("subnets", &c.LAN.Subnets, oneOrMore(few, s.subnet)),
		),
		section("wan",
			optional("interfaces", &c.WAN.Interfaces, interfaces),
			section("probes",
				optional("targets", &c.WAN.Probes.Targets, oneOrMore(maxTargets, once(map[netip.Addr]node{}, text(parseTarget)))),
				optional("interval", &c.WAN.Probes.Interval, probeInterval),
			),
		),
		section("qos",
			optional("enabled", &c.QoS.Enabled, boolean),
			optional("interfaces", &c.QoS.Interfaces, oneOrMore(few, once(map[string]node{}, text(parseInterface)))),
		),
		section("accounting",
			optional("enabled", &c.Accounting.Enabled, boolean),
			optional("table", &c.Accounting.Table, text(parseTable)),
			optional("hook", &c.Accounting.Hook, oneOf(HookAuto, HookForward, HookDevice)),
			optional("max_clients", &c.Accounting.MaxClients, between(1, maxClients, integer)),
			optional("protect_table", &c.Accounting.ProtectTable, boolean),
		),
		optional("state_dir", &c.StateDir, text(parsePath)),
		optional("update_interval", &c.UpdateInterval, s.period(between(second, hour, duration))),
		optional("offline_threshold", &c.OfflineThreshold, s.period(duration)),
		optional("forget_after", &c.ForgetAfter, forgetAfter),
		optional("quota", &c.Quota, quota(optional)),
		optional("excluded_ips", &c.ExcludedIPs, oneOrMore(few, text(parseExcluded))),
		optional("extra_labels", &c.ExtraLabels, labels),
		optional("clients", &c.Clients, list(maxClients, s.client)),
		section("dhcp",
			optional("leases", &c.DHCP.Leases, oneOrMore(few, s.leaseFile)),
			optional("pools", &c.DHCP.Pools, s.poolList),
			optional("kea", &c.DHCP.Kea, oneOrMore(maxSockets, once(s.sockets, text(parseSocket)))),
		),
		section("port_mappings",
			optional("enabled", &c.Ports.Enabled, boolean),
			optional("lease_files", &c.Ports.LeaseFiles, oneOrMore(few, once(map[string]node{}, text(parsePath)))),
		),
		section("web",
			optional("live", &c.Web.Live, boolean),
		),
		optional("vendors", &c.Vendors, text(parsePath)),
	)
	s.comparePeriods()
	s.fillBillingDays()
}

const (
	second = model.Duration(time.Second)
	minute = 60 * second
	hour   = model.Duration(time.Hour)
	day    = 24 * hour
)

// forgetAfter reads a duration that no holiday reaches.
func forgetAfter(n node) (time.Duration, bool) {
	d, ok := between(day, 3650*day, duration)(n)
	return time.Duration(d), ok
}

// probeInterval keeps from being a burden and yet sees an outage of minutes.
func probeInterval(n node) (time.Duration, bool) {
	d, ok := between(second, minute, duration)(n)
	return time.Duration(d), ok
}

// fillBillingDays comes after reading: a quota without a billing day has the
// household's.
func (s *schema) fillBillingDays() {
	household := 1
	if q := s.config.Quota; q != nil {
		q.BillingDay = max(q.BillingDay, 1)
		household = q.BillingDay
	}
	for _, c := range s.config.Clients {
		if c.Quota != nil && c.Quota.BillingDay == 0 {
			c.Quota.BillingDay = household
		}
	}
}

// period reads update_interval or offline_threshold.
func (s *schema) period(read reader[model.Duration]) reader[time.Duration] {
	return func(n node) (time.Duration, bool) {
		d, ok := read(n)
		if ok {
			s.lastPeriod = n
		}
		return time.Duration(d), ok
	}
}

// comparePeriods comes after reading, since either of the two may be a default.
func (s *schema) comparePeriods() {
	threshold, interval := model.Duration(s.config.OfflineThreshold), model.Duration(s.config.UpdateInterval)
	if threshold < interval {
		s.lastPeriod.errorf("offline_threshold %s is shorter than update_interval %s, so clients would go offline between updates; make it at least as long", threshold, interval)
	}
}

// subnet reads a prefix that shares no address with those before it.
func (s *schema) subnet(n node) (netip.Prefix, bool) {
	p, ok := text(parseSubnet)(n)
	if !ok {
		return p, false
	}
	for _, other := range s.subnets {
		if other.Overlaps(p) {
			n.errorf("%s overlaps %s at %s (line %d); keep the larger", p, other.Prefix, other.at.path, other.at.Line)
			return p, false
		}
	}
	s.subnets = append(s.subnets, subnet{p, n})
	return p, true
}

// labels reads extra_labels, whose keys are the owner's.
func labels(n node) (map[string]string, bool) {
	pairs, ok := n.pairs()
	values := map[string]string{}
	for _, p := range pairs {
		if err := checkLabel(p.name); err != nil {
			p.key.errorf("%v", err)
			ok = false
		}
		value, good := text(parseLabelValue)(p.value)
		values[p.name], ok = value, ok && good
	}
	return values, ok
}

func (s *schema) client(n node) (Client, bool) {
	var c Client
	ok := n.mapping(
		required("name", &c.Name, once(s.names, text(parseName))),
		optional("mac", &c.MACs, oneOrMore(few, once(s.macs, text(parseMAC)))),
		optional("ip", &c.IPs, oneOrMore(few, once(s.ips, s.clientAddr))),
		optional("type", &c.Type, text(parseName)),
		optional("quota", &c.Quota, quota(required)),
	)
	if ok && len(c.MACs)+len(c.IPs) == 0 {
		n.errorf("has neither mac nor ip; add one, so that the client can be known")
		return c, false
	}
	return c, ok
}

// clientAddr reads an address that gets a series, so is not an excluded one.
func (s *schema) clientAddr(n node) (netip.Addr, bool) {
	addr, ok := text(parseClientAddr)(n)
	if !ok {
		return addr, false
	}
	for _, excluded := range s.config.ExcludedIPs {
		if excluded.Contains(addr) {
			n.errorf("%s is excluded by %s in excluded_ips; remove one of the two", addr, excluded)
			return addr, false
		}
	}
	return addr, true
}

// quota reads a quota; bytes may be optional, for a household whose billing day
// is all there is to say.
func quota(bytes func(string, *uint64, reader[uint64]) field) reader[*Quota] {
	return func(n node) (*Quota, bool) {
		q := &Quota{}
		ok := n.mapping(
			bytes("bytes", &q.Bytes, size),
			optional("billing_day", &q.BillingDay, between(1, 31, integer)),
		)
		return q, ok
	}
}

// leaseFile reads one source of leases; auto may stand without a mapping.
func (s *schema) leaseFile(n node) (f LeaseFile, ok bool) {
	if n.Kind == yaml.ScalarNode {
		f.Format, ok = oneOf(FormatAuto)(n)
	} else {
		ok = n.mapping(
			required("format", &f.Format, oneOf(FormatAuto, FormatDnsmasq, FormatKea, FormatISC, FormatNetworkd)),
			optional("path", &f.Path, once(s.leases, text(parsePath))),
		)
	}
	switch {
	case !ok:
		return f, false
	case f.Format == FormatAuto && f.Path == "":
		return f, claim(s.leases, FormatAuto, n)
	case f.Path == "":
		n.errorf("has no path; add the %s lease file's", f.Format)
		return f, false
	}
	return f, true
}
