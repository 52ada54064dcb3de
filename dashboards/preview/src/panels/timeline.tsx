// The state timeline is part of Grafana's core, which no package carries: this
// is a likeness, with the states' texts and colours from Grafana's code.
import { type DataFrame, FieldType, getFieldDisplayName } from '@grafana/data';
import { measureText } from '@grafana/ui';
import { type PanelProps } from '.';

const FONT = 12, BOTTOM = 22;

export function StateTimeline({ panel, frames, width, height, theme, range }: PanelProps) {
  const from = range.from.valueOf(), to = range.to.valueOf();
  const rows = frames.flatMap((f) => f.fields.filter((g) => g.type !== FieldType.time).map((field) => ({ name: getFieldDisplayName(field, f, frames), states: states(f, field, to) })));
  const left = Math.min(width / 2, 10 + Math.max(...rows.map((r) => measureText(r.name, FONT).width)));
  const rowHeight = (height - BOTTOM) / rows.length, thickness = rowHeight * (panel.options.rowHeight ?? 0.9);
  const x = (t: number) => left + ((Math.max(t, from) - from) / (to - from)) * (width - left - 16);
  const opacity = (panel.fieldConfig.defaults.custom?.fillOpacity ?? 70) / 100;
  return <svg width={width} height={height} style={{ display: 'block', font: `${FONT}px ${theme.typography.fontFamily}`, fill: theme.colors.text.primary }}>
    {rows.map((row, i) => <g key={i} transform={`translate(0 ${i * rowHeight})`}>
      <text x={left - 8} y={rowHeight / 2} dominantBaseline="central" textAnchor="end">{row.name}</text>
      {row.states.filter((s) => s.end > from).map((s, k) => <rect key={k} x={x(s.start)} y={(rowHeight - thickness) / 2} width={Math.max(0, x(s.end) - x(s.start))} height={thickness} fill={s.color} fillOpacity={opacity} />)}
    </g>)}
    {hours(from, to, width).map((t) => <text key={t} x={x(t)} y={height - 6} textAnchor="middle">{new Date(t).toISOString().slice(11, 16)}</text>)}
  </svg>;
}

interface State { start: number; end: number; text: string; color: string }

// states are the stretches of equal values.
function states(frame: DataFrame, field: any, to: number): State[] {
  const times = frame.fields.find((f) => f.type === FieldType.time)!;
  const step = times.config.interval ?? 60e3, out: State[] = [];
  times.values.forEach((start: number, i: number) => {
    if (field.values[i] == null) { return; }
    const { text, color } = field.display(field.values[i]), last = out.at(-1), next = times.values[i + 1] ?? to;
    const end = Math.min(next - start > 2 * step ? start + step : next, to);
    if (last && last.text === text && last.end === start) { last.end = end; } else { out.push({ start, end, text, color }); }
  });
  return out;
}

// hours are the axis' marks, at least 80 pixels apart.
function hours(from: number, to: number, width: number): number[] {
  const hour = 3600e3, step = [0.5, 1, 2, 3, 6, 12, 24].map((h) => h * hour).find((s) => ((to - from) / s) * 80 < width) ?? 24 * hour;
  const first = Math.ceil((from + (to - from) * 0.02) / step) * step;
  return Array.from({ length: Math.floor((to - first) / step) + 1 }, (_, i) => first + i * step);
}
