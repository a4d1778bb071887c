/** What becomes of the releases that a stack published before: withdrawn, or expired. Pure. */
import { compareVersions } from '../formats/versionOrder';
import { latestAliases, PublishedPackage } from './published';

export interface Policy {
  /** Only what this stack published is touched. */
  stack: string;
  /** Versions that indexes and unversioned names no longer offer; their own names stay. */
  withdrawn?: string[];
  /** How many versions are kept, the newest ones. Default: all. */
  keep?: number;
  /** The version that is being published: it is kept, whatever its age. */
  current?: string;
}

type Entry = Pick<PublishedPackage, 'stack' | 'version' | 'fileName' | 'latestAliases' | 'withdrawn'>;

/** Versions of the stack beyond the newest `keep`; never one that an unversioned name stands for. */
export function expiredVersions(entries: Entry[], { stack, keep, current }: Policy): string[] {
  if (keep === undefined) return [];
  const own = entries.filter((entry) => entry.stack === stack).map(({ version }) => version);
  const named = new Set([...latestAliases(entries).values()].map(({ version }) => version));
  const newestFirst = [...new Set(own)].sort((a, b) => compareVersions(b, a));
  return newestFirst.slice(keep).filter((version) => !named.has(version) && version !== current);
}

/** The entries with the policy's marks, without those that are expired. */
export function applyPolicy<T extends Entry>(entries: T[], policy: Policy): T[] {
  const marked = entries.map((entry) => {
    if (entry.stack !== policy.stack) return entry;
    const { withdrawn, ...rest } = entry;
    void withdrawn;
    return (policy.withdrawn?.includes(entry.version) ? { ...rest, withdrawn: true } : rest) as T;
  });
  const expired = new Set(expiredVersions(marked, policy));
  return marked.filter(({ stack, version }) => stack !== policy.stack || !expired.has(version));
}
