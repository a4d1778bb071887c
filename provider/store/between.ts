/** Objects from one store to another. */
import { S3Store } from './s3';
import { Store } from './store';

/**
 * Copies an immutable object: by the server where both buckets are its own, else from the local copy. `to` names its
 * sha256, so that other bytes are refused.
 */
export async function copyBetween(
  from: { store: Store; key: string; file: string },
  to: { store: Store; key: string; sha256: string },
): Promise<void> {
  const { store } = to;
  if ((await store.head(to.key))?.sha256 === to.sha256) return;
  if (store instanceof S3Store && store.isBeside(from.store))
    await store.copyFrom(from.store, from.key, to.key);
  else await store.putImmutable(to.key, { file: from.file });
}
