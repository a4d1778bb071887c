/** A package's bytes in the store: where they are whole, and how they come into the pool. */
import { sha256 } from '../formats/compress';
import { Store } from '../store/store';
import { PublishedPackage } from './published';

/** Whether an object has this size and digest. Reads it only where the store cannot tell. */
export async function isIntact(
  store: Store,
  key: string,
  wanted: { size: number; sha256: string },
): Promise<boolean> {
  const head = await store.head(key);
  if (head?.size !== wanted.size) return false;
  if (head.sha256 !== undefined) return head.sha256 === wanted.sha256;
  const found = await store.get(key);
  return found !== undefined && sha256(found.body) === wanted.sha256;
}

/** The first of a package's keys whose bytes are whole: its blob, where it was built, a plain copy. */
export async function wholeKey(store: Store, one: PublishedPackage, plainKeys: string[]): Promise<string> {
  for (const key of [one.key, ...(one.built ? [one.built] : []), ...plainKeys]) {
    if (await isIntact(store, key, one)) return key;
  }
  throw new Error(
    `${store.url}/${one.built ?? one.key} is missing or damaged, and no copy is left: build ${one.fileName} again.`,
  );
}

/** Makes sure that a package's blob is in the pool and whole. */
export async function ensureBlob(store: Store, one: PublishedPackage, plainKeys: string[]): Promise<void> {
  const key = await wholeKey(store, one, plainKeys);
  if (key !== one.key) await store.copy(key, one.key);
}

/** What a manifest keeps of a package: where it was built is of no interest afterwards. */
export function unbuilt(one: PublishedPackage): PublishedPackage {
  const { built, ...entry } = one;
  void built;
  return entry;
}

/** Whether a key is of a pool as we write it, `<prefix>/pool/<sha256>/<file>`: the folder may hold other things. */
export function isPoolKey(key: string, prefix: string): boolean {
  const pool = `${prefix}/pool/`;
  return key.startsWith(pool) && /^[0-9a-f]{64}\/[^/]+$/.test(key.slice(pool.length));
}

/** Bytes of every object below a prefix, by key: one listing. */
export async function sizesOf(store: Store, prefix: string): Promise<Map<string, number>> {
  return new Map((await store.listObjects(`${prefix}/`)).map(({ key, size }) => [key, size]));
}
