// Draws one dashboard: /?dashboard=router&theme=dark&from=…&to=…&var-…=….
// What went wrong is left in window.problems, for the one who takes the picture.
import { type DataFrame, type TimeRange, ThemeContext, createTheme, dateMath, dateTime } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { GlobalStyles } from '@grafana/ui';
import { type ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import { annotations } from './annotations';
import { Page, layout } from './page';
import { panels as kinds } from './panels';
import { configure, init, transform } from './process';
import { query, rangeVariables } from './query';
import { type Variables, interpolate, resolve } from './variables';

const problems: string[] = ((window as any).problems = []);
const url = new URLSearchParams(location.search);
const theme = createTheme({ colors: { mode: (url.get('theme') ?? 'dark') as any } });

export interface Drawn { panel: any; frames: DataFrame[]; range: TimeRange; error?: string }

async function main() {
  const root = createRoot(document.getElementById('root')!);
  // The styles stay as they are while panels come: new ones would load their fonts again.
  const render = (page?: ReactNode) => root.render(<ThemeContext.Provider value={theme}><GlobalStyles />{page}</ThemeContext.Provider>);
  render();
  await Promise.all([400, 500].map(font)); // by which panels are measured
  await initPluginTranslations('grafana-ui', []);
  init();
  const dashboard = await (await fetch(`/dashboards/${url.get('dashboard')}.json`)).json();
  const range = timeRange(url.get('from') ?? dashboard.time.from, dashboard.time.to);
  const variables = rangeVariables(range);
  await resolve(dashboard.templating.list, url, variables, range, problems);
  const drawn: Drawn[] = await Promise.all(dashboard.panels.map((p: any) => draw(p, range, variables)));
  const events = await annotations(dashboard.annotations.list, range, variables, problems);
  render(<Page dashboard={dashboard} drawn={drawn} events={events} range={range} variables={variables} theme={theme} />);
  setTimeout(() => ((window as any).ready = true), 1500); // graphs are drawn on later frames
}

// font loads one that the styles name, as soon as they do.
async function font(weight: number) {
  while (!(await document.fonts.load(`${weight} 12px Inter`)).length) { await new Promise((later) => setTimeout(later, 20)); }
}

async function draw(panel: any, dashboardRange: TimeRange, variables: Variables): Promise<Drawn> {
  const range = panel.timeFrom ? timeRange(`now-${panel.timeFrom}`, 'now') : dashboardRange;
  if (panel.type === 'row') { return { panel, frames: [], range }; }
  const complain = (what: unknown) => problems.push(`${panel.title}: ${what}`);
  try {
    if (!kinds[panel.type]) { throw new Error(`panels of type ${panel.type} are not drawn here`); }
    const replace = (s: string) => interpolate(s, variables);
    const answers = await Promise.all(panel.targets.map((t: any) => query(t, panel, range, layout(panel).width, variables)));
    answers.forEach((frames: DataFrame[], i: number) => {
      if (!frames.some((f) => f.length > 0)) { complain(`query ${panel.targets[i].refId} has no data`); }
    });
    const frames = configure(await transform(panel.transformations, answers.flat(), replace), panel.fieldConfig, theme, replace);
    if (!frames.some((f) => f.length > 0)) { complain('is empty'); }
    return { panel, frames, range };
  } catch (e) {
    complain(e);
    return { panel, frames: [], range, error: String(e) };
  }
}

function timeRange(from: string, to: string): TimeRange {
  const parse = (text: string) => dateMath.toDateTime(text, { timezone: 'utc' } as any) ?? dateTime();
  return { from: parse(from), to: parse(to), raw: { from, to } };
}

main().catch((e) => { problems.push(String(e?.stack ?? e)); (window as any).ready = true; });
