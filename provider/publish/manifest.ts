/** What a repository of packages holds: kept in the bucket, named by the signed index, merged on every publication. */
import { compareVersions } from '../formats/versionOrder';
import { latestAliases, PublishedPackage, Statement } from './published';

export interface ManifestEntry<F> extends PublishedPackage {
  /** As the package spells it. */
  architecture: string;
  /** ISO time at which these bytes came in. */
  published: string;
  /** Equal for equal packages whatever their signatures; absent where the bytes decide. */
  identity?: string;
  /** Fingerprint, or key id, of the key whose signature is inside of it; absent: of none. */
  signedBy?: string;
  /** What it adds to the indexes. */
  fragment: F;
}

/** Objects that the indexes no longer name but a client may still ask for. */
export interface Superseded {
  /** ISO time. */
  since: string;
  keys: string[];
}

export interface Manifest<F> {
  format: 1;
  entries: ManifestEntry<F>[];
  /** Newest first. */
  superseded: Superseded[];
  /** Objects that were to be deleted right after this manifest was committed. */
  leaving: string[];
  /** Plain names that stand for something else than before it: written after the commit, unless that was cut short. */
  pending?: string[];
  /** Fingerprints of the keys that were published with it, one of which made each signature beside a package. */
  keys?: string[];
  /** Stack that committed it, whose keys signed its index. */
  stack?: string;
}

/** Superseded objects stay for two generations, and at least as long as any cache may hold an index. */
const KEPT_GENERATIONS = 2;
export const GRACE = 24 * 3600 * 1000;

export const emptyManifest = <F>(): Manifest<F> => ({ format: 1, entries: [], superseded: [], leaving: [] });

/** What the indexes list. */
export function offered<F>({ entries }: Manifest<F>): ManifestEntry<F>[] {
  return entries.filter(({ withdrawn }) => !withdrawn);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** By name, version, architecture, file: the order of every index. */
export function compareEntries<F>(a: ManifestEntry<F>, b: ManifestEntry<F>): number {
  return (
    compareText(a.name, b.name) ||
    compareVersions(a.version, b.version) ||
    compareText(a.architecture, b.architecture) ||
    compareText(a.fileName, b.fileName)
  );
}

export function isSamePackage<F>(a: ManifestEntry<F>, b: ManifestEntry<F>): boolean {
  return a.name === b.name && a.version === b.version && a.architecture === b.architecture;
}

/** Whether the one takes the other's place: the same package, or a package of the same file name. */
function isSame<F>(a: ManifestEntry<F>, b: ManifestEntry<F>): boolean {
  return isSamePackage(a, b) || a.fileName === b.fileName;
}

/** Entries with `added` beside the others or in their place. */
export function mergeEntries<F>(entries: ManifestEntry<F>[], added: ManifestEntry<F>[]): ManifestEntry<F>[] {
  const kept = entries.filter((entry) => !added.some((one) => isSame(one, entry)));
  return [...kept, ...added].sort(compareEntries);
}

/** A file of the pool: a package, or a document beside one. */
export interface PoolFile {
  key: string;
  sha256: string;
  /** Bytes. */
  size: number;
  /** Key of the same bytes outside the repository. */
  built?: string;
  /** Of the package that it is, or that it is beside. */
  fileName: string;
  /** Absent: the package itself. */
  document?: Statement['document'];
}

/** A package and the documents beside it, these first: whoever finds the package finds them, too. */
export function filesOf<P extends PublishedPackage>(entry: P): PoolFile[] {
  const { fileName, statements = [] } = entry;
  return [...statements.map((one): PoolFile => ({ ...one, fileName })), entry];
}

/** Of lists of entries, which never change once they are made: a publication asks ten times. */
const namesOf = new WeakMap<object, Map<string, PoolFile>>();

/** Plain name and file of everything beside the pool, documents before their package. */
export function plainNames<F>(entries: ManifestEntry<F>[]): ReadonlyMap<string, PoolFile> {
  const known = namesOf.get(entries);
  if (known) return known;
  const names = new Map<string, PoolFile>();
  const add = (name: string, entry: ManifestEntry<F>) => {
    for (const file of filesOf(entry)) names.set(file.document ? `${name}.${file.document}` : name, file);
  };
  for (const entry of entries) {
    if (entry.adopted) continue;
    add(entry.fileName, entry);
    for (const alias of entry.aliases) add(alias, entry);
  }
  for (const [alias, entry] of latestAliases(entries)) add(alias, entry);
  namesOf.set(entries, names);
  return names;
}

export interface NextOptions {
  /** The current generation's index files. */
  indexKeys: string[];
  /** Whether a key is an index file: those are found by listing when nothing names them. */
  isIndex: (key: string) => boolean;
  plainKey: (name: string) => string;
  now: Date;
  /** Packages that drop out go at once instead of after the grace time. */
  goesAway: boolean;
  /** Plain names that drop out stay for the grace time, as what an index names. */
  keepsPlain: boolean;
}

/** The manifest that follows `current` with other entries. */
export function nextManifest<F>(
  current: Manifest<F>,
  entries: ManifestEntry<F>[],
  { indexKeys, isIndex, plainKey, now, goesAway, keepsPlain }: NextOptions,
): Manifest<F> {
  const pool = new Set(entries.flatMap(filesOf).map(({ key }) => key));
  // What was adopted lies where others put it, and is theirs to remove.
  const ours = current.entries.filter(({ adopted }) => !adopted);
  const dropped = ours
    .flatMap(filesOf)
    .map(({ key }) => key)
    .filter((key) => !pool.has(key));
  const names = plainNames(entries);
  const plain = [...plainNames(current.entries).keys()]
    .filter((name) => !names.has(name))
    .flatMap((name) => [plainKey(name), `${plainKey(name)}.asc`]);
  const replaced = [...(goesAway ? [] : dropped), ...(keepsPlain ? plain : [])];
  const generation: Superseded = {
    since: now.toISOString(),
    keys: [...new Set([...indexKeys, ...replaced])].sort(),
  };
  const all = generation.keys.length > 0 ? [generation, ...current.superseded] : current.superseded;
  const superseded = all.filter(
    ({ since }, i) => i < KEPT_GENERATIONS || now.getTime() - Date.parse(since) < GRACE,
  );
  const expired = all
    .filter((one) => !superseded.includes(one))
    .flatMap(({ keys }) => keys)
    .filter((key) => !isIndex(key));
  const leaving = [
    ...new Set([...(keepsPlain ? [] : plain), ...(goesAway ? dropped : []), ...expired]),
  ].sort();
  return { format: 1, entries, superseded, leaving };
}

/** Every key that a manifest keeps from deletion, apart from its own generation's index files. */
export function keptKeys<F>(manifest: Manifest<F>, plainKey: (name: string) => string): Set<string> {
  const plain = [...plainNames(manifest.entries).keys()].map(plainKey);
  return new Set([
    ...manifest.entries.flatMap(filesOf).map(({ key }) => key),
    ...manifest.superseded.flatMap(({ keys }) => keys),
    ...plain.flatMap((key) => [key, `${key}.asc`]),
  ]);
}
