package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"golang.org/x/sys/unix"
)

// report is all results, in the order in which they came.
type report struct {
	Machine machine
	Rows    []row
}

// row is one figure.
type row struct {
	Part   string  // what was measured, and its unit
	Case   string  // under which circumstances
	Method string  // of whom
	Value  float64 // the median
	Ratio  float64 `json:",omitempty"` // to the method that stands first in the part
}

// machine is where it was measured.
type machine struct {
	CPU    string
	CPUs   int
	Kernel string
	Go     string
}

func thisMachine() machine {
	m := machine{CPU: "unknown", CPUs: runtime.NumCPU(), Kernel: "unknown", Go: runtime.Version()}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
				m.CPU = strings.TrimSpace(value)
				break
			}
		}
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	return m
}

func (m machine) String() string {
	return fmt.Sprintf("%d × %s, Linux %s, %s", m.CPUs, m.CPU, m.Kernel, m.Go)
}

// add enters the outcomes of one case, the base first.
func (r *report) add(part, name string, methods []string, outcomes []outcome) {
	for i, o := range outcomes {
		one := row{Part: part, Case: name, Method: methods[i], Value: o.value}
		if i > 0 {
			one.Ratio = o.ratio
		}
		r.Rows = append(r.Rows, one)
	}
}

// show prints the table of one part.
func (r *report) show(part string) {
	var methods, cases []string
	cells := map[[2]string]string{}
	for _, one := range r.Rows {
		if one.Part != part {
			continue
		}
		if !slices.Contains(methods, one.Method) {
			methods = append(methods, one.Method)
		}
		if !slices.Contains(cases, one.Case) {
			cases = append(cases, one.Case)
		}
		cells[[2]string{one.Case, one.Method}] = figure(one.Value) + comparison(one.Ratio)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\n%s\n\t%s\t\n", part, strings.Join(methods, "\t"))
	for _, c := range cases {
		fmt.Fprint(w, c, "\t")
		for _, m := range methods {
			fmt.Fprint(w, cells[[2]string{c, m}], "\t")
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush()
}

// figure writes a number with two or three digits that count.
func figure(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// comparison writes a ratio: in percent, or as a multiple where it is far from 1.
func comparison(ratio float64) string {
	switch {
	case ratio == 0:
		return ""
	case ratio > 3:
		return fmt.Sprintf(" (×%s)", figure(ratio))
	case ratio < 1./3:
		return fmt.Sprintf(" (1/%s)", figure(1/ratio))
	}
	return fmt.Sprintf(" (%+.0f %%)", 100*(ratio-1))
}

func (r *report) save(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
		return err
	}
	fmt.Printf("\nThe same is in %s\n", path)
	return nil
}
