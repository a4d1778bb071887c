/**
 * The ordered steps by which a repository of packages goes from one whole state to the next:
 *
 *   immutable index files → compare-and-swap of the pointer → copies under fixed names → clean-up
 *
 * A client that follows the pointer sees the old state or the new one. Whatever stops a publisher in between, the
 * next one merges into what the pointer names and writes the rest. `apt.ts`, `yum.ts` and `downloads.ts` say what the
 * files are.
 */
import pLimit from 'p-limit';
import { ConflictError, digestInKey, Store } from '../store/store';
import { ensureBlob, unbuilt, wholeKey } from './blobs';
import { checkFiles } from './check';
import { Committed, Job, Kind } from './job';
import { checkKeys, hasOtherKeys, publishKeys, signAnew, signerKeys } from './keys';
import {
  GRACE,
  isSamePackage,
  keptKeys,
  Manifest,
  ManifestEntry,
  mergeEntries,
  nextManifest,
  plainNames,
} from './manifest';
import { PlainFiles } from './plain';
import { applyPolicy } from './policy';
import { backOff, immutableName, PublishedPackage, TRIES } from './published';

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
    if (before?.sha256 === one.sha256 && before.key === one.key) {
      const { architecture, published, identity, fragment } = before;
      entries.push({ ...before, ...one, architecture, published, identity, fragment });
      continue;
    }
    const described = known.get(one.sha256) ?? (await describeBlob(job, given));
    known.set(one.sha256, described);
    if (before && before.identity !== undefined && before.identity === described.identity) {
      // The same package under another signature: the bytes that are out stay.
      entries.push({ ...before, ...one, sha256: before.sha256, size: before.size, key: before.key });
      continue;
    }
    if (before && job.options.immutable) throw immutableName(before, one);
    entries.push({ ...described, ...one });
  }
  return entries;
}

async function describeBlob<F>(
  { store, kind, date, fetched }: Job<F>,
  one: PublishedPackage,
): Promise<ManifestEntry<F>> {
  const copies = [one.fileName, ...one.aliases].map((name) => kind.plainKey(name));
  const key = await wholeKey(store, one, copies);
  const entry = unbuilt(one);
  const fetchFile = () => fetched.get({ key, sha256: one.sha256 });
  return { ...entry, published: date.toISOString(), ...(await kind.describe(fetchFile, entry, date)) };
}

export async function deleteKeys(store: Store, keys: Iterable<string>, kept: Set<string>): Promise<void> {
  for (const key of keys) if (!kept.has(key)) await store.delete(key);
}

/** Commits other entries on top of `current`. Throws ConflictError when another publisher was faster. */
export async function commit<F>(
  job: Job<F>,
  current: Committed<F>,
  entries: ManifestEntry<F>[],
  goesAway: boolean,
) {
  const { store, settings, kind, signer, options } = job;
  const now = options.now ?? (await store.now());
  const plainKey = (name: string) => kind.plainKey(name);
  const merged = nextManifest(current.manifest, entries, {
    indexKeys: current.indexKeys,
    plainKey,
    now,
    goesAway,
    keepsPlain: kind.listsPlainNames === true && !goesAway,
  });
  const kept = keptKeys(merged, plainKey);
  // What an earlier publisher was to delete and did not: this one does, when the state that needs it is replaced.
  const leaving = [...merged.leaving];
  for (const key of current.manifest.leaving)
    if (!kept.has(key) && !leaving.includes(key) && (await store.head(key))) leaving.push(key);
  const next = { ...merged, leaving: leaving.sort(), keys: signer.publishedKeys };
  // Before an index is signed with them.
  await publishKeys(store, settings, signer);
  await signAnew(job.plain, signer, current.manifest.keys, () =>
    [...plainNames(current.manifest.entries)].map(([name, entry]) => [plainKey(name), entry] as const),
  );
  // apt keeps what it has when the date it is offered is not a later one.
  const earliest = current.date ? current.date.getTime() + 1000 : 0;
  const date = new Date(Math.max(job.date.getTime(), earliest));
  const pointer = await kind.stage(next, date, signer);
  if (kind.listsPlainNames) await publishNewNames(job, current.manifest.entries, entries);
  const etag = await store.compareAndSwap(kind.pointerKey, pointer, current.etag);
  return { next, kept, etag, now };
}

/** Names that nobody could have asked for so far; one that stands for something else now is `settle`'s. */
async function publishNewNames<F>(
  { kind, plain, early }: Job<F>,
  before: ManifestEntry<F>[],
  entries: ManifestEntry<F>[],
): Promise<void> {
  const known = plainNames(before);
  const fresh = [...plainNames(entries)].filter(([name]) => !known.has(name));
  for (const [name] of fresh) early.add(name);
  await publishNames(fresh, plain, kind);
}

/** After a commit that was lost: names that the winner lists get the winner's bytes back. */
async function restoreNames<F>({ kind, plain, early }: Job<F>, entries: ManifestEntry<F>[]): Promise<void> {
  if (early.size === 0) return;
  await publishNames(
    [...plainNames(entries)].filter(([name]) => early.has(name)),
    plain,
    kind,
  );
  early.clear();
}

/** Names that are written at a time: each is a copy and a signature. */
const AT_ONCE = 4;

async function publishNames<F>(
  names: [string, ManifestEntry<F>][],
  plain: PlainFiles,
  kind: Kind<F>,
): Promise<void> {
  const limit = pLimit(AT_ONCE);
  await Promise.all(names.map(([name, entry]) => limit(() => plain.publish(entry, kind.plainKey(name)))));
}

/** Removes what the new state has no use for: replaced blobs after their grace time, and index files that nothing names. */
export async function cleanUp<F>(
  { store, kind }: Job<F>,
  before: Manifest<F>,
  { next, kept, now }: { next: Manifest<F>; kept: Set<string>; now: Date },
): Promise<void> {
  const isIndex = (key: string) => kind.generations.some((prefix) => key.startsWith(prefix));
  const expired = before.superseded.flatMap(({ keys }) => keys).filter((key) => !isIndex(key));
  const leaving = [...next.leaving, ...expired].filter((key) => !kept.has(key));
  if (leaving.length > 0) {
    // Somebody may have published the same bytes again meanwhile.
    const { manifest } = await kind.read();
    await deleteKeys(
      store,
      leaving,
      keptKeys(manifest, (name) => kind.plainKey(name)),
    );
  }
  const limit = now.getTime() - GRACE;
  for (const prefix of kind.generations) {
    // A young one may belong to a publisher that has not committed yet.
    const old = (await store.listObjects(prefix)).filter(({ modified }) => modified.getTime() < limit);
    // Others' objects have no digest in their names, or are not ours to judge.
    const unnamed = old
      .map(({ key }) => key)
      .filter((key) => digestInKey(key) !== undefined && !kept.has(key));
    if (unnamed.length > 0) await deleteKeys(store, unnamed, new Set((await kind.read()).indexKeys));
  }
}

/**
 * Plain copies of these files' names and of those that stand for something else since `before`, and the index copies;
 * again until the pointer stays what it was. `own` is what this publisher committed, which need not be read then.
 */
export async function settle<F>(
  { store, kind, signer, plain }: Job<F>,
  before: ManifestEntry<F>[],
  fileNames: Set<string>,
  own?: { next: Manifest<F>; etag: string },
): Promise<void> {
  const stood = plainNames(before);
  for (let round = 0; round < TRIES; round++) {
    const etag = (await store.head(kind.pointerKey))?.etag;
    const manifest = own && etag === own.etag ? own.next : (await kind.read()).manifest;
    const moved = [...plainNames(manifest.entries)].filter(
      ([name, entry]) => fileNames.has(entry.fileName) || stood.get(name)?.sha256 !== entry.sha256,
    );
    await publishNames(moved, plain, kind);
    await kind.settle(signer);
    if ((await store.head(kind.pointerKey))?.etag === etag) return;
  }
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
  names: Map<string, ManifestEntry<F>>,
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

/** Publishes packages beside what is there, repairs what is damaged, and writes nothing when nothing is to do. */
export async function publishPackages<F>(job: Job<F>, packages: PublishedPackage[]): Promise<Manifest<F>> {
  const { store, settings, kind, signer, options } = job;
  checkNames(packages);
  const trusted = await signer.trustedKeys();
  const known = new Map<string, ManifestEntry<F>>();
  return retrying(kind.pointerKey, async () => {
    const current = await kind.read(trusted);
    await restoreNames(job, current.manifest.entries);
    const described = await describePackages(job, current.manifest, packages, known);
    const merged = mergeEntries(current.manifest.entries, described);
    const entries = options.policy ? applyPolicy(merged, options.policy) : merged;
    const fileNames = new Set(packages.map(({ fileName }) => fileName));
    const isChanged =
      JSON.stringify(entries) !== JSON.stringify(current.manifest.entries) ||
      hasOtherKeys(current.manifest.keys, signer);
    if (!isChanged && current.isSound) {
      const expected = await signerKeys(signer);
      const indexes = [...(await checkKeys(store, settings, expected)), ...(await kind.check(expected))];
      const files = await checkFiles(store, settings, kind, current.manifest, packages, expected.keyring);
      if (indexes.length === 0 && files.problems.length === 0) return current.manifest;
      for (const fileName of files.fileNames) fileNames.add(fileName);
    }
    const names = plainNames(entries);
    refuseAdopted(current.manifest.entries, names, described, (name) => kind.plainKey(name));
    const built = new Map(packages.map((one) => [one.sha256, one.built]));
    const listed = new Set(current.manifest.entries.map(({ sha256 }) => sha256));
    const own = entries
      .filter(({ fileName }) => fileNames.has(fileName))
      .map((entry) => ({
        one: { ...entry, built: built.get(entry.sha256) },
        copies: [...names].filter(([, of]) => of === entry).map(([name]) => kind.plainKey(name)),
      }));
    for (const { one, copies } of own) {
      await ensureBlob(store, one, copies);
      // A new one is signed while its index is made.
      if (!listed.has(one.sha256)) job.plain.prepare(one);
    }
    const committed = await commit(job, current, entries, false);
    await settle(job, current.manifest.entries, fileNames, committed);
    await cleanUp(job, current.manifest, committed);
    // A stack that was taking the same bytes away at this moment may have deleted them after they were looked for.
    for (const { one, copies } of own) if (!(await store.head(one.key))) await ensureBlob(store, one, copies);
    return committed.next;
  });
}
