/** The published keys: both forms the same, none about to end. Pure. */
import type { Answer, KeysFacts, PublicKey } from './facts';
import { ExpectedKeys, PlaceReport, Tally } from './tally';

const DAY = 24 * 3600 * 1000;
/** Days before its end from which on a key is warned of, and from which on it is a gap: those of an update. */
const WARN = 30;
const FAIL = 7;

const dayOf = (date: Date) => date.toISOString().slice(0, 10);

/** One line of a key, the same for the same key. */
const lineOf = ({ fingerprint, expires, isRevoked }: PublicKey) =>
  `${fingerprint}${expires ? ` until ${dayOf(expires)}` : ''}${isRevoked ? ', revoked' : ''}`;

/** Whether two files have the same keys, with the same ends. */
export function areSameKeys(a: PublicKey[], b: PublicKey[]): boolean {
  const lines = (keys: PublicKey[]) => keys.map(lineOf).sort().join('\n');
  return lines(a) === lines(b);
}

/** Whose signatures count: those given, else those of the published keys; undefined where there are none. */
export function expectedKeys(given: string[], published: PublicKey[] | undefined): ExpectedKeys | undefined {
  if (!published) return undefined;
  if (given.length > 0) return { fingerprints: given, each: true };
  return { fingerprints: published.map(({ fingerprint }) => fingerprint), each: false };
}

/** @param names of the files @param given fingerprints that are expected */
export function judgeKeys(
  place: string,
  names: { armored: string; binary: string; images?: string },
  { armored, binary, images }: KeysFacts,
  given: string[],
  now: Date,
): PlaceReport {
  const tally = new Tally();
  const read = (answer: Answer<PublicKey[]>, name: string) => {
    const keys = tally.value(answer, name);
    if (keys) tally.check(keys.length === 0 && `${name} holds no OpenPGP key`);
    return keys?.length ? keys : undefined;
  };
  const [people, apt] = [read(armored, names.armored), read(binary, names.binary)];
  if (people && apt)
    tally.check(!areSameKeys(people, apt) && `${names.binary} has other keys than ${names.armored}`);
  const keys = people ?? apt ?? [];
  for (const key of keys) judgeEnd(tally, key, now);
  if (keys.length > 0)
    for (const one of given)
      tally.check(
        !keys.some(({ fingerprint }) => fingerprint === one) && `the expected key ${one} is not published`,
      );
  // Absent: published before images were signed.
  if (images && images.kind !== 'absent') {
    const name = names.images ?? 'the key of images';
    tally.check(tally.value(images, name) === '' && `${name} holds no public key`);
  }
  return tally.report(place, keys.map((key) => `${lineOf(key)} (${key.uid})`).join('; '));
}

function judgeEnd(tally: Tally, { fingerprint, uid, expires, isRevoked }: PublicKey, now: Date): void {
  const name = `the key ${fingerprint} (${uid})`;
  if (isRevoked) return void tally.check(`${name} is revoked`);
  const left = expires === undefined ? Infinity : (expires.getTime() - now.getTime()) / DAY;
  const line = expires && `${name} ${left <= 0 ? 'expired' : 'expires'} on ${dayOf(expires)}`;
  tally.check(left <= FAIL ? line : undefined);
  if (line && left > FAIL && left <= WARN) tally.warnings.push(line);
}
