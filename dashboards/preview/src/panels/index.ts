import { type DataFrame, type GrafanaTheme2, type TimeRange } from '@grafana/data';
import { type ReactElement } from 'react';
import { type Event } from '../annotations';
import { BarGauge, Stat } from './values';
import { StateTimeline } from './timeline';
import { Table } from './table';
import { TimeSeries } from './timeseries';

export interface PanelProps {
  panel: any; frames: DataFrame[]; events: Event[]; width: number; height: number;
  theme: GrafanaTheme2; range: TimeRange; replace: (s: string) => string;
}

export const panels: Record<string, (p: PanelProps) => ReactElement> = {
  bargauge: BarGauge, stat: Stat, 'state-timeline': StateTimeline, table: Table, timeseries: TimeSeries,
};
