// Dashboard variables as Grafana resolves them: in the order of the dashboard,
// each query with the values of those before it.
import { type TimeRange } from '@grafana/data';
import { instant, labelValues } from './prometheus';

export interface Variable { name: string; label: string; hidden: boolean; values: string[]; text: string; regex: boolean; all?: string }
export type Variables = Record<string, Variable>;

// constants are variables that have one value and are not shown.
export const constants = (values: Record<string, string>): Variables =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { name, label: name, hidden: true, values: [value], text: value, regex: false }]));

const escape = (s: string) => s.replace(/[\\^$*+?.()|{}[\]]/g, '\\\\$&');

// The formats that are used; without one, what Grafana's Prometheus data source
// makes of a value: part of a regular expression if there may be several.
const formats: Record<string, (v: Variable) => string> = {
  pipe: (v) => v.values.join('|'),
  raw: (v) => v.values.join(','),
  csv: (v) => v.values.join(','),
  text: (v) => v.text,
  percentencode: (v) => encodeURIComponent(v.values.join(',')),
  queryparam: (v) => v.values.map((x) => `var-${v.name}=${encodeURIComponent(x)}`).join('&'),
  regex: (v) => (v.values.length === 1 ? escape(v.values[0]) : `(${v.values.map(escape).join('|')})`),
};
formats[''] = (v) => (v.regex ? formats.regex(v) : v.values.join(','));

export function interpolate(text: string, variables: Variables): string {
  return text.replace(/\$\{(\w+)(?::(\w+))?\}|\$(\w+)/g, (all, braced, format = '', bare) => {
    const v = variables[braced ?? bare];
    if (!v) { return all; }
    if (v.all !== undefined && format !== 'text' && format !== 'queryparam') { return v.all; }
    if (!formats[format]) { throw new Error(`${all}: this format is not known here`); }
    return formats[format](v);
  });
}

export async function resolve(list: any[], chosen: URLSearchParams, variables: Variables, range: TimeRange, problems: string[]): Promise<void> {
  for (const v of list) {
    const options = await optionsOf(v, variables, range);
    if (!options.length) { problems.push(`variable ${v.name}: no values`); }
    const wanted = chosen.getAll(`var-${v.name}`);
    const all = v.includeAll && !wanted.length && (v.multi || v.current?.value === '$__all' || v.current?.value?.[0] === '$__all' || !v.current?.value);
    const values = wanted.length ? wanted : all ? options : options.slice(0, 1);
    variables[v.name] = {
      name: v.name, label: v.label || v.name, hidden: v.hide === 2, values, regex: Boolean(v.multi || v.includeAll),
      text: all ? 'All' : v.type === 'datasource' ? 'Prometheus' : values.join(' + '), all: all && v.allValue ? v.allValue : undefined,
    };
  }
}

async function optionsOf(v: any, variables: Variables, range: TimeRange): Promise<string[]> {
  switch (v.type) {
    case 'datasource': return ['prometheus'];
    case 'custom': return v.query.split(',').map((s: string) => s.trim().replace(/^.* : /, ''));
    case 'constant': case 'textbox': return [v.query];
    case 'interval': return v.query.split(',');
    case 'query': return sorted(matched(await answers(interpolate(v.query.query ?? v.query, variables), range), v.regex), v.sort);
    default: throw new Error(`variable ${v.name}: type ${v.type} is not known here`);
  }
}

async function answers(query: string, range: TimeRange): Promise<string[]> {
  const labels = /^label_values\((?:([\s\S]+),)?\s*(\w+)\s*\)\s*$/.exec(query);
  if (labels) { return labelValues(labels[2], labels[1], range); }
  const result = /^query_result\(([\s\S]+)\)\s*$/.exec(query);
  if (!result) { throw new Error(`variable query ${query} is not known here`); }
  const series = await instant(result[1], range.to.unix());
  return series.map(({ labels: { __name__ = '', ...labels }, points: [[t, value]] }) =>
    `${__name__}{${Object.entries(labels).map(([k, l]) => `${k}="${l}"`).join(',')}} ${value} ${t * 1000}`);
}

function matched(texts: string[], regex?: string): string[] {
  if (!regex) { return [...new Set(texts)]; }
  const [, pattern, flags] = /^\/([\s\S]*)\/(\w*)$/.exec(regex) ?? ['', `^${regex}$`, ''];
  const found = texts.flatMap((text) => [...text.matchAll(new RegExp(pattern, flags.includes('g') ? flags : `${flags}g`))]);
  return [...new Set(found.map((m) => m.groups?.value ?? m[1] ?? m[0]))];
}

// Grafana's numbers for the order: 0 none, odd ones ascend; 1-2 by letters, 3-4
// as numbers, 5-6 by letters of either case.
function sorted(texts: string[], order = 0): string[] {
  if (!order) { return texts; }
  const up = [...texts].sort(order < 3 ? undefined : (a, b) => a.localeCompare(b, 'en', { numeric: order < 5 }));
  return order % 2 ? up : up.reverse();
}
