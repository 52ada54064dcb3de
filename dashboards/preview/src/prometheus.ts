// Prometheus' HTTP interface.
import { type TimeRange } from '@grafana/data';

export interface Series { labels: Record<string, string>; points: Array<[number, string]> }

async function get(endpoint: string, parameters: Record<string, string | number | undefined>): Promise<any> {
  const given = Object.entries(parameters).filter(([, v]) => v !== undefined) as string[][];
  const answer = await (await fetch(`/prometheus/api/v1/${endpoint}?${new URLSearchParams(given)}`)).json();
  if (answer.status !== 'success') { throw new Error(answer.error); }
  return answer.data;
}

export async function instant(query: string, time: number): Promise<Series[]> {
  const { resultType, result } = await get('query', { query, time });
  if (resultType === 'scalar') { return [{ labels: {}, points: [result] }]; }
  return result.map((s: any) => ({ labels: s.metric, points: [s.value] }));
}

export async function range(query: string, start: number, end: number, step: number): Promise<Series[]> {
  const { result } = await get('query_range', { query, start, end, step });
  return result.map((s: any) => ({ labels: s.metric, points: s.values }));
}

export const labelValues = (label: string, match: string | undefined, { from, to }: TimeRange): Promise<string[]> =>
  get(`label/${label}/values`, { 'match[]': match, start: from.unix(), end: to.unix() });
