/** A base root file system in the release's own registry, by digest: a public image, or one made here. */
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import type { BaseRow } from '../../model';
import { referencedElsewhere } from '../ledger';
import { copy, digest, pushRootfs, withdraw } from '../oci';
import { changed, known, Resource } from '../resource';
import { makeRootfs } from '../rootfs';
import { UNKNOWN } from '../wire';

export interface BaseInputs {
  bucket: string;
  /** `<registry>/<namespace>/<repository>` that keeps it. */
  repository: string;
  row: BaseRow;
  epoch: number;
  /** Set by check: which of the two was taken. Kept while the row stays the same. */
  took?: 'reference' | 'rootfs';
}

export interface BaseOutputs {
  digest: string;
  /** `<repository>@<digest>`. */
  ref: string;
}

const sameRow = (a: BaseRow, b: BaseRow) => JSON.stringify(a) === JSON.stringify(b);

/** Whether the public registry answers with that very image. */
async function reachable(reference: string): Promise<boolean> {
  return digest(reference, { timeout: 5000 }).then(
    (found) => found !== undefined,
    () => false,
  );
}

async function make(inputs: BaseInputs): Promise<BaseOutputs> {
  const { repository, row, took } = inputs;
  if (took === 'reference') {
    const pinned = row.reference.slice(row.reference.indexOf('@') + 1);
    await copy(row.reference, `${repository}@${pinned}`);
    return { digest: pinned, ref: `${repository}@${pinned}` };
  }
  const work = await fs.mkdtemp(path.join(os.tmpdir(), 'artifacts-base-'));
  try {
    const tar = path.join(work, 'rootfs.tar');
    await makeRootfs(row.rootfs, tar);
    const made = await pushRootfs(repository, tar);
    return { digest: made, ref: `${repository}@${made}` };
  } finally {
    await fs.rm(work, { recursive: true, force: true });
  }
}

export const base: Resource<BaseInputs, BaseOutputs> = {
  async check(news, olds) {
    const inputs = known<BaseInputs>(news);
    if (!inputs || news === UNKNOWN) return news;
    const kept = olds?.took && sameRow(olds.row, inputs.row) ? olds.took : undefined;
    return { ...inputs, took: kept ?? ((await reachable(inputs.row.reference)) ? 'reference' : 'rootfs') };
  },

  diff(olds, news) {
    return { changes: changed(olds, news, ['repository', 'row', 'took']) };
  },

  async create(inputs) {
    const outs = await make(inputs);
    return { id: outs.digest, outs };
  },

  update(_olds, news) {
    return make(news);
  },

  async read(state) {
    return (await digest(state.ref)) ? state : undefined;
  },

  async delete(state) {
    if (!(await referencedElsewhere(state.bucket, state.ref))) await withdraw([state.ref]);
  },
};
