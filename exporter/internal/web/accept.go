package web

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// wantsCSV reads the query and then the header Accept (RFC 9110, section 12.5.1);
// ok is false for a format that does not exist.
func wantsCSV(r *http.Request) (csv, ok bool) {
	switch r.URL.Query().Get("format") {
	case "csv":
		return true, true
	case "json":
		return false, true
	case "":
		accept := strings.Join(r.Header.Values("Accept"), ",")
		return weight(accept, "text/csv") > weight(accept, "application/json"), true
	}
	return false, false
}

// weight is how much a media type is wanted, from 0 to 1. The entry that names it
// most closely counts.
func weight(accept, media string) (q float64) {
	group, _, _ := strings.Cut(media, "/")
	closest := 0
	for entry := range strings.SplitSeq(accept, ",") {
		name, params, err := mime.ParseMediaType(entry)
		if err != nil {
			continue
		}
		close := map[string]int{"*/*": 1, group + "/*": 2, media: 3}[name]
		if close <= closest {
			continue
		}
		closest, q = close, 1
		if s, given := params["q"]; given {
			q, _ = strconv.ParseFloat(s, 64)
		}
	}
	return q
}
