package web

import (
	"strconv"
)

// drawn is the size of the box that lines are drawn in; slots go from its left to
// its right, the last one at the right.
const (
	drawnWidth, drawnHeight = 120, 30
	drawnSlots              = 60
)

// Scales never go below these rates, in bytes a second: what is next to nothing
// is to look so.
const (
	leastBar  = 1e6 / 8
	leastLine = 1e5 / 8
)

// peak is the highest rate of a list.
func peak(least float64, lists ...[]uint64) float64 {
	for _, list := range lists {
		for _, n := range list {
			least = max(least, float64(n))
		}
	}
	return least
}

// line is the path of rates in SVG, from the middle of slot to slot and flat to the
// ends; an area down to the ground where it is closed.
func line(rates []uint64, top float64, closed bool) string {
	if len(rates) == 0 {
		return ""
	}
	const step = float64(drawnWidth) / drawnSlots
	left := drawnWidth - step*float64(len(rates))
	height := func(n uint64) float64 { return drawnHeight * (1 - min(1, float64(n)/top)) }
	d := []byte{'M'}
	if closed {
		d = append(point(d, left, drawnHeight), 'L')
	}
	d = point(d, left, height(rates[0]))
	for i, n := range rates {
		d = point(append(d, 'L'), left+step*(float64(i)+0.5), height(n))
	}
	d = point(append(d, 'L'), drawnWidth, height(rates[len(rates)-1]))
	if closed {
		d = append(point(append(d, 'L'), drawnWidth, drawnHeight), 'Z')
	}
	return string(d)
}

func point(d []byte, x, y float64) []byte {
	d = strconv.AppendFloat(d, x, 'f', 1, 64)
	d = append(d, ' ')
	return strconv.AppendFloat(d, y, 'f', 1, 64)
}

// drawing is a pair of lines.
type drawing struct{ Down, Up string }

func draw(s Series, least float64) drawing {
	top := peak(least, s.RX, s.TX)
	return drawing{line(s.RX, top, true), line(s.TX, top, false)}
}

// bar is the width of a bar in percent.
func bar(n *uint64, top float64) string {
	if n == nil {
		return "0.0"
	}
	return strconv.FormatFloat(100*min(1, float64(*n)/top), 'f', 1, 64)
}
