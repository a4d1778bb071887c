/** Which package files a release adds, builds again or leaves out. Pure. */
import type { Seen } from './events';
import { rebuilt } from './indexes';
import { reasons, SIGNING_KEY } from './reasons';
import { table, tables, text } from './values';

export interface Change {
  from?: string;
  to?: string;
}

/**
 * `signed anew`: the same contents with another key's signature. `again`: it was lost, and is made again. `left out`:
 * the release has it no more.
 */
export type PackageStatus = 'new' | 'rebuilt' | 'signed anew' | 'again' | 'left out';

export interface PackageChange {
  resource: string;
  status: PackageStatus;
  file: string;
  version: Change;
  /** `to` only where it is known without a build. */
  sha256: Change;
  /** Taken over from another stack: the bytes are known, but of what is signed anew. */
  isPromoted: boolean;
  because: string[];
}

/** Built here, or taken over from another stack. */
const PROMOTED = 'artifacts:index:PromotedPackage';
export const PACKAGES = ['artifacts:index:Package', PROMOTED];

export function packageChanges(resources: Seen[]): PackageChange[] {
  const listed = new Set(
    resources.flatMap(({ old }) => tables(old, 'packages').flatMap((one) => text(one, 'fileName') ?? [])),
  );
  const out = new Map(
    resources.flatMap(({ new: after }) => rebuilt(after)).map((one) => [one.file, one] as const),
  );
  return resources
    .filter(({ type, operation }) => PACKAGES.includes(type) && operation !== 'same')
    .map((resource) => {
      const { name, type, operation, old, new: after } = resource;
      const [before, now] = [text(old, 'fileName'), text(after, 'fileName')];
      const isGone = operation === 'delete';
      const because = isGone ? [] : reasons(resource);
      const isResigned = before === now && because.join() === SIGNING_KEY;
      return {
        resource: name,
        status: isGone ? 'left out' : isResigned ? 'signed anew' : statusOf(before, now, listed, out),
        file: (isGone ? before : now) ?? name,
        version: { from: text(old, 'version'), to: text(after, 'version') },
        sha256: {
          from: before === now || isGone ? text(old, 'sha256') : out.get(now ?? '')?.from,
          to: text(after, 'sha256') ?? (type === PROMOTED ? takenOver(after) : undefined),
        },
        isPromoted: type === PROMOTED,
        because,
      };
    });
}

/** The same bytes as there; an rpm has its signature inside. */
const takenOver = (after: Seen['new']) =>
  Object.keys(table(after, 'signing')).length > 0 ? undefined : text(table(after, 'source'), 'sha256');

/** @param out files of the release that are out and get other bytes, perhaps of a version before the last */
function statusOf(
  before: string | undefined,
  now: string | undefined,
  listed: Set<string>,
  out: ReadonlyMap<string, unknown>,
): PackageStatus {
  if (before !== undefined && (before === now || out.has(now ?? ''))) return 'rebuilt';
  return before === undefined && now !== undefined && listed.has(now) ? 'again' : 'new';
}
