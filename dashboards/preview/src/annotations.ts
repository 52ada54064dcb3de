// Events over the graphs: what Grafana's Prometheus data source makes of the
// dashboard's annotation queries, and the lines that its core draws.
import { type DataFrame, type GrafanaTheme2, type TimeRange } from '@grafana/data';
import { type UPlotConfigBuilder } from '@grafana/ui';
import { query } from './query';
import { type Variables } from './variables';

export interface Event { time: number; end: number; color: string }

export async function annotations(list: any[], range: TimeRange, variables: Variables, problems: string[]): Promise<Event[]> {
  const events: Event[] = [];
  for (const a of list.filter((l) => l.enable && l.expr)) {
    try {
      const frames = await query({ refId: 'A', expr: a.expr, interval: a.step ?? '60s' }, { targets: [] }, range, 100, variables);
      const found = frames.flatMap((f) => (a.useValueForTime ? instants(f) : stretches(f)));
      const unique = new Map(found.map((e) => [e.time, { ...e, color: a.iconColor }]));
      events.push(...unique.values());
    } catch (e) { problems.push(`annotation ${a.name}: ${e}`); }
  }
  return events;
}

const instants = ({ fields }: DataFrame) => fields[1].values.map((v: number) => ({ time: Math.floor(v), end: Math.floor(v) }));

// stretches are where the values are not 0, without a gap.
function stretches({ fields: [{ values: times, config }, { values }] }: DataFrame) {
  const found: Array<{ time: number; end: number }> = [];
  times.forEach((time: number, i: number) => {
    const last = found.at(-1);
    if (!values[i]) { return; }
    if (last && time - last.end <= config.interval!) { last.end = time; } else { found.push({ time, end: time }); }
  });
  return found;
}

// mark draws the events' dashed lines and, below them, triangles or, between
// the two ends of a stretch, a bar.
export function mark(builder: UPlotConfigBuilder, events: Event[], theme: GrafanaTheme2): void {
  builder.addHook('draw', (u) => {
    const { ctx, bbox } = u, size = 4 * devicePixelRatio, bottom = bbox.top + bbox.height;
    const line = (x: number) => { ctx.beginPath(); ctx.moveTo(x, bbox.top); ctx.lineTo(x, bottom); ctx.stroke(); };
    ctx.save();
    ctx.lineWidth = 2 * devicePixelRatio;
    ctx.setLineDash([5, 5]);
    for (const { time, end, color } of events.filter((e) => e.time >= u.scales.x.min! && e.time <= u.scales.x.max!)) {
      const x = u.valToPos(time, 'x', true), x2 = u.valToPos(end, 'x', true);
      ctx.strokeStyle = ctx.fillStyle = theme.visualization.getColorByName(color);
      line(x);
      if (x2 > x) {
        line(x2);
        ctx.fillRect(x, bottom, x2 - x, size);
        ctx.globalAlpha = 0.1;
        ctx.fillRect(x, bbox.top, x2 - x, bbox.height);
        ctx.globalAlpha = 1;
      } else {
        ctx.beginPath(); ctx.moveTo(x - size, bottom + size); ctx.lineTo(x + size, bottom + size); ctx.lineTo(x, bottom); ctx.fill();
      }
    }
    ctx.restore();
  });
}
