/** Taking a stack's packages out of a repository, and the repository away with the last one. */
import { warn } from '../diagnostics';
import { ConflictError, digestInKey } from '../store/store';
import { isPoolKey } from './blobs';
import { cleanUp, deleteWhile } from './cleanUp';
import { commit } from './commit';
import { ForeignRepositoryError, Job } from './job';
import { removeUnusedKeys } from './keys';
import { retrying } from './repository';
import { finishPending, settle } from './settle';

/** Takes a stack's packages out. An emptied repository leaves no object of ours under its prefix. */
export async function unpublishPackages<F>(job: Job<F>, stack: string): Promise<void> {
  const { store, settings, kind, signer } = job;
  const trusted = await signer.trustedKeys();
  await retrying(kind.pointerKey, async () => {
    const current = await kind.read(trusted).catch(async (error: Error) => {
      if (!(error instanceof ForeignRepositoryError)) throw error;
      await warn(`nothing is taken away: ${error.message}`);
      return undefined;
    });
    if (!current) return;
    const before = current.manifest.entries;
    const entries = before.filter((entry) => entry.stack !== stack);
    const isChanged = entries.length !== before.length || current.manifest.leaving.length > 0;
    if (current.etag !== undefined && isChanged) {
      await finishPending(job, current);
      // Emptied or not, the change is committed first: a publisher that comes now builds on it.
      const written = await commit(job, current, entries, { goesAway: true });
      await settle(job, before, new Set(), written);
      await cleanUp(job, written);
    }
    if (entries.length === 0) await removeAll(job);
  });
  await removeUnusedKeys(store, settings);
}

/**
 * Removes an emptied repository, unless somebody publishes to it at this moment. Its pointer goes after everything
 * that would be taken for another's repository without it, and before the index files that have a digest in their
 * names, which no reader takes for anything: wherever this is cut short, the next run goes on.
 */
async function removeAll<F>(job: Job<F>): Promise<void> {
  const { store, settings, kind } = job;
  const { manifest, etag } = await kind.read();
  if (manifest.entries.length > 0) return;
  const objects = await store.listObjects(`${settings.prefix}/`);
  const emptied = objects.find(({ key }) => key === kind.pointerKey)?.modified;
  const isIndex = (key: string) =>
    kind.generations.some((prefix) => key.startsWith(prefix)) && digestInKey(key) !== undefined;
  const isFirst = (key: string) => kind.owns(key) || isPoolKey(key, settings.prefix);
  // What has come since the repository was emptied belongs to a publisher that has not committed yet.
  const last = objects.filter(
    ({ key, modified }) => isIndex(key) && (emptied === undefined || modified <= emptied),
  );
  const keysOf = (found: { key: string }[]) => found.map(({ key }) => key);
  const first = objects.filter(({ key }) => isFirst(key) && !isIndex(key) && key !== kind.pointerKey);
  try {
    await deleteWhile(job, etag, keysOf(first));
    if (etag !== undefined) await store.delete(kind.pointerKey, etag);
    await deleteWhile(job, undefined, keysOf(last));
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    // A publisher that committed meanwhile may have lost copies to us.
    const now = await kind.read();
    const fileNames = now.manifest.entries.map(({ fileName }) => fileName);
    if (now.etag !== undefined) await settle(job, [], new Set(fileNames));
  }
}
