/**
 * What follows a commit, and what precedes the next: plain names, index copies. A publisher that is killed after its
 * commit leaves names behind that stand for what was before; its manifest lists them (`pending`), and whoever comes
 * next writes them first.
 */
import * as path from 'node:path';
import pLimit from 'p-limit';
import { warn } from '../diagnostics';
import { withTemporaryFolder } from '../gpgSession';
import { isSignedBy } from '../gpgVerify';
import { ConflictError, Store } from '../store/store';
import { Committed, Job, Kind, OwnCommit } from './job';
import { ManifestEntry, plainNames, PoolFile } from './manifest';
import { PlainFiles } from './plain';
import { immutableName, TRIES } from './published';
import { together } from './together';

type Names = [name: string, file: PoolFile][];

/** Names that are written at a time: each is a copy and a signature. */
const AT_ONCE = 4;

/** Documents first: who finds a package finds what is told of it. */
async function publishNames<F>(names: Names, plain: PlainFiles, kind: Kind<F>): Promise<void> {
  const limit = pLimit(AT_ONCE);
  for (const isPackage of [false, true]) {
    const some = names.filter(([, { document }]) => (document === undefined) === isPackage);
    await together(some.map(([name, file]) => limit(() => plain.publish(file, kind.plainKey(name)))));
  }
}

/** A few of many thousand: they are not copied for it. */
function namesWith<F>(entries: ManifestEntry<F>[], is: (name: string, file: PoolFile) => boolean): Names {
  const found: Names = [];
  for (const [name, file] of plainNames(entries)) if (is(name, file)) found.push([name, file]);
  return found;
}

/** Names that stand for something else, or for something at all, since `before`. */
export function movedNames<F>(before: ManifestEntry<F>[], after: ManifestEntry<F>[]): Names {
  const stood = plainNames(before);
  return namesWith(after, (name, file) => stood.get(name)?.sha256 !== file.sha256);
}

/** Names of the last commit that its publisher may not have written. */
export async function finishPending<F>({ kind, plain }: Job<F>, { manifest }: Committed<F>): Promise<void> {
  const pending = new Set(manifest.pending);
  for (const [name, entry] of plainNames(manifest.entries)) {
    if (!pending.has(name)) continue;
    await plain.ensure(entry, kind.plainKey(name)).catch((error: Error) => warn(error.message));
  }
}

/**
 * New names of a list that names plain files: there before the list says so. Where something lies under such a name
 * already, it is another publisher's, who was faster, or made by other means.
 */
export async function publishNewNames<F>(
  job: Job<F>,
  current: Committed<F>,
  entries: ManifestEntry<F>[],
): Promise<void> {
  const { kind, plain, early } = job;
  const known = plainNames(current.manifest.entries);
  const fresh = namesWith(entries, (name) => !known.has(name));
  for (const [name, entry] of fresh) await refuseOthers(job, current, kind.plainKey(name), entry);
  if (!kind.listsPlainNames) return;
  for (const [name] of fresh) early.add(name);
  await publishNames(fresh, plain, kind);
}

/** Other bytes under a name that is not listed: ours only where an interrupted publication left them. */
async function refuseOthers<F>(
  { store, kind, signer, options }: Job<F>,
  { etag }: Committed<F>,
  key: string,
  entry: PoolFile,
): Promise<void> {
  const found = await store.head(key);
  if (!found || found.sha256 === entry.sha256) return;
  if ((await store.head(kind.pointerKey))?.etag !== etag) throw new ConflictError(kind.pointerKey);
  const isOurs = await hasSignature(store, key, await signer.trustedKeys());
  // Taken back meanwhile: its publisher has lost.
  if (!(await store.head(key))) return;
  if (isOurs && !options.immutable) return;
  if (isOurs) throw immutableName({ fileName: key, sha256: found.sha256 ?? '' }, entry);
  throw new Error(
    `${store.url}/${key} is there and not listed by us: it was made by other means. Move it away, or give the new build a new version.`,
  );
}

/** Whether a file has a signature of one of the keys beside it. */
async function hasSignature(store: Store, key: string, keyring: Buffer): Promise<boolean> {
  const signature = await store.get(`${key}.asc`);
  if (!signature) return false;
  return withTemporaryFolder(async (folder) => {
    const file = path.join(folder, path.basename(key));
    try {
      await store.download(key, file);
    } catch (error) {
      if (await store.head(key)) throw error;
      return false;
    }
    return isSignedBy({ file }, signature.body, keyring);
  });
}

/**
 * After a commit that was lost: names that the winner lists get the winner's bytes back. With `isOver`, the others
 * go, for no try of ours will list them.
 */
export async function restoreNames<F>(
  { store, kind, plain, early }: Job<F>,
  entries: ManifestEntry<F>[],
  isOver = false,
): Promise<void> {
  if (early.size === 0) return;
  const names = plainNames(entries);
  await publishNames(
    namesWith(entries, (name) => early.has(name)),
    plain,
    kind,
  );
  for (const name of isOver ? early : [])
    if (!names.has(name))
      for (const key of [kind.plainKey(name), `${kind.plainKey(name)}.asc`]) await store.delete(key);
  early.clear();
}

/**
 * Plain copies of these files' names and of those that stand for something else since `before`, and the index copies;
 * again until the pointer stays what it was. `own` is what this publisher committed, which need not be read then.
 */
export async function settle<F>(
  { store, kind, signer, plain }: Job<F>,
  before: ManifestEntry<F>[],
  fileNames: Set<string>,
  own?: OwnCommit<F>,
): Promise<void> {
  for (let round = 0; round < 2 * TRIES; round++) {
    const etag = (await store.head(kind.pointerKey))?.etag;
    const manifest = own && etag === own.etag ? own.next : (await kind.read()).manifest;
    const moved = new Map(movedNames(before, manifest.entries));
    const names = namesWith(
      manifest.entries,
      (name, { fileName }) => fileNames.has(fileName) || moved.has(name),
    );
    // Neither needs the other.
    await together([publishNames(names, plain, kind), kind.settle(signer, own)]);
    if ((await store.head(kind.pointerKey))?.etag === etag) return;
  }
  throw new Error(`${kind.pointerKey}: other publishers are at work all the time; run the update again.`);
}
