/** A picture in Graphviz's DOT. Pure. */
import { NodeKind, Picture } from '../picture';

/** Pale boxes with dark text, and lines of a grey with a contrast of 4 to 1 on white and on black: it has no background. */
const LINE = '#7d8590';
const STYLES: Record<NodeKind, { shape: string; fillcolor: string; color: string }> = {
  source: { shape: 'folder', fillcolor: '#f6f8fa', color: '#57606a' },
  tree: { shape: 'box3d', fillcolor: '#f6f8fa', color: '#57606a' },
  package: { shape: 'note', fillcolor: '#ddf4ff', color: '#0969da' },
  repository: { shape: 'cylinder', fillcolor: '#dafbe1', color: '#1a7f37' },
  image: { shape: 'component', fillcolor: '#fbefff', color: '#8250df' },
  tag: { shape: 'cds', fillcolor: '#fff8c5', color: '#9a6700' },
};

export function pictureDot({ nodes, edges }: Picture): string {
  return [
    'digraph release {',
    '  graph [rankdir=LR bgcolor=transparent nodesep=0.12 ranksep=0.7 pad=0.2]',
    '  node [fontname="Helvetica" fontsize=12 fontcolor="#1f2328" style=filled height=0.35 margin="0.22,0.06"]',
    `  edge [color=${quoted(LINE)} arrowsize=0.6]`,
    ...nodes.map(({ resource, kind, label }) => {
      const { shape, fillcolor, color } = STYLES[kind];
      const text = label.map(escaped).join('\\n');
      return `  ${quoted(resource)} [label="${text}" shape=${shape} fillcolor=${quoted(fillcolor)} color=${quoted(color)}]`;
    }),
    ...edges.map(([from, to]) => `  ${quoted(from)} -> ${quoted(to)}`),
    '}',
    '',
  ].join('\n');
}

/** Inside of a double-quoted string of DOT; a backslash begins escapes of labels. */
const escaped = (text: string) => text.replace(/["\\]/g, '\\$&');
const quoted = (text: string) => `"${escaped(text)}"`;
