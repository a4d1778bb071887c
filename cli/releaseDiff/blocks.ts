/** Blocks of Markdown, cut to a number of rows. Their cells are Markdown already. Pure. */

/** @param rows how many at most; says how many were cut */
export function tableBlock(head: string[], body: string[][], rows: number): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  const shown = body.slice(0, rows).map(line);
  const cut = cutNote(body.length, rows);
  return [line(head), line(head.map(() => '---')), ...shown, ...(cut ? ['', cut] : []), ''].join('\n');
}

export function listBlock(items: string[], rows: number): string {
  const cut = cutNote(items.length, rows);
  return [...items.slice(0, rows), ...(cut ? [cut] : [])].map((item) => `- ${item}\n`).join('');
}

/** `a, b, c and 4 more`. */
export function inline(items: string[], rows: number): string {
  const shown = items.slice(0, rows).join(', ');
  return items.length > rows ? `${shown} and ${items.length - rows} more` : shown;
}

function cutNote(length: number, rows: number): string | undefined {
  return length > rows ? `… and ${length - rows} more, cut to keep this short` : undefined;
}
