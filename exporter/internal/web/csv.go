package web

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// cells are the fields of a client that fit into one cell, in order.
var cells = cellsOf(reflect.TypeFor[Client]())

type cell struct {
	name  string
	index []int
}

func cellsOf(t reflect.Type) (all []cell) {
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || f.Type == reflect.TypeFor[*History]() {
			continue
		}
		all = append(all, cell{name, f.Index})
	}
	return all
}

// table writes clients as CSV (RFC 4180), a header first.
func table(clients []Client) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	row := make([]string, len(cells))
	for i, c := range cells {
		row[i] = c.name
	}
	_ = w.Write(row) // a buffer takes all
	for i := range clients {
		v := reflect.ValueOf(&clients[i]).Elem()
		for i, c := range cells {
			row[i] = text(v.FieldByIndex(c.index))
		}
		_ = w.Write(row)
	}
	w.Flush()
	return b.Bytes()
}

// text is empty for what is not known. Addresses stand side by side with spaces
// between them.
func text(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		v = v.Elem()
	}
	switch value := v.Interface().(type) {
	case time.Time:
		return value.Format(time.RFC3339)
	case []string:
		return strings.Join(value, " ")
	case string:
		return harmless(value)
	default:
		return fmt.Sprint(value)
	}
}

// harmless keeps spreadsheets from taking a name for a formula.
func harmless(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
