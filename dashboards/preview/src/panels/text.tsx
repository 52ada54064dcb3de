import { renderMarkdown } from '@grafana/data';
import { type PanelProps } from '.';

export function Text({ panel, replace }: PanelProps) {
  const text = replace(panel.options.content);
  const html = panel.options.mode === 'html' ? text : renderMarkdown(text);
  return <div className="markdown-html" style={{ padding: 8 }} dangerouslySetInnerHTML={{ __html: html }} />;
}
