import { type TimeRange, applyNullInsertThreshold, outerJoinDataFrames } from '@grafana/data';
import { TimeSeries as Graph } from '@grafana/ui';
import { mark } from '../annotations';
import { type PanelProps } from '.';

// The package's own join drops display names, which colours by name need;
// Grafana's core keeps them.
const join = (range: TimeRange) => (frames: any[], by: any) => outerJoinDataFrames({
  frames: frames.map((frame) => applyNullInsertThreshold({ frame, refFieldName: 'Time', refFieldPseudoMin: range.from.valueOf(), refFieldPseudoMax: range.to.valueOf() })),
  joinBy: by.x, keep: by.y, keepOriginIndices: true, keepDisplayNames: true,
}) ?? null;

export function TimeSeries({ panel, frames, events, width, height, theme, range }: PanelProps) {
  return <Graph frames={frames} preparePlotFrame={join(range)} structureRev={1} timeRange={range} timeZone="utc"
    width={width} height={height} legend={panel.options.legend} options={panel.options}>
    {(builder: any) => { mark(builder, events, theme); return null; }}
  </Graph>;
}
