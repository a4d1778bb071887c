/** Values written for a shell to read. */

/** One word of a POSIX shell. */
export const quote = (text: string) => `'${text.replace(/'/g, `'\\''`)}'`;

export type Setting = string | number | string[];

/** A file of assignments that bash reads with `.`; a list becomes an array. */
export function assignments(settings: Record<string, Setting>): string {
  const lines = Object.entries(settings).map(([name, value]) =>
    Array.isArray(value) ? `${name}=(${value.map(quote).join(' ')})` : `${name}=${quote(String(value))}`,
  );
  return [...lines, ''].join('\n');
}
