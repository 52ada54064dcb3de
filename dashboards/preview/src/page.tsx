// The page around the panels, as Grafana lays it out: a grid of 24 columns, or
// one panel below the other on a narrow screen.
import { type GrafanaTheme2, type TimeRange } from '@grafana/data';
import { Icon, PanelChrome } from '@grafana/ui';
import { type Event } from './annotations';
import { type Drawn } from './main';
import { panels } from './panels';
import { type Variables, interpolate } from './variables';

const CELL = 30, GAP = 8, MARGIN = 16, NARROW = 769;
const narrow = innerWidth < NARROW;
const width = innerWidth - 2 * MARGIN;

export function layout({ gridPos: { x, w, h } }: any): { left: number; width: number; height: number } {
  const cell = (width + GAP) / 24;
  return { left: narrow ? 0 : x * cell, width: narrow ? width : w * cell - GAP, height: h * (CELL + GAP) - GAP };
}

// tops are where the panels begin: on a narrow screen each below the one before.
function tops(all: Drawn[]): { top: Map<any, number>; end: number } {
  const top = new Map<any, number>();
  let end = 0;
  const order = [...all].sort((a, b) => a.panel.gridPos.y - b.panel.gridPos.y || a.panel.gridPos.x - b.panel.gridPos.x);
  for (const { panel } of order) {
    top.set(panel, narrow ? end : panel.gridPos.y * (CELL + GAP));
    end = Math.max(end, top.get(panel)! + layout(panel).height + GAP);
  }
  return { top, end };
}

interface PageProps { dashboard: any; drawn: Drawn[]; events: Event[]; range: TimeRange; variables: Variables; theme: GrafanaTheme2 }

export function Page(props: PageProps) {
  const { drawn, theme } = props, { top, end } = tops(drawn);
  return <div style={{ padding: MARGIN, background: theme.colors.background.canvas, color: theme.colors.text.primary }}>
    <Toolbar {...props} />
    <div style={{ position: 'relative', height: end }}>
      {drawn.map((d) => <div key={d.panel.id} style={{ position: 'absolute', top: top.get(d.panel), ...layout(d.panel) }}>
        {d.panel.type === 'row' ? <Row title={d.panel.title} collapsed={d.panel.collapsed} /> : <Panel {...props} drawn={d} />}
      </div>)}
    </div>
  </div>;
}

function Toolbar({ dashboard, variables, range, theme }: PageProps) {
  const label = { background: theme.colors.background.secondary, padding: '6px 8px', fontSize: 12, fontWeight: 500 };
  const box = { border: `1px solid ${theme.components.input.borderColor}`, borderRadius: theme.shape.radius.default, background: theme.components.input.background, whiteSpace: 'nowrap' as const, lineHeight: '28px' };
  return <div style={{ display: 'flex', flexWrap: 'wrap', gap: '8px 12px', alignItems: 'center', marginBottom: 12 }}>
    <h4 style={{ margin: 0 }}>{dashboard.title}</h4>
    {Object.values(variables).filter((v) => !v.hidden).map((v) => <span key={v.name} style={box}><span style={label}>{v.label}</span><span style={{ padding: '6px 8px' }}>{v.text} ▾</span></span>)}
    <span style={{ flex: 1 }} />
    {dashboard.links.map((l: any) => <a key={l.title} style={{ color: theme.colors.text.link, whiteSpace: 'nowrap' }}><Icon name={l.icon === 'dashboard' ? 'apps' : 'external-link-alt'} /> {l.title}</a>)}
    <span style={{ ...box, padding: '0 8px' }}><Icon name="clock-nine" /> {range.from.utc().format('YYYY-MM-DD HH:mm')} to {range.to.utc().format('HH:mm')}</span>
  </div>;
}

const Row = ({ title, collapsed }: { title: string; collapsed: boolean }) =>
  <div style={{ display: 'flex', alignItems: 'center', gap: 8, height: CELL, fontWeight: 500 }}><Icon name={collapsed ? 'angle-right' : 'angle-down'} />{title}</div>;

function Panel({ drawn: { panel, frames, range, error }, events, variables, theme }: Omit<PageProps, 'drawn'> & { drawn: Drawn }) {
  const replace = (s: string) => interpolate(s, variables), Kind = panels[panel.type];
  return <PanelChrome {...layout(panel)} title={replace(panel.title)} description={panel.description} statusMessage={error}
    displayMode={panel.transparent ? 'transparent' : 'default'} hoverHeader={false}
    titleItems={panel.timeFrom && !panel.hideTimeOverride ? <span style={{ color: theme.colors.text.secondary, fontSize: 12 }}><Icon name="clock-nine" size="sm" /> Last {panel.timeFrom}</span> : undefined}>
    {(width, height) => Kind && frames.length
      ? <Kind panel={panel} frames={frames} events={events} width={width} height={height} theme={theme} range={range} replace={replace} />
      : <div>No data</div>}
  </PanelChrome>;
}
