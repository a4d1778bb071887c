/** An image that is in the registry for its digest alone: a base, a system, a context. */
import { referencedElsewhere } from './ledger';
import { digest, withdraw } from './oci';

/** The state of what is still there. */
export async function readStored<T extends { ref: string }>(state: T): Promise<T | undefined> {
  return (await digest(state.ref)) ? state : undefined;
}

/** Takes it away unless a release that stays was made of it. */
export async function withdrawStored({ bucket, ref }: { bucket: string; ref: string }): Promise<void> {
  if (!(await referencedElsewhere(bucket, ref))) await withdraw([ref]);
}
