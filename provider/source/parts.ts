/** Which part of the product a path belongs to, and one hash per part. Pure. */
import { createHash } from 'node:crypto';
import type { Part, PartRule } from '../../model';
import type { SourceFile } from './files';

export const PARTS: Part[] = ['binary', 'rules', 'module', 'bpf', 'driver', 'recipe', 'tests', 'docs'];
export type PartHashes = Record<Part, string>;

/** First matching rule; a path that none names is `binary`, so that a preview never under-reports. */
export function partOf(file: string, rules: PartRule[]): Part {
  return rules.find((rule) => new RegExp(rule.match).test(file))?.part ?? 'binary';
}

/** Hash of paths, modes and contents, by part. `prefix` keeps the files of several sources apart. */
export function hashParts(sources: { prefix: string; files: SourceFile[] }[], rules: PartRule[]): PartHashes {
  const sums = new Map(PARTS.map((part) => [part, createHash('sha256')]));
  for (const { prefix, files } of sources) {
    for (const file of files) {
      const line = `${prefix}${file.path}\0${file.type}\0${file.mode.toString(8)}\0${file.sha256}\n`;
      sums.get(partOf(file.path, rules))?.update(line);
    }
  }
  return Object.fromEntries([...sums].map(([part, sum]) => [part, sum.digest('hex')])) as PartHashes;
}

/** One hash over any plain values, by their JSON with sorted keys. */
export function hashOf(...values: unknown[]): string {
  return createHash('sha256').update(JSON.stringify(values, sortKeys)).digest('hex');
}

/** For `JSON.stringify`: the same values are the same text. */
export function sortKeys(_: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
