/** What becomes of the apt, yum and download indexes: files in, files out, unversioned names, versions withdrawn. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type { Seen } from './events';
import { Change } from './packages';
import { isUnknown, table, tables, text, texts } from './values';

/** A file that comes, and the further names that it has. */
export interface AddedFile {
  file: string;
  aliases: string[];
}

export interface IndexChange {
  resource: string;
  /** `apt`, `yum` or `downloads`. */
  kind: string;
  prefix: Change;
  status: 'new' | 'changed' | 'removed';
  /** Files of the release that it has not had before. */
  added: AddedFile[];
  /** Files that get other bytes: sha256, `to` only where it is known. */
  rebuilt: ({ file: string } & Change)[];
  /** Files that stay as they were published, with the signature that they have. */
  kept: string[];
  /** Files that are taken away. */
  expired: string[];
  /** Names without a version that stand for another file. */
  latest: ({ name: string } & Change)[];
  /** Versions that it offers no more, and those that it offers again. */
  withdrawn: string[];
  restored: string[];
  /** What a refresh found, and this update repairs. */
  problems: string[];
  /** Other keys sign it. */
  isSignedAnew: boolean;
  /** Lists of it that only the update will know. */
  unknown: string[];
}

const KINDS: Record<string, string> = {
  'artifacts:index:AptRepository': 'apt',
  'artifacts:index:YumRepository': 'yum',
  'artifacts:index:Downloads': 'downloads',
};

export const isIndex = ({ type }: Seen) => Object.hasOwn(KINDS, type);

/** @param resigned files that are rebuilt for another key's signature alone: the published ones stay then */
export function indexChanges(resources: Seen[], resigned: string[] = []): IndexChange[] {
  return resources
    .filter((one) => isIndex(one) && one.operation !== 'same')
    .map((one) => indexChange(one, resigned));
}

function indexChange({ name, type, operation, old, new: after }: Seen, resigned: string[]): IndexChange {
  const isGone = operation === 'delete';
  const had = new Set(tables(old, 'packages').map((one) => text(one, 'fileName')));
  const again = rebuilt(after);
  const out = new Set(again.map(({ file }) => file));
  const minus = (all: string[], without: string[]) => all.filter((one) => !without.includes(one));
  const [before, now] = [texts(old, 'withdrawn'), texts(after, 'withdrawn')];
  return {
    resource: name,
    kind: KINDS[type] ?? type,
    prefix: { from: text(old, 'prefix'), to: text(after, 'prefix') },
    status: isGone ? 'removed' : operation === 'create' ? 'new' : 'changed',
    added: tables(after, 'packages')
      .map((one) => ({ file: text(one, 'fileName') ?? '', aliases: texts(one, 'aliases') }))
      // A version that was out before comes back into the release, and not into the index.
      .filter(({ file }) => file !== '' && !had.has(file) && !out.has(file))
      .sort((a, b) => (a.file < b.file ? -1 : 1)),
    rebuilt: again.filter(({ file }) => !resigned.includes(file)),
    kept: again.flatMap(({ file }) => (resigned.includes(file) ? [file] : [])),
    expired: texts(after, 'expired').sort(),
    latest: isGone ? [] : latest(old, after),
    withdrawn: minus(now, before),
    restored: isGone ? [] : minus(before, now),
    problems: isGone ? [] : texts(old, 'problems'),
    isSignedAnew:
      operation === 'update' &&
      (text(table(old, 'signing'), 'fingerprint') !== text(table(after, 'signing'), 'fingerprint') ||
        !isDeepStrictEqual(texts(old, 'indexKeys'), texts(after, 'indexKeys'))),
    unknown: ['packages', 'latest', 'expired', 'rebuilt'].filter((field) => isUnknown(after, field)),
  };
}

/** The provider says `old => new`, or `old => to be built` (provider/resources/repository.ts). */
export function rebuilt(after: Seen['new']): IndexChange['rebuilt'] {
  const found = table(after, 'rebuilt');
  return Object.keys(found)
    .sort()
    .map((file) => {
      const [from, to] = (text(found, file) ?? '').split(' => ');
      const known = (digest: string | undefined) =>
        /^[0-9a-f]{64}$/.test(digest ?? '') ? digest : undefined;
      return { file, from: known(from), to: known(to) };
    });
}

function latest(old: Seen['old'], after: Seen['new']): IndexChange['latest'] {
  if (isUnknown(after, 'latest')) return [];
  const [before, now] = [table(old, 'latest'), table(after, 'latest')];
  return [...new Set([...Object.keys(before), ...Object.keys(now)])]
    .sort()
    .map((name) => ({ name, from: text(before, name), to: text(now, name) }))
    .filter(({ from, to }) => from !== to);
}
