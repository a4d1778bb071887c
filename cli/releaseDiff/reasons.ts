/**
 * Why a resource changes, in words of a release. The engine does not say what differs in a resource of ours, so the
 * inputs of before and after are compared. Pure.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Seen } from './events';
import { Fields, isUnknown, table, UNKNOWN } from './values';

/** Inputs of packages, trees and bases whose change says something to a reader, by what it says. */
const WORDS: Record<string, string> = {
  version: 'version',
  epoch: 'date',
  recipe: 'packaging',
  architecture: 'architecture',
  cmakeArgs: 'CMake arguments',
  row: 'base',
  from: 'base',
  pinned: 'packages of the distribution',
  took: 'where it comes from',
  repository: 'repository',
  bucket: 'bucket',
};

const BUILD_ARGUMENTS: Record<string, string> = {
  VERSION: 'version',
  USAGE: 'usage text',
  SOURCE_DATE_EPOCH: 'date',
  LIBRARIES: 'libraries',
};

export const SIGNING_KEY = 'signing key';

/** Each once, in order; none for what is new. */
export function reasons(resource: Seen): string[] {
  const { type, operation, old, new: after } = resource;
  if (operation === 'create') return [];
  const found = type === 'docker-build:index:Image' ? imageReasons(resource) : ownReasons(old, after);
  return [...new Set(found)].sort();
}

function ownReasons(old: Fields, after: Fields): string[] {
  const words = Object.entries(WORDS).flatMap(([field, word]) => (differs(old, after, field) ? [word] : []));
  const isResigned = differs(table(old, 'signing'), table(after, 'signing'), 'fingerprint');
  const others = [...words, ...(isResigned ? [SIGNING_KEY] : [])];
  const contents = parts(old, after);
  // Unknown parts are those of a tree that is to be made, for the reason that it gives.
  return others.length > 0 && isUnknown(after, 'parts') ? others : [...others, ...contents];
}

/** Parts of a source or tree whose hash differs, or will be known only then. */
export function parts(old: Fields, after: Fields, field = 'parts'): string[] {
  if (isUnknown(after, field)) return ['contents'];
  const [before, now] = [table(old, field), table(after, field)];
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  return names.filter((name) => differs(before, now, name)).sort();
}

/** Contexts of an image that are no other image. */
const CONTEXTS: Record<string, string> = { artifacts: 'contents', base: 'base', system: 'system' };

function imageReasons({ old, new: after, differs: fields }: Seen): string[] {
  const [before, now] = [old, after].map((of) => table(of, 'buildArgs')) as [Fields, Fields];
  const [had, has] = [old, after].map((of) => table(table(of, 'context'), 'named')) as [Fields, Fields];
  const names = (a: Fields, b: Fields) => [...new Set([...Object.keys(a), ...Object.keys(b)])];
  const found = [
    ...names(before, now).flatMap((name) =>
      differs(before, now, name) ? (BUILD_ARGUMENTS[name] ?? name) : [],
    ),
    ...names(had, has)
      .filter((name) => differs(had, has, name))
      .map((name) => CONTEXTS[name] ?? `image ${name}`),
    ...(fields.some((field) => /^(contextHash|dockerfile)\b/.test(field)) ? ['Dockerfile'] : []),
  ];
  // A label says again what the rest does, or something of its own, such as the commit.
  return found.length > 0 ? found : fields;
}

/** Unknown counts as different; a field that neither has does not. */
function differs(old: Fields, after: Fields, field: string): boolean {
  return after[field] === UNKNOWN || !isDeepStrictEqual(old[field], after[field]);
}
