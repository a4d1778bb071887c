/** A package's bytes in the store: where they are whole, and how they come into the pool. */
import * as path from 'node:path';
import { withTemporaryFolder } from '../gpgSession';
import { hashFile } from '../source/files';
import { Store } from '../store/store';
import type { PoolFile } from './manifest';
import { PublishedPackage, Statement } from './published';

/** Whether an object has this size and digest. Reads it only where the store cannot tell. */
export async function isIntact(
  store: Store,
  key: string,
  wanted: { size: number; sha256: string },
): Promise<boolean> {
  const head = await store.head(key);
  if (head?.size !== wanted.size) return false;
  if (head.sha256 !== undefined) return head.sha256 === wanted.sha256;
  return withTemporaryFolder(async (folder) => {
    const file = path.join(folder, 'object');
    await store.download(key, file);
    return (await hashFile(file)) === wanted.sha256;
  });
}

/** The first of a file's keys whose bytes are whole: its blob, where it was built, a plain copy. */
export async function wholeKey(store: Store, one: PoolFile, plainKeys: string[]): Promise<string> {
  for (const key of [one.key, ...(one.built ? [one.built] : []), ...plainKeys]) {
    if (await isIntact(store, key, one)) return key;
  }
  throw new Error(
    `${store.url}/${one.built ?? one.key} is missing or damaged, and no copy is left: build ${one.fileName} again.`,
  );
}

/** Makes sure that a file's blob is in the pool and whole. */
export async function ensureBlob(store: Store, one: PoolFile, plainKeys: string[]): Promise<void> {
  const key = await wholeKey(store, one, plainKeys);
  if (key !== one.key) await store.copy(key, one.key);
}

/** What a manifest keeps of a package: where it was built is of no interest afterwards. */
export function unbuilt<T extends PublishedPackage>(one: T): Omit<T, 'built'> {
  const { built, statements, ...entry } = one;
  void built;
  return { ...entry, ...(statements && { statements: statements.map(withoutBuilt) }) } as Omit<T, 'built'>;
}

function withoutBuilt({ built, ...one }: Statement): Statement {
  void built;
  return one;
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
