/** Cells of a release diff: digests, versions, tags. Pure. */
import { code } from './escape';
import { TagEnd } from './images';
import { Change } from './packages';

/** Twelve hex digits tell builds apart for a reader, as Docker shows them. */
export const shortDigest = (digest: string) =>
  digest.replace(/^((?:sha256:)?[0-9a-f]{12})[0-9a-f]{52}$/, '$1');

/** A key's fingerprint in full: a shorter one can be forged. */
export const fingerprint = (key: string) => code(key);

/** `old → `, or nothing where there is no old one. */
export function firstOf(from: string | undefined, shorten = shortDigest): string {
  return from === undefined ? '' : `${code(shorten(from))} → `;
}

export function versionChange({ from, to }: Change): string {
  if (to === undefined) return from === undefined ? '' : code(from);
  return from === undefined || from === to ? code(to) : `${code(from)} → ${code(to)}`;
}

/** A change of something that is known on both sides. */
export function digestChange({ from, to }: Change, shorten: (text: string) => string): string {
  const now = to ?? from;
  if (now === undefined) return '';
  return from !== undefined && to !== undefined && from !== to
    ? `${code(shorten(from))} → ${code(shorten(to))}`
    : code(shorten(now));
}

/** @param unknown what to say where the update will tell the digest */
export function tagEnd({ digest, version }: TagEnd, unknown: string): string {
  const what = digest === undefined ? unknown : code(shortDigest(digest));
  return version === undefined ? what : `${what} (${code(version)})`;
}
