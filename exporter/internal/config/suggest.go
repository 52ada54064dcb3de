package config

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func hasKey(fields []field, key string) bool {
	return slices.ContainsFunc(fields, func(f field) bool { return f.key == key })
}

// maxDistance is how many slips of the finger a known key is still near for.
const maxDistance = 3

// suggest helps with an unknown key: the nearest known one if it is close, else all.
func suggest(key string, fields []field) string {
	nearest, least := "", maxDistance+1
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.key
		d := distance(fold(key), fold(f.key))
		if d < least && 3*d <= max(len(key), len(f.key)) { // macs is close to mac, a is not to lan
			nearest, least = f.key, d
		}
	}
	if nearest != "" {
		return "did you mean " + nearest + "?"
	}
	return "known here: " + strings.Join(keys, ", ")
}

// fold forgets what differs between offlineThreshold, offline-threshold and
// offline_threshold, and all that is longer than any key.
func fold(key string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(clip(key)))
}

// distance counts the bytes to insert, delete or change to turn a into b
// (Levenshtein), one row of the table at a time.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// quoteKey writes a key as a step of a path, on one line whatever it holds.
func quoteKey(key string) string {
	if len(key) <= 80 && plainKey.MatchString(key) {
		return key
	}
	return strconv.Quote(clip(key))
}
