// Transformations and field configuration, run by Grafana's own code.
import {
  type DataFrame, type Field, FieldConfigOptionsRegistry, FieldType, type GrafanaTheme2, applyFieldOverrides, cacheFieldDisplayNames,
  identityOverrideProcessor, isTimeSeriesFrame, reduceField, standardTransformers, standardTransformersRegistry, transformDataFrame,
} from '@grafana/data';
import { lastValueFrom, map } from 'rxjs';

// Grafana keeps "Time series to table" in its core, which no package carries:
// one row a series, with the series itself as a cell.
const timeSeriesTable = {
  id: 'timeSeriesTable',
  name: 'Time series to table',
  operator: (options: any) => (source: any) => source.pipe(map((frames: DataFrame[]) => {
    const queries = new Map<string, DataFrame[]>();
    for (const f of frames.filter(isTimeSeriesFrame)) { queries.set(f.refId!, [...(queries.get(f.refId!) ?? []), f]); }
    const tables = [...queries].map(([refId, series]) => asTable(refId, series, options[refId]?.stat ?? 'lastNotNull'));
    return [...frames.filter((f) => !isTimeSeriesFrame(f)), ...tables];
  })),
};

function asTable(refId: string, frames: DataFrame[], stat: string): DataFrame {
  const value = (f: DataFrame) => f.fields.find((g) => g.type === FieldType.number)!;
  const labels = [...new Set(frames.flatMap((f) => Object.keys(value(f).labels ?? {})))];
  const trend = (f: DataFrame) => {
    const y = value(f);
    return { ...f, fields: [f.fields.find((g) => g.type === FieldType.time)!, y], value: reduceField({ field: y, reducers: [stat] })[stat] || null };
  };
  return { refId, length: frames.length, fields: [
    ...labels.map((l) => ({ name: l, type: FieldType.string, config: {}, values: frames.map((f) => value(f).labels?.[l]) })),
    { name: `Trend #${refId}`, type: FieldType.frame, config: {}, values: frames.map(trend) },
  ] } as any;
}

export function init(): void {
  const unique = Object.values(standardTransformers).filter((t, i, all) => all.findIndex((u) => u.id === t.id) === i);
  standardTransformersRegistry.setInit(() => [...unique, timeSeriesTable].map((t: any) =>
    ({ id: t.id, name: t.name, transformation: () => Promise.resolve(t), editor: () => null, imageDark: '', imageLight: '' }) as any));
}

export async function transform(steps: any[] = [], frames: DataFrame[], interpolate: (s: string) => string): Promise<DataFrame[]> {
  return steps.length ? lastValueFrom(transformDataFrame(steps, frames, { interpolate })) : frames;
}

const standard = ['unit', 'min', 'max', 'decimals', 'displayName', 'color', 'noValue', 'links', 'thresholds', 'mappings', 'filterable', 'fieldMinMax', 'description', 'actions'];

export function configure(frames: DataFrame[], config: any, theme: GrafanaTheme2, replaceVariables: any): DataFrame[] {
  const fieldConfig = structuredClone({ defaults: {}, overrides: [], ...config });
  const properties = fieldConfig.overrides.flatMap((o: any) => o.properties);
  // JSON has no -Infinity: the first threshold's value is null there.
  for (const t of [fieldConfig.defaults.thresholds, ...properties.filter((p: any) => p.id === 'thresholds').map((p: any) => p.value)]) {
    if (t?.steps?.[0]) { t.steps[0].value = -Infinity; }
  }
  const custom = new Set<string>([...Object.keys(fieldConfig.defaults.custom ?? {}).map((k) => `custom.${k}`), ...properties.map((p: any) => p.id).filter((id: string) => id.startsWith('custom.'))]);
  // As in Grafana, the time axis does not take over the others' label.
  const applies = (id: string) => (f: Field) => id !== 'custom.axisLabel' || f.type === FieldType.number;
  const item = (id: string) => ({ id, path: id.replace(/^custom\./, ''), name: id, isCustom: id.startsWith('custom.'), process: identityOverrideProcessor, shouldApply: applies(id), override: () => null, editor: () => null, settings: {} }) as any;
  const fieldConfigRegistry = new FieldConfigOptionsRegistry(() => [...standard, ...custom].map(item));
  const out = applyFieldOverrides({ data: frames, fieldConfig, theme, replaceVariables, timeZone: 'utc', fieldConfigRegistry });
  cacheFieldDisplayNames(out); // only now: display names may come from overrides
  return out;
}
