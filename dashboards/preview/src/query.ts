// A panel's queries, and their answers in the shape that Grafana's Prometheus
// data source gives them.
import { type DataFrame, type Field, FieldType, type TimeRange, rangeUtil, toDataFrame } from '@grafana/data';
import { type Series, instant, range as queryRange } from './prometheus';
import { type Variables, constants, interpolate } from './variables';

// The data source's scrape interval in seconds, as the recording has it.
const SCRAPE = Number(new URLSearchParams(location.search).get('scrape') ?? 15);

// rangeVariables are those that every query of a dashboard may use.
export function rangeVariables({ from, to }: TimeRange): Variables {
  const span = to.diff(from, 'seconds');
  return constants({ __range: `${span}s`, __range_s: `${span}`, __range_ms: `${span * 1000}`, __from: `${from.valueOf()}`, __to: `${to.valueOf()}` });
}

// timing chooses a step as Grafana does and gives the variables that depend on it.
function timing(range: TimeRange, maxDataPoints: number, minStep: number): { step: number; variables: Variables } {
  const wanted = rangeUtil.calculateInterval(range, maxDataPoints, `${minStep}s`).intervalMs / 1000;
  const step = Math.max(minStep, Math.round(wanted));
  const intervals = constants({ __interval: `${step}s`, __interval_ms: `${step * 1000}`, __rate_interval: `${Math.max(step + SCRAPE, 4 * SCRAPE)}s` });
  return { step, variables: { ...rangeVariables(range), ...intervals } };
}

export async function query(target: any, panel: any, range: TimeRange, width: number, variables: Variables): Promise<DataFrame[]> {
  const least = target.interval || panel.interval;
  const minStep = least ? Math.max(SCRAPE, rangeUtil.intervalToSeconds(least)) : SCRAPE;
  const { step, variables: timed } = timing(range, panel.maxDataPoints ?? Math.floor(width), minStep);
  const expr = interpolate(target.expr, { ...variables, ...timed });
  const align = (t: number) => Math.floor(t / step) * step;
  const series = target.instant
    ? await instant(expr, range.to.unix())
    : await queryRange(expr, align(range.from.unix()), align(range.to.unix()), step);
  if (target.format === 'table') {
    const several = panel.targets.filter((t: any) => t.format === 'table').length > 1;
    return [table(target.refId, series, several)];
  }
  return series.map((s) => timeSeries(target, s, step));
}

const number = (v: string) => (v === '+Inf' ? Infinity : v === '-Inf' ? -Infinity : Number(v));

function table(refId: string, series: Series[], several: boolean): DataFrame {
  const labels = [...new Set(series.flatMap((s) => Object.keys(s.labels)))].sort();
  const rows = series.flatMap((s) => s.points.map(([time, value]) => ({ s, time, value })));
  return toDataFrame({ refId, fields: [
    { name: 'Time', type: FieldType.time, values: rows.map((r) => r.time * 1000) },
    ...labels.map((l) => ({ name: l, type: FieldType.string, config: { filterable: true }, values: rows.map((r) => r.s.labels[l] ?? '') })),
    { name: several ? `Value #${refId}` : 'Value', type: FieldType.number, values: rows.map((r) => number(r.value)) },
  ] });
}

function timeSeries(target: any, s: Series, step: number): DataFrame {
  return toDataFrame({ refId: target.refId, meta: { type: target.instant ? 'numeric-multi' : 'timeseries-multi' } as any, fields: [
    { name: 'Time', type: FieldType.time, config: { interval: step * 1000 }, values: s.points.map((p) => p[0] * 1000) },
    { name: 'Value', type: FieldType.number, labels: s.labels, config: { displayNameFromDS: legend(s.labels, target.legendFormat) }, values: s.points.map((p) => number(p[1])) } as Field,
  ] });
}

const legend = (labels: Record<string, string>, format?: string) =>
  !format || format === '__auto' ? undefined : format.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, l) => labels[l] ?? '');
