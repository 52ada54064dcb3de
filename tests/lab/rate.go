package lab

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rate is in bits per second at the IP layer.
type Rate float64

// Units of a Rate.
const (
	Kbit Rate = 1e3
	Mbit Rate = 1e6
	Gbit Rate = 1e9
)

// units in the order in which their endings have to be tried.
var units = []struct {
	suffix string
	factor Rate
}{{"kbit", Kbit}, {"Mbit", Mbit}, {"Gbit", Gbit}, {"bit", 1}}

// UnmarshalText reads 500kbit, 2.5Mbit, 1Gbit, 800bit.
func (r *Rate) UnmarshalText(text []byte) error {
	for _, u := range units {
		number, ok := strings.CutSuffix(string(text), u.suffix)
		if !ok {
			continue
		}
		if v, err := strconv.ParseFloat(number, 64); err == nil && v > 0 && v < 1e6 {
			*r = Rate(v) * u.factor
			return nil
		}
	}
	return fmt.Errorf("%q is not a rate like 500kbit or 2.5Mbit", text)
}

// String is short enough for a table.
func (r Rate) String() string {
	for _, u := range []int{2, 1, 0} {
		if r >= units[u].factor {
			return fmt.Sprintf("%.1f %s/s", r/units[u].factor, units[u].suffix)
		}
	}
	return fmt.Sprintf("%.0f bit/s", r)
}

// timeFor gives the time n bytes take.
func (r Rate) timeFor(n int) time.Duration {
	return time.Duration(float64(n) * 8 / float64(r) * float64(time.Second))
}
