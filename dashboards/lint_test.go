package dashboards

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// lint tells everything that is wrong with a dashboard.
func lint(d *dashboard, k *known) []string {
	l := &linter{d: d, k: k}
	l.strangers("dashboard", d.keys, k.Dashboard)
	l.variables()
	l.annotations()
	for _, link := range d.Links {
		l.link("dashboard link "+link.Title, link.URL)
	}
	seen := map[int]string{}
	for i := range d.Panels {
		p := &d.Panels[i]
		l.at = fmt.Sprintf("%s (%d)", p.Title, p.ID)
		if p.ID <= 0 || seen[p.ID] != "" {
			l.bad("the id is zero or %q has it", seen[p.ID])
		}
		seen[p.ID] = p.Title
		l.grid(p, d.Panels[:i])
		l.panel(p)
	}
	return l.problems
}

type linter struct {
	d        *dashboard
	k        *known
	at       string // what is being looked at
	problems []string
}

func (l *linter) bad(format string, args ...any) {
	l.problems = append(l.problems, l.at+": "+fmt.Sprintf(format, args...))
}

// strangers complains about what Grafana does not know.
func (l *linter) strangers(what string, found, allowed []string) {
	for _, s := range found {
		if !slices.Contains(allowed, s) {
			l.bad("Grafana knows no %s %q", what, s)
		}
	}
}

func (l *linter) source(d *datasource) {
	if d == nil || *d != (datasource{"prometheus", "${datasource}"}) {
		l.bad("the data source is not ${datasource}")
	}
}

func (l *linter) variables() {
	for _, v := range l.d.Templating.List {
		l.at = "variable " + v.Name
		if v.Type == "datasource" {
			continue
		}
		l.source(v.Datasource)
		l.defined(v.text())
		l.query(v.text())
	}
}

func (l *linter) annotations() {
	for _, a := range l.d.Annotations.List {
		l.at = "annotation " + a.Name
		l.source(a.Datasource)
		l.defined(a.Expr)
		l.query(a.Expr)
	}
}

func (l *linter) grid(p *panel, before []panel) {
	a := p.GridPos
	if a.X < 0 || a.Y < 0 || a.W < 1 || a.H < 1 || a.X+a.W > 24 {
		l.bad("off the grid of 24 columns: %+v", a)
	}
	for _, q := range before {
		b := q.GridPos
		if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
			l.bad("overlaps %q", q.Title)
		}
	}
}

func (l *linter) panel(p *panel) {
	l.strangers("key of a panel", p.keys, l.k.Panel)
	if p.Title == "" {
		l.bad("no title")
	}
	if p.Type == "row" {
		return
	}
	kind, ok := l.k.Panels[p.Type]
	if !ok {
		l.bad("unknown panel type %q", p.Type)
		return
	}
	if p.Description == "" {
		l.bad("no description")
	}
	l.strangers("option of "+p.Type, paths(p.Options), kind.Options)
	if p.Type == "text" {
		return
	}
	l.source(p.Datasource)
	l.fields(p, kind.Custom)
	l.targets(p)
	for _, t := range p.Transformations {
		l.strangers("transformation", []string{t.ID}, l.k.Transformations)
	}
}

// fields checks how values are shown: for all of them, and for those that
// overrides pick out.
func (l *linter) fields(p *panel, custom []string) {
	defaults := p.FieldConfig.Defaults
	l.strangers("field option", keysOf(defaults), l.k.Defaults)
	if unit, _ := defaults["unit"].(string); unit == "" {
		l.bad("no unit")
	}
	for name, value := range defaults {
		l.field(name, value, custom)
	}
	for _, o := range p.FieldConfig.Overrides {
		l.strangers("matcher", []string{o.Matcher.ID}, l.k.Matchers)
		if o.Matcher.ID == "byName" && !slices.Contains(namesIn(p), o.Matcher.Options) {
			l.bad("nothing is called %q, as an override expects", o.Matcher.Options)
		}
		if o.Matcher.ID == "byFrameRefID" && !slices.ContainsFunc(p.Targets, func(t target) bool { return t.RefID == o.Matcher.Options }) {
			l.bad("no query is called %q, as an override expects", o.Matcher.Options)
		}
		for _, property := range o.Properties {
			if name, ok := strings.CutPrefix(property.ID, "custom."); ok {
				l.field("custom", map[string]any{name: property.Value}, custom)
				continue
			}
			l.strangers("field option", []string{property.ID}, l.k.Defaults)
			l.field(property.ID, property.Value, custom)
		}
	}
}

func (l *linter) field(name string, value any, custom []string) {
	object, _ := value.(map[string]any)
	switch name {
	case "unit":
		l.strangers("unit", []string{fmt.Sprint(value)}, l.k.Units)
	case "color":
		l.strangers("color mode", []string{fmt.Sprint(object["mode"])}, l.k.ColorModes)
	case "custom":
		l.strangers("custom field option", paths(object), custom)
	case "links":
		list, _ := value.([]any)
		for _, link := range list {
			object, _ := link.(map[string]any)
			l.link("data link", fmt.Sprint(object["url"]))
		}
	}
}

// namesIn are the names that fields of a panel have for sure.
func namesIn(p *panel) []string {
	var names []string
	for _, t := range p.Targets {
		names = append(names, t.LegendFormat)
	}
	for _, t := range p.Transformations {
		renamed, _ := t.Options["renameByName"].(map[string]any)
		for _, name := range renamed {
			names = append(names, fmt.Sprint(name))
		}
	}
	return names
}

func (l *linter) targets(p *panel) {
	if len(p.Targets) == 0 {
		l.bad("no query")
	}
	refs := map[string]bool{}
	for _, t := range p.Targets {
		if t.RefID == "" || refs[t.RefID] {
			l.bad("the refId %q is empty or taken", t.RefID)
		}
		refs[t.RefID] = true
		l.strangers("key of a query", t.keys, l.k.Target)
		l.source(t.Datasource)
		l.defined(t.Expr)
		l.query(t.Expr)
		l.legend(t)
	}
}

var legendLabel = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)

func (l *linter) legend(t target) {
	if t.LegendFormat == "" {
		l.bad("query %s has no legend", t.RefID)
	}
	for _, label := range legendLabel.FindAllStringSubmatch(t.LegendFormat, -1) {
		if aggregated.MatchString(t.Expr) && !regexp.MustCompile(`\b`+label[1]+`\b`).MatchString(t.Expr) {
			l.bad("the legend's label %q is not in query %s", label[1], t.RefID)
		}
	}
}

var aggregated = regexp.MustCompile(`\bby \(`)

// link follows a link to a dashboard and to the variables that it sets there.
func (l *linter) link(what, address string) {
	l.defined(address)
	u, err := url.Parse(reference.ReplaceAllString(address, "x"))
	if err != nil || !strings.HasPrefix(u.Path, "/d/") {
		l.bad("%s: %q is no link to a dashboard", what, address)
		return
	}
	uid := strings.TrimPrefix(u.Path, "/d/")
	variables, ok := l.k.dashboards[uid]
	if !ok {
		l.bad("%s: there is no dashboard %q", what, uid)
		return
	}
	for parameter := range u.Query() {
		if name, ok := strings.CutPrefix(parameter, "var-"); ok {
			if _, ok := variables[name]; !ok {
				l.bad("%s: dashboard %q has no variable %q", what, uid, name)
			}
		}
	}
}

// reference is a use of a variable, in each of Grafana's ways to write it.
var reference = regexp.MustCompile(`\$\{([\w.]+)(?::\w+)?\}|\$(\w+)|\[\[(\w+)\]\]`)

var builtin = []string{
	"__rate_interval", "__interval", "__range", "__from", "__to", "__url_time_range",
	"__value.text", "__field.labels.hostname",
}

func (l *linter) defined(text string) {
	for _, m := range reference.FindAllStringSubmatch(text, -1) {
		name := m[1] + m[2] + m[3]
		own := slices.ContainsFunc(l.d.Templating.List, func(v variable) bool { return v.Name == name })
		if !own && !slices.Contains(builtin, name) && !captureGroup.MatchString(name) {
			l.bad("there is no variable $%s", name)
		}
	}
}

// captureGroup is $1 in label_replace.
var captureGroup = regexp.MustCompile(`^\d$`)

func keysOf(object map[string]any) []string {
	var keys []string
	for key := range object {
		keys = append(keys, key)
	}
	return keys
}

// paths are the keys of an object and of those in it: legend.calcs.
func paths(object map[string]any) []string {
	var all []string
	for key, value := range object {
		inner, ok := value.(map[string]any)
		if !ok || len(inner) == 0 {
			all = append(all, key)
			continue
		}
		for _, path := range paths(inner) {
			all = append(all, key+"."+path)
		}
	}
	slices.Sort(all)
	return all
}
