import { TableNG } from '@grafana/ui/unstable';
import { type PanelProps } from '.';

export function Table({ panel, frames, width, height, range }: PanelProps) {
  const o = panel.options;
  return <TableNG data={frames[o.frameIndex ?? 0]} width={width} height={height} sortBy={o.sortBy} cellHeight={o.cellHeight}
    noHeader={!o.showHeader} fieldConfig={panel.fieldConfig} timeRange={range} enableVirtualization={false} />;
}
