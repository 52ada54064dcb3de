package dashboards

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"router-monitoring/tests/dashboards/prometheus"
)

// variable is a dashboard's variable.
type variable struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	Query      query  `json:"query"`
	Regex      string `json:"regex"`
	Multi      bool   `json:"multi"`
	IncludeAll bool   `json:"includeAll"`
	AllValue   string `json:"allValue"`
}

// query is a text, or an object that has it.
type query string

func (q *query) UnmarshalJSON(text []byte) error {
	var object struct{ Query string }
	if json.Unmarshal(text, &object) == nil {
		*q = query(object.Query)
		return nil
	}
	return json.Unmarshal(text, (*string)(q))
}

// value is what a variable stands for.
type value struct {
	all     string // stands for the values if not empty
	values  []string
	pattern bool // is written into a regular expression
}

var (
	reference   = regexp.MustCompile(`\$\{(\w+)(?::(\w+))?\}|\$(\w+)`)
	labelValues = regexp.MustCompile(`(?s)^label_values\((?:(.+),)?\s*(\w+)\s*\)$`)
	queryResult = regexp.MustCompile(`(?s)^query_result\((.+)\)$`)
)

// text writes a value as Grafana's Prometheus data source does.
func (v value) text(format string) string {
	switch {
	case v.all != "":
		return v.all
	case format == "pipe":
		return strings.Join(v.values, "|")
	case format != "" || !v.pattern:
		return strings.Join(v.values, ",")
	}
	quoted := make([]string, len(v.values))
	for i, s := range v.values {
		quoted[i] = strings.ReplaceAll(regexp.QuoteMeta(s), `\`, `\\`)
	}
	if len(quoted) == 1 {
		return quoted[0]
	}
	return "(" + strings.Join(quoted, "|") + ")"
}

// interpolate replaces variables; an unknown one stays and Prometheus refuses it.
func interpolate(text string, time map[string]string, variables map[string]value) string {
	return reference.ReplaceAllStringFunc(text, func(s string) string {
		m := reference.FindStringSubmatch(s)
		name := m[1] + m[3]
		if v, ok := time[name]; ok {
			return v
		}
		if v, ok := variables[name]; ok {
			return v.text(m[2])
		}
		return s
	})
}

// resolve finds the variables' values in their order: the client is the given one
// if any is, else there are all values, or the first.
func resolve(ctx context.Context, server *prometheus.Server, list []variable, client string, m moment) (map[string]value, error) {
	variables := map[string]value{}
	for _, v := range list {
		options, err := v.options(ctx, server, m, variables)
		if err != nil {
			return nil, fmt.Errorf("variable %s: %w", v.Name, err)
		}
		if len(options) == 0 {
			return nil, fmt.Errorf("variable %s has no values", v.Name)
		}
		resolved := value{values: options, pattern: v.Multi || v.IncludeAll}
		switch {
		case v.Name == "client" && client != "":
			resolved.values = []string{client}
		case v.IncludeAll:
			resolved.all = v.AllValue
		default:
			resolved.values = options[:1]
		}
		variables[v.Name] = resolved
	}
	return variables, nil
}

func (v variable) options(ctx context.Context, server *prometheus.Server, now moment, known map[string]value) ([]string, error) {
	switch v.Type {
	case "datasource":
		return []string{"prometheus"}, nil
	case "query":
	default:
		return nil, fmt.Errorf("type %s is unknown to this test", v.Type)
	}
	text := interpolate(string(v.Query), now.variables(now.span, time.Minute), known)
	if m := labelValues.FindStringSubmatch(text); m != nil {
		found, err := server.LabelValues(ctx, m[2], m[1], now.end.Add(-now.span), now.end)
		return v.matched(found), err
	}
	if m := queryResult.FindStringSubmatch(text); m != nil {
		result, err := server.Instant(ctx, m[1], now.end)
		var found []string
		for _, s := range result.Series {
			found = append(found, s.Metric.String())
		}
		return v.matched(found), err
	}
	return nil, fmt.Errorf("query %s is unknown to this test", text)
}

// matched are the parts that the variable's regular expression takes, once each.
func (v variable) matched(texts []string) (found []string) {
	pattern := regexp.MustCompile(strings.Trim(v.Regex, "/"))
	for _, text := range texts {
		m := pattern.FindStringSubmatch(text)
		switch {
		case v.Regex == "":
			found = append(found, text)
		case m != nil:
			found = append(found, m[len(m)-1])
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
