// The bar chart is part of Grafana's core, which no package carries: this is a
// likeness, stacked and upright, with names, colours and figures from Grafana's
// code.
import { FieldType, formattedValueToString, getFieldColorModeForField, getFieldDisplayName } from '@grafana/data';
import { VizLegend, measureText } from '@grafana/ui';
import { type PanelProps } from '.';

const LEGEND = 28, BOTTOM = 22, TOP = 8, FONT = 12;

export function BarChart({ panel, frames, width, height, theme }: PanelProps) {
  const frame = frames[0], o = panel.options;
  const x = frame.fields.find((f) => f.name === o.xField) ?? frame.fields.find((f) => f.type === FieldType.string || f.type === FieldType.time)!;
  const series = frame.fields.filter((f) => f !== x && f.type === FieldType.number && !f.config.custom?.hideFrom?.viz);
  const color = (f: any) => getFieldColorModeForField(f).getCalculator(f, theme)(0, 0);
  const sums = Array.from({ length: frame.length }, (_, i) => series.reduce((sum, f) => sum + (f.values[i] ?? 0), 0));
  const ticks = axis(Math.max(...sums)), most = ticks.at(-1)!;
  const text = (v: number) => formattedValueToString(series[0].display!(v));
  const legendHeight = o.legend?.showLegend === false ? 0 : LEGEND;
  const left = 8 + Math.max(...ticks.map((t) => measureText(text(t), FONT).width)), tall = height - legendHeight - BOTTOM - TOP;
  const slot = (width - left - 8) / frame.length, bar = slot * (o.barWidth ?? 0.97) * (o.groupWidth ?? 0.7), y = (v: number) => TOP + tall * (1 - v / most);
  const labels = x.values.map((v: any) => formattedValueToString(x.display!(v)));
  const every = Math.ceil((Math.max(...labels.map((l: string) => measureText(l, FONT).width)) + 12) / slot);
  return <>
    <svg width={width} height={height - legendHeight} style={{ display: 'block', font: `${FONT}px ${theme.typography.fontFamily}`, fill: theme.colors.text.primary }}>
      {ticks.map((t) => <g key={t}><line x1={left} x2={width} y1={y(t)} y2={y(t)} stroke={theme.colors.border.weak} /><text x={left - 6} y={y(t)} dominantBaseline="central" textAnchor="end">{text(t)}</text></g>)}
      {sums.map((_, i) => { let top = 0; return <g key={i}>
        {series.map((f, k) => { const from = top; top += f.values[i] ?? 0; return <rect key={k} x={left + slot * i + (slot - bar) / 2} width={bar} y={y(top)} height={y(from) - y(top)} fill={color(f)} fillOpacity={(f.config.custom?.fillOpacity ?? 80) / 100} />; })}
        {(frame.length - 1 - i) % every === 0 && <text x={left + slot * (i + 0.5)} y={height - legendHeight - 6} textAnchor="middle">{labels[i]}</text>}
      </g>; })}
    </svg>
    {legendHeight > 0 && <VizLegend displayMode={'list' as any} placement="bottom" items={series.map((f) => ({ label: getFieldDisplayName(f, frame, frames), color: color(f), yAxis: 1 }))} />}
  </>;
}

// axis gives round steps up to a value.
function axis(most: number): number[] {
  const raw = (most || 1) / 4, unit = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 2.5, 5, 10].map((m) => m * unit).find((s) => s >= raw)!;
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, i) => i * step);
}
