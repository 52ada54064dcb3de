package main

import (
	"context"
	"slices"
)

// measurement gives one figure, such as the nanoseconds that a packet took.
type measurement func() (float64, error)

// outcome is the medians of all measurements of one kind.
type outcome struct {
	value float64
	ratio float64 // to the base, each to those right before and after it
}

// takeTurns measures base and the others in turns. The first outcome is the base's.
func takeTurns(ctx context.Context, rounds int, base measurement, others ...measurement) ([]outcome, error) {
	before, err := base()
	if err != nil {
		return nil, err
	}
	values, ratios := make([][]float64, len(others)+1), make([][]float64, len(others)+1)
	values[0], ratios[0] = []float64{before}, []float64{1}
	for range rounds {
		for i, other := range others {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			value, err := other()
			if err != nil {
				return nil, err
			}
			after, err := base()
			if err != nil {
				return nil, err
			}
			values[0] = append(values[0], after)
			values[i+1] = append(values[i+1], value)
			ratios[i+1] = append(ratios[i+1], 2*value/(before+after))
			before = after
		}
	}
	outcomes := make([]outcome, len(values))
	for i := range outcomes {
		outcomes[i] = outcome{median(values[i]), median(ratios[i])}
	}
	return outcomes, nil
}

// median is the middle one, or the mean of the two in the middle.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
