package collector

import (
	"math"
	"strconv"
)

// appendValue writes a number as expfmt does, which is strconv's format 'g' with
// the fewest digits, only that 0 has no sign. Counts, and times in milliseconds,
// need no search for these digits.
func appendValue(text []byte, v float64) []byte {
	if n := uint64(v); v >= 0 && v < maxExact && float64(n) == v {
		if n < exponential {
			return strconv.AppendUint(text, n, 10)
		}
		return appendExponential(text, n, 0)
	}
	if v >= exponential && v < maxExact/10_000 {
		if n := uint64(math.Round(v * 1000)); float64(n)/1000 == v {
			return appendExponential(text, n, 3)
		}
	}
	return strconv.AppendFloat(text, v, 'g', -1, 64)
}

// maxExact bounds the whole numbers that float64 tells from both neighbours: the
// fewest digits that stand for such a number are its own. The same goes for
// decimal fractions of up to 15 digits.
const maxExact = 1 << 53

// exponential is where the format 'g' begins to write an exponent.
const exponential = 1e6

// appendExponential writes n without its last decimals digits behind the point,
// such as 1.234567e+06, at a third of strconv's cost.
func appendExponential(text []byte, n uint64, decimals int) []byte {
	start := len(text)
	text = strconv.AppendUint(append(text, 0), n, 10)
	exponent := len(text) - start - 2 - decimals
	text[start], text[start+1] = text[start+1], '.'
	for text[len(text)-1] == '0' {
		text = text[:len(text)-1]
	}
	if text[len(text)-1] == '.' {
		text = text[:len(text)-1]
	}
	return append(text, 'e', '+', byte('0'+exponent/10), byte('0'+exponent%10))
}
