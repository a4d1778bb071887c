/** Taking a stack's packages out of a repository, and the repository away with the last one. */
import { digestInKey } from '../store/store';
import { isPoolKey } from './blobs';
import { Job } from './job';
import { removeUnusedKeys } from './keys';
import { keptKeys } from './manifest';
import { cleanUp, commit, deleteKeys, retrying, settle } from './repository';

/** Takes a stack's packages out. An emptied repository leaves no object under its prefix. */
export async function unpublishPackages<F>(job: Job<F>, stack: string): Promise<void> {
  const { store, settings, kind, signer } = job;
  const trusted = await signer.trustedKeys();
  await retrying(kind.pointerKey, async () => {
    const current = await kind.read(trusted);
    const entries = current.manifest.entries.filter((entry) => entry.stack !== stack);
    const isChanged =
      entries.length !== current.manifest.entries.length || current.manifest.leaving.length > 0;
    if (current.etag !== undefined && isChanged) {
      // Emptied or not, the change is committed first: a publisher that comes now builds on it.
      const committed = await commit(job, current, entries, true);
      await settle(job, current.manifest.entries, new Set());
      await cleanUp(job, current.manifest, committed);
    }
    // Without a pointer but with a date, the state is from a copy: an earlier removal was interrupted.
    const isOurs = current.etag !== undefined || current.date !== undefined;
    if (entries.length === 0 && isOurs) await removeAll(job);
  });
  await removeUnusedKeys(store, settings);
}

/** Removes an empty repository, unless somebody publishes to it at this moment. */
async function removeAll<F>(job: Job<F>): Promise<void> {
  const { store, settings, kind } = job;
  const { manifest, etag, indexKeys } = await kind.read();
  if (manifest.entries.length > 0) return;
  const objects = await store.listObjects(`${settings.prefix}/`);
  const emptied = objects.find(({ key }) => key === kind.pointerKey)?.modified;
  if (etag !== undefined) await store.delete(kind.pointerKey, etag);
  const named = new Set([
    ...indexKeys,
    ...manifest.leaving,
    ...keptKeys(manifest, (name) => kind.plainKey(name)),
  ]);
  // What has come since the repository was emptied belongs to a publisher that has not committed yet.
  const isNew = (key: string, modified: Date) =>
    emptied !== undefined && modified >= emptied && digestInKey(key) !== undefined && !named.has(key);
  const keys = objects.filter(({ key, modified }) => !isNew(key, modified)).map(({ key }) => key);
  const pool = keys.filter((key) => isPoolKey(key, settings.prefix));
  const ours = (when: 'first' | 'last') => keys.filter((key) => kind.owns(key) === when);
  await deleteKeys(store, [...pool, ...ours('first'), ...ours('last')], new Set());
  // A publisher that committed meanwhile may have lost copies to us.
  if (await store.head(kind.pointerKey)) await settle(job, [], new Set());
}
