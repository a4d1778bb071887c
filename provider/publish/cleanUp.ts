/** Deleting what no state names any more, beside publishers that may be about to name it. */
import { ConflictError, digestInKey } from '../store/store';
import { ensureBlob, isPoolKey } from './blobs';
import { Committed, Job } from './job';
import { GRACE, keptKeys, Manifest, plainNames } from './manifest';

/** Writes again one object that a state names and that is gone. */
async function restore<F>(job: Job<F>, { manifest, date }: Committed<F>, key: string): Promise<void> {
  const { store, kind, signer, plain } = job;
  if (kind.generations.some((prefix) => key.startsWith(prefix))) {
    const { keys } = await kind.stage(manifest, date ?? (await store.now()), signer);
    // Another version of this project may have packed it in another way.
    if (!keys.includes(key))
      throw new Error(
        `${store.url}/${key} was deleted while an index came to name it; run the update again.`,
      );
    return;
  }
  for (const [name, entry] of plainNames(manifest.entries)) {
    const plainKey = kind.plainKey(name);
    if (key === entry.key) await ensureBlob(store, entry, [plainKey]);
    else if (key === plainKey || key === `${plainKey}.asc`) await plain.publish(entry, plainKey);
  }
}

/**
 * Deletes those of the keys that the committed state does not name. The pointer is looked at before each, and after
 * it: what a publisher has named meanwhile stays, or comes back.
 */
export async function deleteUnnamed<F>(job: Job<F>, keys: string[]): Promise<void> {
  const { store, kind } = job;
  const look = async () => {
    const etag = (await store.head(kind.pointerKey))?.etag;
    const state = await kind.read();
    const kept = keptKeys(state.manifest, (name) => kind.plainKey(name));
    return { etag, state, named: new Set([...kept, ...state.indexKeys]) };
  };
  const isOld = async (etag: string | undefined) => (await store.head(kind.pointerKey))?.etag !== etag;
  let seen: Awaited<ReturnType<typeof look>> | undefined;
  for (const key of keys) {
    if (!seen || (await isOld(seen.etag))) seen = await look();
    if (seen.named.has(key)) continue;
    await store.delete(key);
    if (!(await isOld(seen.etag))) continue;
    seen = await look();
    if (seen.named.has(key)) await restore(job, seen.state, key);
  }
}

/**
 * Deletes keys as long as the pointer is in this state, else throws ConflictError. What was deleted while somebody
 * published is written again.
 */
export async function deleteWhile<F>(job: Job<F>, etag: string | undefined, keys: string[]): Promise<void> {
  const { store, kind } = job;
  let last: string | undefined;
  for (const key of [...keys, undefined]) {
    if ((await store.head(kind.pointerKey))?.etag !== etag) {
      if (last !== undefined) await restore(job, await kind.read(), last);
      throw new ConflictError(kind.pointerKey);
    }
    if (key !== undefined) await store.delete(key);
    last = key;
  }
}

/** What `commit` gives of the state that it wrote. */
export interface Written<F> {
  next: Manifest<F>;
  /** Whether the state keeps an object. */
  keeps: (key: string) => boolean;
  /** Its index files. */
  indexKeys: string[];
  /** The store's time of the commit. */
  now: Date;
}

/** Plain names first: as long as the blob is there, a name can be written again. */
const blobsLast = (prefix: string) => (a: string, b: string) =>
  Number(isPoolKey(a, prefix)) - Number(isPoolKey(b, prefix));

/**
 * Removes what the new state has no use for: replaced blobs after their grace time, and index files that nothing
 * names. Returns the state's own index files that are gone: somebody else's clean-up took them as unnamed before the
 * commit.
 */
export async function cleanUp<F>(
  job: Job<F>,
  { next, keeps, indexKeys, now }: Written<F>,
): Promise<string[]> {
  const { store, settings, kind } = job;
  const leaving = next.leaving.filter((key) => !keeps(key)).sort(blobsLast(settings.prefix));
  await deleteUnnamed(job, leaving);
  const own = new Set(indexKeys);
  const limit = now.getTime() - GRACE;
  const there = new Set<string>();
  for (const prefix of kind.generations) {
    const objects = await store.listObjects(prefix);
    for (const { key } of objects) there.add(key);
    // A young one may belong to a publisher that has not committed yet; others' have no digest in their names.
    const unnamed = objects
      .filter(({ key, modified }) => modified.getTime() < limit && digestInKey(key) !== undefined)
      .map(({ key }) => key)
      .filter((key) => !keeps(key) && !own.has(key));
    await deleteUnnamed(job, unnamed);
  }
  return indexKeys.filter((key) => !there.has(key) && kind.generations.some((one) => key.startsWith(one)));
}
