/** A reader for the small XML of repository metadata, independent of the writers under test. */
export interface Element {
  name: string;
  attributes: Record<string, string>;
  text: string;
  children: Element[];
}

const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decode(text: string): string {
  return text.replace(/&(#x?[0-9a-fA-F]+|\w+);/g, (_, name: string) =>
    name.startsWith('#x')
      ? String.fromCodePoint(parseInt(name.slice(2), 16))
      : name.startsWith('#')
        ? String.fromCodePoint(Number(name.slice(1)))
        : entities[name],
  );
}

export function parseXml(source: string): Element {
  const root: Element = { name: '', attributes: {}, text: '', children: [] };
  const open = [root];
  for (const [, tag, text] of source.replace(/<\?[^>]*\?>/g, '').matchAll(/<([^>]*)>|([^<]+)/g)) {
    const current = open[open.length - 1];
    if (text !== undefined) current.text += decode(text);
    else if (tag.startsWith('/')) open.pop();
    else {
      const attributes = Object.fromEntries(
        [...tag.matchAll(/([\w:]+)="([^"]*)"/g)].map(([, key, value]) => [key, decode(value)]),
      );
      const element: Element = { name: /^[\w:]+/.exec(tag)?.[0] ?? '', attributes, text: '', children: [] };
      current.children.push(element);
      if (!tag.endsWith('/')) open.push(element);
    }
  }
  return root.children[0];
}

/** The tree as plain data: elements with children lose the white space between these. */
export function plain(element: Element): unknown {
  const { name, attributes, text, children } = element;
  return { name, attributes, ...(children.length > 0 ? { children: children.map(plain) } : { text }) };
}
