package prometheus

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
)

// Result is what a query returned and what it took.
type Result struct {
	Series  model.Matrix
	Samples int           // read, see totalQueryableSamples in Prometheus' documentation
	Took    time.Duration // as Prometheus measured it
}

// Range are the times of a range query.
type Range struct {
	From, To time.Time
	Step     time.Duration
}

// Instant asks for the values at a time.
func (s *Server) Instant(ctx context.Context, promQL string, at time.Time) (Result, error) {
	return s.query(ctx, "query", url.Values{"query": {promQL}, "time": {unix(at)}})
}

// Range asks for the values over a span of time.
func (s *Server) Range(ctx context.Context, promQL string, r Range) (Result, error) {
	return s.query(ctx, "query_range", url.Values{
		"query": {promQL}, "start": {unix(r.From)}, "end": {unix(r.To)}, "step": {strconv.FormatFloat(r.Step.Seconds(), 'f', -1, 64)}})
}

// LabelValues are the values of a label over the series that match.
func (s *Server) LabelValues(ctx context.Context, label, match string, from, to time.Time) (values []string, err error) {
	parameters := url.Values{"start": {unix(from)}, "end": {unix(to)}}
	if match != "" {
		parameters.Set("match[]", match)
	}
	err = s.api(ctx, "label/"+label+"/values", parameters, &values)
	return values, err
}

func (s *Server) query(ctx context.Context, endpoint string, parameters url.Values) (Result, error) {
	parameters.Set("stats", "all")
	var data struct {
		Type   string          `json:"resultType"`
		Result json.RawMessage `json:"result"`
		Stats  struct {
			Timings struct {
				Total float64 `json:"execTotalTime"`
			} `json:"timings"`
			Samples struct {
				Total int `json:"totalQueryableSamples"`
			} `json:"samples"`
		} `json:"stats"`
	}
	if err := s.api(ctx, endpoint, parameters, &data); err != nil {
		return Result{}, err
	}
	series, err := matrix(data.Type, data.Result)
	return Result{series, data.Stats.Samples.Total, time.Duration(data.Stats.Timings.Total * float64(time.Second))}, err
}

// matrix makes every kind of result one: series with their samples.
func matrix(kind string, text json.RawMessage) (series model.Matrix, err error) {
	switch kind {
	case "matrix":
		err = json.Unmarshal(text, &series)
	case "vector":
		var vector model.Vector
		err = json.Unmarshal(text, &vector)
		for _, s := range vector {
			series = append(series, &model.SampleStream{Metric: s.Metric, Values: []model.SamplePair{{Timestamp: s.Timestamp, Value: s.Value}}})
		}
	case "scalar":
		var scalar model.Scalar
		err = json.Unmarshal(text, &scalar)
		series = model.Matrix{{Values: []model.SamplePair{{Timestamp: scalar.Timestamp, Value: scalar.Value}}}}
	default:
		err = fmt.Errorf("prometheus answers with a %s", kind)
	}
	return series, err
}

// api asks Prometheus' HTTP interface and decodes the data of its answer.
func (s *Server) api(ctx context.Context, endpoint string, parameters url.Values, data any) error {
	text, err := s.do(ctx, http.MethodGet, "/api/v1/"+endpoint+"?"+parameters.Encode(), nil)
	if err != nil {
		return err
	}
	answer := struct {
		Data any `json:"data"`
	}{data}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("read prometheus' answer: %w", err)
	}
	return nil
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
