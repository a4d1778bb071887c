/**
 * The ordered steps by which a repository of packages goes from one whole state to the next:
 *
 *   names that the last publisher left → blobs → immutable index files (→ new plain names, where the index names them)
 *   → compare-and-swap of the pointer → plain names, index copies → clean-up
 *
 * A client that follows the pointer sees the old state or the new one. Whatever stops a publisher in between, the
 * next one merges into what the pointer names and writes the rest. `apt.ts`, `yum.ts` and `downloads.ts` say what the
 * files are.
 */
import { warn } from '../diagnostics';
import { ConflictError } from '../store/store';
import { ensureBlob, unbuilt, wholeKey } from './blobs';
import { checkFiles } from './check';
import { cleanUp } from './cleanUp';
import { commit } from './commit';
import { Job } from './job';
import { checkKeys, expectedOf, hasOtherKeys, publishKeys, signerKeys } from './keys';
import {
  filesOf,
  isSamePackage,
  Manifest,
  ManifestEntry,
  mergeEntries,
  plainNames,
  PoolFile,
} from './manifest';
import { applyPolicy } from './policy';
import { backOff, immutableName, PublishedPackage, TRIES } from './published';
import { finishPending, restoreNames, settle } from './settle';

/** Entries for the packages; those that are listed already are not read again. */
async function describePackages<F>(
  job: Job<F>,
  current: Manifest<F>,
  packages: PublishedPackage[],
  known: Map<string, ManifestEntry<F>>,
): Promise<ManifestEntry<F>[]> {
  const listed = new Map(current.entries.map((entry) => [entry.fileName, entry]));
  const entries: ManifestEntry<F>[] = [];
  for (const given of packages) {
    const one = unbuilt(given);
    const before = listed.get(one.fileName);
    if (before?.adopted && before.sha256 === one.sha256) {
      // It lies where others put it, and stays theirs.
      entries.push(before);
      continue;
    }
    if (before?.sha256 === one.sha256 && before.key === one.key) {
      const { architecture, published, identity, fragment, statements } = before;
      const kept = { architecture, published, identity, fragment };
      // What was told of these bytes stays: it is of the build that they came from.
      const isAgain = JSON.stringify(statements) === JSON.stringify(one.statements);
      const told = isAgain || (await hasDocuments(job, before)) ? statements : one.statements;
      entries.push({ ...before, ...one, ...kept, ...(told && { statements: told }) });
      continue;
    }
    const described = known.get(one.sha256) ?? (await describeBlob(job, given));
    known.set(one.sha256, described);
    if (before && before.identity !== undefined && before.identity === described.identity) {
      // The same package under another signature: the bytes that are out stay, with what is told of them.
      const { statements, ...again } = one;
      void statements;
      entries.push({ ...before, ...again, sha256: before.sha256, size: before.size, key: before.key });
      continue;
    }
    if (before && job.options.immutable) throw immutableName(before, one);
    entries.push({ ...described, ...one });
  }
  return entries;
}

/** Whether a whole copy of each of its documents is left. */
async function hasDocuments<F>({ store, kind }: Job<F>, entry: ManifestEntry<F>): Promise<boolean> {
  const names = [entry.fileName, ...entry.aliases, ...entry.latestAliases];
  try {
    for (const file of filesOf(entry).filter(({ document }) => document !== undefined))
      await wholeKey(
        store,
        file,
        names.map((name) => kind.plainKey(`${name}.${file.document}`)),
      );
    return true;
  } catch (error) {
    await warn(`${(error as Error).message} The documents of this build take their place.`);
    return false;
  }
}

async function describeBlob<F>(
  { store, kind, date, fetched, plain }: Job<F>,
  one: PublishedPackage,
): Promise<ManifestEntry<F>> {
  const copies = [one.fileName, ...one.aliases].map((name) => kind.plainKey(name));
  const key = await wholeKey(store, one, copies);
  const entry = unbuilt(one);
  // Signed while it is read and its index is made.
  plain.prepare({ ...one, key });
  for (const { built = '', ...statement } of one.statements ?? [])
    if (await store.head(built)) plain.prepare({ ...statement, key: built });
  const fetchFile = () => fetched.get({ key, sha256: one.sha256 });
  return { ...entry, published: date.toISOString(), ...(await kind.describe(fetchFile, entry, date)) };
}

export async function retrying<T>(key: string, work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      if (attempt === 2 * TRIES) {
        throw new Error(`${key}: other publishers were faster ${attempt + 1} times; run the update again.`);
      }
      await backOff(attempt);
    }
  }
}

function checkNames(packages: PublishedPackage[]): void {
  const names = packages.flatMap((one) => [one.fileName, ...one.aliases]);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new Error(`Two packages are to be published as ${twice}; give each a name of its own.`);
}

/**
 * An adopted package was released by others: clients fetch it by the name under which it lies, and no stack gives it
 * other bytes, be it by that name or as another file of the same version.
 */
function refuseAdopted<F>(
  before: ManifestEntry<F>[],
  names: ReadonlyMap<string, PoolFile>,
  described: ManifestEntry<F>[],
  plainKey: (name: string) => string,
): void {
  const adopted = before.filter(({ adopted: is }) => is);
  const byKey = new Map(adopted.map((entry) => [entry.key, entry]));
  for (const [name, entry] of adopted.length > 0 ? names : []) {
    const lying = byKey.get(plainKey(name));
    if (lying && lying.sha256 !== entry.sha256) throw immutableName(lying, entry);
  }
  for (const entry of described) {
    const released = adopted.find((one) => isSamePackage(one, entry) && one.sha256 !== entry.sha256);
    if (released) throw immutableName(released, entry);
  }
}

/** Files of other releases that are to be repaired and have no copy left: told, and left as they are. */
async function withoutLost<F>(
  { store }: Job<F>,
  own: OwnFile[],
  packages: PublishedPackage[],
): Promise<OwnFile[]> {
  const given = new Set(packages.map(({ fileName }) => fileName));
  const found: OwnFile[] = [];
  for (const file of own) {
    try {
      await ensureBlob(store, file.one, file.copies);
      found.push(file);
    } catch (error) {
      if (given.has(file.one.fileName)) throw error;
      await warn((error as Error).message);
    }
  }
  return found;
}

/** A file that this publication writes or repairs: with where it was built, and its plain names' keys. */
interface OwnFile {
  one: PoolFile;
  copies: string[];
}

/** Publishes packages beside what is there, repairs what is damaged, and writes nothing when nothing is to do. */
export async function publishPackages<F>(job: Job<F>, packages: PublishedPackage[]): Promise<Manifest<F>> {
  const { kind, signer } = job;
  checkNames(packages);
  const trusted = await signer.trustedKeys();
  const known = new Map<string, ManifestEntry<F>>();
  try {
    return await retrying(kind.pointerKey, async () => publishOnce(job, packages, known, trusted));
  } catch (error) {
    // Names that were written for a commit that never came.
    if (job.early.size > 0) await restoreNames(job, (await kind.read()).manifest.entries, true);
    throw error;
  }
}

/** Those that nothing was done to are the same objects: thousands in a large repository. */
function isSameEntries<F>(a: ManifestEntry<F>[], b: ManifestEntry<F>[]): boolean {
  return (
    a.length === b.length &&
    a.every((entry, i) => entry === b[i] || JSON.stringify(entry) === JSON.stringify(b[i]))
  );
}

async function publishOnce<F>(
  job: Job<F>,
  packages: PublishedPackage[],
  known: Map<string, ManifestEntry<F>>,
  trusted: Buffer,
): Promise<Manifest<F>> {
  const { store, settings, kind, signer, options } = job;
  const current = await kind.read(trusted);
  const before = current.manifest.entries;
  await restoreNames(job, before);
  const described = await describePackages(job, current.manifest, packages, known);
  const merged = mergeEntries(before, described);
  const entries = options.policy ? applyPolicy(merged, options.policy) : merged;
  const fileNames = new Set(packages.map(({ fileName }) => fileName));
  const isChanged = !isSameEntries(entries, before) || hasOtherKeys(current.manifest.keys, signer);
  if (!isChanged || options.repair) {
    const keys = await signerKeys(store, settings, signer);
    const expected = await expectedOf(current.manifest, settings, keys, signer);
    const indexes = [...(await checkKeys(store, settings, expected)), ...(await kind.check(expected))];
    const files = await checkFiles(store, settings, kind, current.manifest, packages, expected.keyring);
    const isRight = indexes.length === 0 && files.problems.length === 0;
    if (isRight && !isChanged && current.isSound) return current.manifest;
    for (const fileName of files.fileNames) fileNames.add(fileName);
  }
  await finishPending(job, current);
  const names = plainNames(entries);
  refuseAdopted(before, names, described, (name) => kind.plainKey(name));
  const built = new Map(packages.flatMap(filesOf).map((one) => [one.sha256, one.built]));
  const files = entries.filter(({ fileName }) => fileNames.has(fileName)).flatMap(filesOf);
  const copies = new Map(files.map(({ key }) => [key, [] as string[]]));
  for (const [name, { key }] of names) copies.get(key)?.push(kind.plainKey(name));
  const wanted = files.map((file) => ({
    one: { ...file, built: built.get(file.sha256) },
    copies: copies.get(file.key) ?? [],
  }));
  const own = await withoutLost(job, wanted, packages);
  const written = await commit(job, current, entries);
  await settle(job, before, new Set(own.map(({ one }) => one.fileName)), written);
  await publishKeys(store, settings, signer);
  const lost = await cleanUp(job, written);
  if (lost.length > 0) await kind.stage(written.next, written.date, signer);
  // A stack that was taking the same bytes away at this moment may have deleted them after they were looked for.
  for (const { one, copies } of own) {
    if (await store.head(one.key)) continue;
    await ensureBlob(store, one, copies);
    await settle(job, before, new Set([one.fileName]));
  }
  return written.next;
}
