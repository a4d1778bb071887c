/** A text as blocks, and the two ways it is written: Markdown, and plain text for mail. Pure. */

export type Block =
  | { heading: string }
  /** A paragraph. Backticks mark names and commands. */
  | { text: string }
  /** Markdown of others, as it stands. */
  | { markdown: string }
  | { list: string[] }
  /** Old name, new name, and what becomes of the old one. */
  | { names: [string, string, string][] }
  | { commands: string[]; language?: string };

/** Columns of a mail (RFC 5322 recommends at most 78, quoting takes some). */
export const COLUMNS = 72;

export function markdown(blocks: Block[]): string {
  return `${blocks.map(markdownBlock).join('\n\n')}\n`;
}

function markdownBlock(block: Block): string {
  if ('heading' in block) return `## ${block.heading}`;
  if ('text' in block) return block.text;
  if ('markdown' in block) return block.markdown;
  if ('list' in block) return block.list.map((item) => `- ${item}`).join('\n');
  if ('commands' in block) return ['```' + (block.language ?? 'sh'), ...block.commands, '```'].join('\n');
  const rows = block.names.map(([was, now, what]) => `| \`${was}\` | \`${now}\` | ${what} |`);
  return ['| before | now | the old name |', '| --- | --- | --- |', ...rows].join('\n');
}

/** Lines of at most `COLUMNS`; only a single word that is longer goes over. */
export function plainText(blocks: Block[]): string {
  return `${blocks.map((block) => plainBlock(block).join('\n')).join('\n\n')}\n`;
}

function plainBlock(block: Block): string[] {
  const bare = (text: string) => text.replace(/`/g, '');
  if ('heading' in block) return [block.heading, '-'.repeat(block.heading.length)];
  if ('text' in block) return wrap(bare(block.text));
  if ('markdown' in block) return plainMarkdown(block.markdown);
  if ('list' in block) return block.list.flatMap((item) => wrap(bare(item), '- ', '  '));
  if ('commands' in block) return block.commands.flatMap(plainCommand);
  return block.names.flatMap(([was, now, what]) => [
    `  ${was}`,
    ...wrap(`${now} (${what})`, '    -> ', '       '),
  ]);
}

/** Headings are underlined, lines of a paragraph or an item joined and wrapped; code and the rest stays as it is. */
function plainMarkdown(text: string): string[] {
  const lines: string[] = [];
  let part: { first: string; words: string } | undefined;
  let isCode = false;
  const end = () => {
    if (part) lines.push(...wrap(part.words, part.first, ' '.repeat(part.first.length)));
    part = undefined;
  };
  for (const line of text.split('\n')) {
    const [, heading] = /^#{1,6} +(.+?) *#*$/.exec(line) ?? [];
    const [, first = '', words = ''] = /^( *(?:(?:[-*+]|\d+\.) +)?)(.*)$/.exec(line) ?? [];
    const isFence = /^ *(```|~~~)/.test(line);
    if (isFence || isCode || heading !== undefined || words === '') {
      end();
      if (heading !== undefined && !isCode) lines.push(heading, '-'.repeat(heading.length));
      else lines.push(line.trimEnd());
      if (isFence) isCode = !isCode;
    } else if (part === undefined || first.trim() !== '') {
      end();
      part = { first, words };
    } else part.words += ` ${words}`;
  }
  end();
  return lines;
}

/** One that is too long goes on after a backslash, as a shell takes it. */
function plainCommand(command: string): string[] {
  const lines = wrap(command, '    ', '      ', COLUMNS - 2);
  return lines.map((line, index) => (index < lines.length - 1 ? `${line} \\` : line));
}

function wrap(text: string, first = '', rest = first, columns = COLUMNS): string[] {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (!isEmpty && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = rest;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}
