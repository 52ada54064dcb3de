package dashboards

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

// dashboard is the part of Grafana's dashboard JSON (v1) that the rules look at.
// What Grafana ignores when it is misspelled stays a map, to be compared with the
// vocabulary.
type dashboard struct {
	UID, Title, Description string

	Panels      []panel
	Links       []link
	Templating  struct{ List []variable }
	Annotations struct{ List []annotation }

	keys []string
}

type panel struct {
	ID                       int
	Type, Title, Description string
	Interval                 string
	Datasource               *datasource
	GridPos                  struct{ X, Y, W, H int }
	Targets                  []target
	Transformations          []transformation
	Options                  map[string]any
	FieldConfig              struct {
		Defaults  map[string]any
		Overrides []override
	}

	keys []string
}

type target struct {
	Expr, RefID, LegendFormat, Format string
	Datasource                        *datasource

	keys []string
}

type transformation struct {
	ID      string
	Options map[string]any
}

type override struct {
	Matcher    struct{ ID, Options string }
	Properties []struct {
		ID    string
		Value any
	}
}

type datasource struct{ Type, UID string }

type link struct{ Title, URL string }

type annotation struct {
	Name, Expr string
	Datasource *datasource
}

type variable struct {
	Name, Type string
	Query      any
	Datasource *datasource
}

// text is the query of a variable, which is plain or an object with the text in it.
func (v variable) text() string {
	if q, ok := v.Query.(map[string]any); ok {
		return fmt.Sprint(q["query"])
	}
	return fmt.Sprint(v.Query)
}

func (d *dashboard) UnmarshalJSON(raw []byte) error {
	type plain dashboard
	return decode(raw, (*plain)(d), &d.keys)
}

func (p *panel) UnmarshalJSON(raw []byte) error {
	type plain panel
	return decode(raw, (*plain)(p), &p.keys)
}

func (t *target) UnmarshalJSON(raw []byte) error {
	type plain target
	return decode(raw, (*plain)(t), &t.keys)
}

// decode also tells which keys there are, so that misspelled ones are found.
func decode(raw []byte, into any, keys *[]string) error {
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(into); err != nil {
		return err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return err
	}
	for key := range all {
		*keys = append(*keys, key)
	}
	return nil
}

func readDashboard(path string) (*dashboard, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d := new(dashboard)
	if err := json.Unmarshal(raw, d); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return d, nil
}
