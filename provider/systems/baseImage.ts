/** A base as an image: the public one, or a root file system made here. */
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import type { BaseRow } from '../../model';
import { copy, digest, pushRootfs } from '../oci';
import { makeRootfs } from '../rootfs';

export type BaseSource = 'reference' | 'rootfs';

/** `reference` where the public registry answers with that very image. */
export function baseSource({ reference }: BaseRow): Promise<BaseSource> {
  return digest(reference, { timeout: 5000 }).then(
    (found) => (found === undefined ? 'rootfs' : 'reference'),
    () => 'rootfs',
  );
}

/**
 * Puts it into a repository, by digest.
 *
 * @param isAnew with the packages that the mirror has now, also where a root file system is cached
 * @returns the digest
 */
export async function makeBase(
  { reference, rootfs }: BaseRow,
  source: BaseSource,
  repository: string,
  isAnew = false,
): Promise<string> {
  if (source === 'reference') {
    const pinned = reference.slice(reference.indexOf('@') + 1);
    await copy(reference, `${repository}@${pinned}`);
    return pinned;
  }
  const work = await fs.mkdtemp(path.join(os.tmpdir(), 'artifacts-base-'));
  try {
    const tar = path.join(work, 'rootfs.tar');
    await makeRootfs(rootfs, tar, { isAnew });
    return await pushRootfs(repository, tar);
  } finally {
    await fs.rm(work, { recursive: true, force: true });
  }
}
