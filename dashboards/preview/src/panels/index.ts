import { type DataFrame, type GrafanaTheme2, type TimeRange } from '@grafana/data';
import { type ReactElement } from 'react';
import { type Event } from '../annotations';
import { BarChart } from './barchart';
import { BarGauge, Stat } from './values';
import { StateTimeline } from './timeline';
import { Table } from './table';
import { Text } from './text';
import { TimeSeries } from './timeseries';

export interface PanelProps {
  panel: any; frames: DataFrame[]; events: Event[]; width: number; height: number;
  theme: GrafanaTheme2; range: TimeRange; replace: (s: string) => string;
}

export const panels: Record<string, (p: PanelProps) => ReactElement> = {
  barchart: BarChart, bargauge: BarGauge, stat: Stat, 'state-timeline': StateTimeline, table: Table, text: Text, timeseries: TimeSeries,
};
