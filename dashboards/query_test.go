package dashboards

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Durations that stand for Grafana's own in the parsed query, so that one that
// somebody wrote out is told from them.
var intervals = map[string]time.Duration{
	"__rate_interval": 4001 * time.Second,
	"__interval":      4002 * time.Second,
	"__range":         4003 * time.Second,
}

// interpolate writes something of the right kind where a variable stands.
func interpolate(text string) string {
	return reference.ReplaceAllStringFunc(text, func(s string) string {
		name := strings.Trim(s, "${}[]")
		if d, ok := intervals[name]; ok {
			return d.String()
		}
		switch {
		case captureGroup.MatchString(name):
			return s
		case name == "__from" || name == "__to":
			return "1700000000000"
		}
		return ".+"
	})
}

// query checks PromQL, also inside a variable's label_values() or query_result().
func (l *linter) query(text string) {
	text = strings.TrimSpace(interpolate(text))
	for _, function := range []string{"label_values(", "query_result("} {
		inner, ok := strings.CutPrefix(text, function)
		if !ok {
			continue
		}
		text = strings.TrimSuffix(inner, ")")
		if comma := strings.LastIndex(text, ","); function == "label_values(" && comma > 0 {
			text = text[:comma]
		}
	}
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		l.bad("%v in %s", err, text)
		return
	}
	_ = parser.Walk(visitor(l.visit), expr, nil)
}

type visitor func(node parser.Node, path []parser.Node)

func (v visitor) Visit(node parser.Node, path []parser.Node) (parser.Visitor, error) {
	v(node, path)
	return v, nil
}

func (l *linter) visit(node parser.Node, path []parser.Node) {
	if s, ok := node.(*parser.VectorSelector); ok {
		l.selector(s, path)
	}
}

var (
	ofCounters = []string{"rate", "irate", "increase", "resets"} // sense only on counters
	ofRates    = []string{"rate", "irate", "increase"}           // have to fit the width of the graph
)

func (l *linter) selector(s *parser.VectorSelector, path []parser.Node) {
	name := metricName(s)
	counter, ok := l.k.counters[name]
	if !ok {
		l.bad("nobody exports or records %q", name)
		return
	}
	if name == "ALERTS" && !ofEveryRule(s) {
		l.bad("ALERTS without router=~\"$router|\": alerts of other routers count, or those without the label do not")
	}
	if strings.HasPrefix(name, "node_") && !ofRouters(path) {
		l.bad("%s is shown of every host: add \"and on (router) network_clients\"", name)
	}
	function, window := enclosing(path)
	recorded := strings.Contains(name, ":")
	switch {
	case counter && !slices.Contains(ofCounters, function):
		l.bad("the counter %s is used without rate() or increase()", name)
	case !counter && !recorded && slices.Contains(ofCounters, function):
		l.bad("%s() of %s, which is no counter", function, name)
	}
	if slices.Contains(ofRates, function) && !grafanas(window) {
		l.bad("%s(%s[%v]) does not follow the time shown: use $__rate_interval", function, name, window)
	}
}

// ofEveryRule tells whether alerts of the chosen routers are read, and those of rules
// that aggregate the label router away.
func ofEveryRule(s *parser.VectorSelector) bool {
	return slices.ContainsFunc(s.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == "router" && m.Matches("") })
}

// ofRouters tells whether a series of a node exporter is kept only where it is a
// router's, or while the interfaces toward the Internet are not known.
func ofRouters(path []parser.Node) bool {
	return slices.ContainsFunc(path, func(node parser.Node) bool {
		set, ok := node.(*parser.BinaryExpr)
		if !ok || set.Op != parser.LAND && set.Op != parser.LUNLESS {
			return false
		}
		other, ok := set.RHS.(*parser.VectorSelector)
		return ok && slices.Contains([]string{"network_clients", "router_monitoring:wan_device:info"}, other.Name)
	})
}

func metricName(s *parser.VectorSelector) string {
	if s.Name != "" {
		return s.Name
	}
	for _, m := range s.LabelMatchers {
		if m.Name == model.MetricNameLabel {
			return m.Value
		}
	}
	return ""
}

// enclosing is the function that takes a range selector's window, and the window.
func enclosing(path []parser.Node) (function string, window time.Duration) {
	for _, node := range slices.Backward(path) {
		switch n := node.(type) {
		case *parser.MatrixSelector:
			window = n.Range
		case *parser.Call:
			return n.Func.Name, window
		default:
			return "", window
		}
	}
	return "", window
}

func grafanas(window time.Duration) bool {
	for _, d := range intervals {
		if d == window {
			return true
		}
	}
	return false
}
