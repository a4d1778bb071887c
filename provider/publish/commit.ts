/** The step from one state to the next: everything that the new pointer names, then the pointer. */
import { setTimeout } from 'node:timers/promises';
import { warn } from '../diagnostics';
import { Written } from './cleanUp';
import { Committed, Job } from './job';
import { publishKeys, signAnew } from './keys';
import { keptKeys, ManifestEntry, nextManifest, plainNames } from './manifest';
import { movedNames, publishNewNames } from './settle';

/** Milliseconds that a publication waits for its turn: apt takes an index for changed when its date is a later one. */
const PATIENCE = 5000;

/**
 * The date of the index: by the store's clock, never in the future, for apt refuses such an index (apt.conf(5),
 * "Acquire::Max-FutureTime", 10 s), and later than the one before where that can be.
 */
async function indexDate<F>({ store, date, kind }: Job<F>, before: Date | undefined): Promise<Date> {
  const now = await store.now();
  const earliest = before === undefined ? 0 : before.getTime() + 1000;
  const wanted = Math.max(Math.min(date.getTime(), now.getTime()), earliest);
  const ahead = wanted - now.getTime();
  if (ahead <= 0) return new Date(wanted);
  if (ahead <= PATIENCE) {
    await setTimeout(ahead);
    return new Date(wanted);
  }
  await warn(
    `${kind.pointerKey} was dated ${before?.toISOString()}, which is still to come: a publisher's clock was wrong. Clients that have it take the new one for old until then.`,
  );
  return now;
}

/**
 * Commits other entries on top of `current`. Throws ConflictError when another publisher was faster. `goesAway`: packages
 * that drop out go at once instead of after the grace time.
 */
export async function commit<F>(
  job: Job<F>,
  current: Committed<F>,
  entries: ManifestEntry<F>[],
  { goesAway = false } = {},
): Promise<Written<F> & { etag: string; date: Date }> {
  const { store, settings, kind, signer, options } = job;
  const now = options.now ?? (await store.now());
  const plainKey = (name: string) => kind.plainKey(name);
  const before = current.manifest.entries;
  const merged = nextManifest(current.manifest, entries, {
    indexKeys: current.indexKeys,
    isIndex: (key) => kind.generations.some((prefix) => key.startsWith(prefix)),
    plainKey,
    now,
    goesAway,
    keepsPlain: kind.listsPlainNames === true && !goesAway,
  });
  // Asked seldom, and long in a large repository.
  let kept: Set<string> | undefined;
  const keeps = (key: string) => (kept ??= keptKeys(merged, plainKey)).has(key);
  // What an earlier publisher was to delete and did not: this one does, when the state that needs it is replaced.
  const leaving = [...merged.leaving];
  for (const key of current.manifest.leaving)
    if (!keeps(key) && !leaving.includes(key) && (await store.head(key))) leaving.push(key);
  const next = {
    ...merged,
    leaving: leaving.sort(),
    keys: signer.publishedKeys,
    stack: settings.stack,
    pending: movedNames(before, entries).map(([name]) => name),
  };
  // Before an index is signed with the new ones, and not without the old ones while signatures of theirs are out.
  await publishKeys(store, settings, signer, current.manifest.keys);
  await signAnew(job, current.manifest.keys, () =>
    [...plainNames(before)].map(([name, entry]) => [plainKey(name), entry] as const),
  );
  const date = await indexDate(job, current.date);
  const { pointer, keys } = await kind.stage(next, date, signer);
  await publishNewNames(job, current, entries);
  const etag = await store.compareAndSwap(kind.pointerKey, pointer, current.etag);
  return { next, keeps, etag, now, date, indexKeys: keys };
}
