/** An apt repository as it should be. Pure. */
import type { AptFacts, ListedPackage, PlainNames, PublicKey, SetUp } from './facts';
import type { WantedPackage } from './expected';
import { areSameKeys } from './judgeKeys';
import { ExpectedKeys, judgeNames, judgeVersions, PlaceReport, Tally, versionsOf } from './tally';

/** What a repository is held against. */
export interface Expectation {
  /** Undefined: no place offers any. */
  version?: string;
  /** Undefined: no key is published, and nothing can be checked. */
  keys?: ExpectedKeys;
  published: PublicKey[];
}

export interface AptNames {
  /** Below the repository: the folder of Release. */
  folder: string;
  sources: string;
}

export function judgeApt(
  place: string,
  { folder, sources }: AptNames,
  wanted: WantedPackage[],
  { inRelease, rest }: AptFacts,
  { version, keys, published }: Expectation,
): PlaceReport {
  const tally = new Tally();
  const pointer = `${folder}/InRelease`;
  const done = (summary = '', takes?: string) => tally.report(place, summary, takes);
  const signed = tally.value(inRelease, pointer);
  if (!signed) return done();
  // A client reads no further, and what the rest says could be anybody's.
  if (!tally.check(signed.text === undefined && `${pointer} is no signed text`)) return done();
  if (!tally.signatures(pointer, signed.signatures, keys) || !rest) return done();
  const isSame = tally.value(rest.release, `${folder}/Release`);
  if (isSame !== undefined) tally.check(!isSame && `${folder}/Release does not say what InRelease says`);
  const detached = tally.value(rest.releaseGpg, `${folder}/Release.gpg`);
  if (detached && isSame) tally.signatures(`${folder}/Release.gpg`, detached, keys);
  for (const file of rest.indexes) tally.file(file);
  const listed = tally.value(rest.listed, 'the index of packages') ?? [];
  if (version === undefined) tally.check(`${folder} lists no release`);
  else if (rest.listed.kind === 'there') judgeVersions(tally, wanted, listed, version, 'apt');
  for (const file of rest.pool) tally.file(file);
  for (const names of rest.plain) judgeNames(tally, names, publishedKeys(published), isListed(names, listed));
  const setUp = tally.value(rest.sources, sources);
  if (setUp) judgeSetUp(tally, sources, setUp, published);
  const packages = wanted.map(({ name }) => `${name} ${versionsOf(name, listed)[0] ?? '-'}`);
  const signers = signed.signatures.good.join(', ');
  return done(`${packages.join(', ')}; signed by ${signers}`, versionsOf(wanted[0]?.name ?? '', listed)[0]);
}

/** A signature beside a file may be of any key that is published, also of one that signs no more. */
export function publishedKeys(published: PublicKey[]): ExpectedKeys | undefined {
  if (published.length === 0) return undefined;
  return { fingerprints: published.map(({ fingerprint }) => fingerprint), each: false };
}

/** Whether an index has a package under the name of its file. */
export function isListed({ fileName }: PlainNames, listed: ListedPackage[]): boolean {
  const name = fileName.slice(fileName.lastIndexOf('/') + 1);
  return listed.some(({ path }) => path.endsWith(`/${name}`));
}

export function judgeSetUp(
  tally: Tally,
  name: string,
  { leadsTo, isSame, keys, key }: SetUp,
  published: PublicKey[],
): void {
  tally.check(!isSame && `${name} leads clients to ${leadsTo || 'nowhere'}`);
  if (keys && published.length > 0)
    tally.check(!areSameKeys(keys, published) && `${name} has other keys than those that are published`);
  if (key) tally.value(key, `the key that ${name} names`);
}
