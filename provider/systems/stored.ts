/** A pinned system: whether it is what the sources ask for, and still there. */
import { digest } from '../oci';
import { CheckError, known } from '../resource';
import { Previewed, UNKNOWN } from '../wire';
import type { PinnedSystem } from './pin';

interface Pinning {
  /** What was agreed to; it is taken as it is. Default: made where there is none. */
  pinned?: PinnedSystem;
  repository: string;
  /** Command that resolves the packages anew, for messages. */
  command: string;
}

/** @throws CheckError for a recipe that was changed since */
export function refuseOutdated(pinned: PinnedSystem, recipe: string, what: string, command: string): void {
  if (pinned.recipe === recipe) return;
  throw new CheckError(
    'pinned',
    `${what} was changed after its packages were resolved; resolve them again (${command}) and have the list reviewed. Nothing was changed`,
  );
}

/**
 * A pin that the stack has seen there needs no answer of the registry: a preview without rights on it goes on.
 *
 * @throws CheckError where it is not in the registry
 */
export async function checkStored(
  { pinned, repository, command }: Pinning,
  olds: Pick<Pinning, 'pinned' | 'repository'> | undefined,
  what: string,
): Promise<void> {
  if (!pinned) return;
  const isKnown = olds?.pinned?.digest === pinned.digest && olds.repository === repository;
  const asked = digest(`${repository}@${pinned.digest}`, isKnown ? { timeout: 5000 } : {});
  if (await (isKnown ? asked.catch(() => pinned.digest) : asked)) return;
  throw new CheckError(
    'pinned',
    `${what}, ${pinned.digest}, is not in ${repository}: copy it there from a registry that has it, or resolve its packages again (${command}) and have the list reviewed. Nothing was changed`,
  );
}

/** `pinned` where another one than what is there was agreed to. */
export function pinnedChange(
  olds: { digest: string },
  news: Previewed<{ pinned?: PinnedSystem }>,
): 'pinned'[] {
  const pinned = news === UNKNOWN ? undefined : known<PinnedSystem | undefined>(news.pinned);
  return pinned && pinned.digest !== olds.digest ? ['pinned'] : [];
}
