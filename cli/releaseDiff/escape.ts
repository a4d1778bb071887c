/**
 * Text of others (versions, paths, messages) inside Markdown as GitHub renders it: a table cell stays one cell, and no
 * HTML, link, mention or code fence begins in it. Pure.
 */

/** Longest text of one cell, in characters; what is longer is cut in the middle. */
const LONGEST = 300;

/** Control characters, and those that turn the direction of writing (CVE-2021-42574). */
const INVISIBLE =
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Stands in backticks as it is: nothing in it ends code, a cell or a line. */
const SIMPLE = /^[A-Za-z0-9_./:@#%+=,;()[\]{}<>~^*!?&$'"-]+( [A-Za-z0-9_./:@#%+=,;()[\]{}<>~^*!?&$'"-]+)*$/;

function oneLine(text: string): string {
  const line = text.replace(INVISIBLE, '\ufffd').replace(/\s+/g, ' ').trim();
  if (line.length <= LONGEST) return line;
  const half = LONGEST / 2 - 1;
  // Not in the middle of a surrogate pair.
  const trimmed = (part: string) => part.replace(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, '');
  return `${trimmed(line.slice(0, half))} … ${trimmed(line.slice(-half))}`;
}

const entity = (character: string) => `&#${character.codePointAt(0)};`;

/** A name, path or digest, as code. */
export function code(text: string): string {
  const line = oneLine(text);
  if (line === '') return '<code></code>';
  if (SIMPLE.test(line)) return `\`${line}\``;
  return `<code>${line.replace(/[^A-Za-z0-9 ]/gu, entity)}</code>`;
}

/** Where GitHub would begin a link or emphasis, and whatever else is no plain text. */
const SPECIAL = /:(?=\/\/)|(?<=www)\.|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|[^A-Za-z0-9 _.,:;!?()'"/%=+-]/giu;

/** A sentence, as text. */
export function prose(text: string): string {
  return oneLine(text).replace(SPECIAL, entity);
}
