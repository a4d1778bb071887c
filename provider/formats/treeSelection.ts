/** Which entries of an install tree go into a package, under which path, mode and role. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { TreeSelection } from '../../model';

/** An entry of a package. `path` has no leading slash; directories have no trailing one. */
export interface PackageEntry {
  path: string;
  type: 'file' | 'directory' | 'symlink';
  /** 0o755 for directories and for files that anyone may execute, else 0o644. */
  mode: number;
  /** A configuration file: kept on upgrade. */
  config: boolean;
  content: { file: string } | { text: Buffer } | { target: string } | undefined;
}

/** Unicode code point order, the same on every machine. */
export const byPath = (a: { path: string }, b: { path: string }) =>
  a.path < b.path ? -1 : a.path > b.path ? 1 : 0;

/** Every entry below `root`, sorted by path. Modes are normalised, owner and mtime are not read. */
export async function walk(root: string, below = ''): Promise<PackageEntry[]> {
  const found: PackageEntry[] = [];
  for (const entry of await fs.readdir(path.join(root, below), { withFileTypes: true })) {
    const name = path.posix.join(below, entry.name);
    const file = path.join(root, name);
    const base = { path: name, config: false };
    if (entry.isDirectory()) {
      found.push({ ...base, type: 'directory', mode: 0o755, content: undefined });
      found.push(...(await walk(root, name)));
    } else if (entry.isSymbolicLink()) {
      found.push({ ...base, type: 'symlink', mode: 0o777, content: { target: await fs.readlink(file) } });
    } else if (entry.isFile()) {
      const mode = (await fs.stat(file)).mode & 0o111 ? 0o755 : 0o644;
      found.push({ ...base, type: 'file', mode, content: { file } });
    } else {
      throw new Error(
        `${file} is neither file, directory nor symbolic link; the install tree must not hold it`,
      );
    }
  }
  return found.sort(byPath);
}

/**
 * The entries that the rules select, sorted, with the directories above them. A rule is matched against the
 * path without leading slash, a directory's with a trailing one; the first that matches decides.
 * Throws when a rule that is not `optional` matches nothing, and when two entries get the same path.
 */
export function select(entries: PackageEntry[], rules: TreeSelection[], where: string): PackageEntry[] {
  const compiled = rules.map((rule) => ({ rule, match: new RegExp(rule.match), used: false }));
  const selected = new Map<string, PackageEntry>();
  for (const entry of entries) {
    const tested = entry.type === 'directory' ? `${entry.path}/` : entry.path;
    const matching = compiled.filter(({ match }) => match.test(tested));
    // Also a rule that is never the first one to match has found what it names.
    for (const rule of matching) rule.used = true;
    if (matching.length === 0) continue;
    const { rule } = matching[0];
    const renamed = rule.strip ? tested.replace(new RegExp(rule.strip), rule.to ?? '') : tested;
    const target = renamed.replace(/\/$/, '');
    if (target === '') continue; // The very directory that is stripped.
    const present = selected.get(target);
    if (present && !(present.type === 'directory' && entry.type === 'directory')) {
      throw new Error(`${where}: two files of the tree would both become ${target}`);
    }
    selected.set(target, { ...entry, path: target, config: (rule.config ?? false) && entry.type === 'file' });
  }
  const missing = compiled.filter(({ rule, used }) => !used && !rule.optional);
  if (missing.length > 0) {
    const list = missing.map(({ rule }) => rule.match).join(', ');
    throw new Error(`${where}: the tree has nothing that matches ${list}`);
  }
  return withParents([...selected.values()]);
}

/** Adds the directories above each entry, and sorts. */
export function withParents(entries: PackageEntry[]): PackageEntry[] {
  const all = new Map(entries.map((entry) => [entry.path, entry]));
  for (const entry of entries) {
    for (let parent = path.posix.dirname(entry.path); parent !== '.'; parent = path.posix.dirname(parent)) {
      if (!all.has(parent)) {
        all.set(parent, { path: parent, type: 'directory', mode: 0o755, config: false, content: undefined });
      }
    }
  }
  return [...all.values()].sort(byPath);
}
