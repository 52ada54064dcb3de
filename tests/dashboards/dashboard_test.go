package dashboards

import (
	"encoding/json"
	"fmt"
	"os"
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

// request is one query as Grafana sends it.
type request struct {
	where   string
	expr    string
	instant bool
	span    time.Duration
	step    time.Duration
}

// requests are all queries of panels and annotations, the dashboard showing a
// span of time on a screen of 1600 pixels.
func (d dashboard) requests(span time.Duration) (all []request, err error) {
	for _, p := range d.Panels {
		for _, p := range append(p.Panels, p) {
			some, err := p.requests(span)
			if err != nil {
				return nil, fmt.Errorf("%s: panel %s: %w", d.Title, p.Title, err)
			}
			all = append(all, some...)
		}
	}
	for _, a := range d.Annotations.List {
		if a.Expr != "" {
			all = append(all, request{where: "annotation " + a.Name, expr: a.Expr, span: span, step: stepOf(span, 100, time.Minute)})
		}
	}
	return all, nil
}

func (p panel) requests(span time.Duration) (all []request, err error) {
	const screen = 1600
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
		least := scrape
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
