/** Which package files a release adds, builds again or leaves out. Pure. */
import type { Seen } from './events';
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
        status: isGone ? 'left out' : isResigned ? 'signed anew' : statusOf(before, now, listed),
        file: (isGone ? before : now) ?? name,
        version: { from: text(old, 'version'), to: text(after, 'version') },
        sha256: {
          from: before === now || isGone ? text(old, 'sha256') : undefined,
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

function statusOf(before: string | undefined, now: string | undefined, listed: Set<string>): PackageStatus {
  if (before !== undefined && before === now) return 'rebuilt';
  return before === undefined && now !== undefined && listed.has(now) ? 'again' : 'new';
}
