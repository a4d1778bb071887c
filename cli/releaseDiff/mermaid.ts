/** A picture in Mermaid, coloured by what changes. Pure. */
import { NodeKind, Picture } from '../../picture';

export type Colour = 'same' | 'added' | 'changed' | 'removed';

/** Dark text on pale boxes: readable on a white and on a dark page. */
const CLASSES: Record<Colour, string> = {
  same: 'fill:#f6f8fa,stroke:#8c959f,color:#57606a',
  added: 'fill:#dafbe1,stroke:#1a7f37,stroke-width:2px,color:#1f2328',
  changed: 'fill:#fff8c5,stroke:#9a6700,stroke-width:2px,color:#1f2328',
  removed: 'fill:#ffebe9,stroke:#cf222e,stroke-width:2px,stroke-dasharray:4,color:#1f2328',
};

const SHAPES: Record<NodeKind, [string, string]> = {
  source: ['([', '])'],
  tree: ['[[', ']]'],
  package: ['[', ']'],
  repository: ['[(', ')]'],
  image: ['{{', '}}'],
  tag: ['>', ']'],
};

/** @param colourOf the colour of a resource */
export function mermaid({ nodes, edges }: Picture, colourOf: (resource: string) => Colour): string {
  const ids = new Map(nodes.map(({ resource }, index) => [resource, `n${index}`]));
  const colours = Object.keys(CLASSES) as Colour[];
  return [
    'flowchart LR',
    ...nodes.map(({ resource, kind, label }) => {
      const [open, close] = SHAPES[kind];
      return `  ${ids.get(resource)}${open}"${label.map(escaped).join('<br>')}"${close}:::${colourOf(resource)}`;
    }),
    ...edges.map(([from, to]) => `  ${ids.get(from)} --> ${ids.get(to)}`),
    ...colours
      .filter((colour) => nodes.some(({ resource }) => colourOf(resource) === colour))
      .map((colour) => `  classDef ${colour} ${CLASSES[colour]}`),
    '',
  ].join('\n');
}

/** Mermaid's own entities: whatever is no plain letter is written by its number. */
const escaped = (text: string) =>
  text.replace(/[^A-Za-z0-9 ._:/-]/gu, (character) => `#${character.codePointAt(0)};`);
