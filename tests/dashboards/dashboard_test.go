package dashboards

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/prometheus/common/model"
)

// dashboard is what this test needs of Grafana's dashboard JSON.
type dashboard struct {
	Title       string                          `json:"title"`
	Panels      []panel                         `json:"panels"`
	Templating  struct{ List []variable }       `json:"templating"`
	Annotations struct{ List []annotationRule } `json:"annotations"`
}

type panel struct {
	ID            int      `json:"id"`
	Title         string   `json:"title"`
	GridPos       gridPos  `json:"gridPos"`
	TimeFrom      string   `json:"timeFrom"`
	Interval      string   `json:"interval"`
	MaxDataPoints int      `json:"maxDataPoints"`
	Targets       []target `json:"targets"`
	Panels        []panel  `json:"panels"` // of a row that is closed
}

type gridPos struct{ W int }

type target struct {
	RefID    string `json:"refId"`
	Expr     string `json:"expr"`
	Instant  bool   `json:"instant"`
	Interval string `json:"interval"`
}

type annotationRule struct {
	Name string `json:"name"`
	Expr string `json:"expr"`
	Step string `json:"step"`
}

func load(name string) (d dashboard, err error) {
	text, err := os.ReadFile("../../dashboards/" + name + ".json")
	if err != nil {
		return d, err
	}
	return d, json.Unmarshal(text, &d)
}

// only is the dashboard with some sections, and without annotations. A panel's id
// is its section's and a bit more.
func (d dashboard) only(sections []int) dashboard {
	all := d.Panels
	d.Panels, d.Annotations.List = nil, nil
	for _, p := range all {
		if slices.Contains(sections, p.ID/100*100) {
			d.Panels = append(d.Panels, p)
		}
	}
	return d
}

// request is one query as Grafana sends it.
type request struct {
	where   string
	expr    string
	instant bool
	span    time.Duration
	step    time.Duration
}

// requests are all queries of panels and annotations, the dashboard shown on a
// screen of 1600 pixels.
func (d dashboard) requests(m moment) (all []request, err error) {
	for _, p := range d.Panels {
		for _, p := range append(p.Panels, p) {
			some, err := p.requests(m)
			if err != nil {
				return nil, fmt.Errorf("%s: panel %s: %w", d.Title, p.Title, err)
			}
			all = append(all, some...)
		}
	}
	for _, a := range d.Annotations.List {
		if a.Expr != "" {
			all = append(all, request{where: "annotation " + a.Name, expr: a.Expr, span: m.span, step: stepOf(m.span, 100, time.Minute)})
		}
	}
	return all, nil
}

func (p panel) requests(m moment) (all []request, err error) {
	const screen = 1600
	span := m.span
	if p.TimeFrom != "" {
		if span, err = duration(p.TimeFrom); err != nil {
			return nil, err
		}
	}
	points := p.MaxDataPoints
	if points == 0 {
		points = screen * p.GridPos.W / 24
	}
	for _, t := range p.Targets {
		least := m.scrape
		if own := t.Interval + p.Interval; own != "" { // only one of them is set
			if least, err = duration(own); err != nil {
				return nil, err
			}
		}
		all = append(all, request{
			where: fmt.Sprintf("%s, query %s", p.Title, t.RefID),
			expr:  t.Expr, instant: t.Instant, span: span, step: stepOf(span, points, least),
		})
	}
	return all, nil
}

func duration(text string) (time.Duration, error) {
	d, err := model.ParseDuration(text)
	return time.Duration(d), err
}
