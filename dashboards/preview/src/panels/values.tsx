// Panels that show one value for each series.
import { VizOrientation, getDisplayValueAlignmentFactors, getFieldDisplayValues } from '@grafana/data';
import { BarGauge as Bar, BigValue, VizRepeater } from '@grafana/ui';
import { type PanelProps } from '.';

const values = ({ panel, frames, theme, replace, range }: PanelProps, sparkline: boolean) => getFieldDisplayValues({
  fieldConfig: panel.fieldConfig, reduceOptions: panel.options.reduceOptions, data: frames, sparkline, theme,
  replaceVariables: replace, timeZone: 'utc',
}).map((v) => ({ ...v, sparkline: v.sparkline && { ...v.sparkline, timeRange: range } }));

// Repeated lays the values out as all of these panels do.
function Repeated({ props, get, render, ...layout }: { props: PanelProps; get: () => any[]; render: (v: any) => any } & Record<string, any>) {
  return <VizRepeater getValues={get} renderValue={render} getAlignmentFactors={getDisplayValueAlignmentFactors as any}
    source={props.frames} renderCounter={0} width={props.width} height={props.height}
    orientation={props.panel.options.orientation ?? VizOrientation.Auto} {...layout} />;
}

export function Stat(props: PanelProps) {
  const o = props.panel.options;
  return <Repeated props={props} get={() => values(props, o.graphMode !== 'none')} itemSpacing={3} autoGrid
    render={({ value, width, height, count, alignmentFactors }) => <BigValue value={value.display} sparkline={value.sparkline}
      count={count} alignmentFactors={alignmentFactors} colorMode={o.colorMode} graphMode={o.graphMode} justifyMode={o.justifyMode}
      textMode={o.textMode} text={o.text} width={width} height={height} theme={props.theme} disableWideLayout={!o.wideLayout} />} />;
}

export function BarGauge(props: PanelProps) {
  const o = props.panel.options;
  const limits = o.sizing === 'manual' ? { minVizHeight: o.minVizHeight, maxVizHeight: o.maxVizHeight, minVizWidth: o.minVizWidth } : { minVizHeight: 16, maxVizHeight: 300, minVizWidth: 8 };
  return <Repeated props={props} get={() => values(props, false)} itemSpacing={10} {...limits}
    render={({ value, width, height, orientation, alignmentFactors }) => <Bar value={value.display} field={value.field}
      display={value.view?.getFieldDisplayProcessor(value.colIndex)} width={width} height={height} orientation={orientation}
      theme={props.theme} itemSpacing={10} lcdCellWidth={8} displayMode={o.displayMode} showUnfilled={o.showUnfilled}
      valueDisplayMode={o.valueMode} namePlacement={o.namePlacement} text={o.text} alignmentFactors={alignmentFactors} />} />;
}
