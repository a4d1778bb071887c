/** The record of a release in its stack's bucket, for another stack to publish the same (promotion/kept.ts). */
import { isDeepStrictEqual } from 'node:util';
import { openSigner } from '../gpg';
import { keepRecord, keptRecord } from '../promotion/kept';
import type { ReleaseRecord } from '../promotion/record';
import { changed, Resource } from '../resource';
import { openStore } from '../store/open';
import { removeFiles, Signing } from './package';

export interface RecordFileInputs {
  bucket: string;
  /** Records of the stack's releases are below it. */
  prefix: string;
  record: ReleaseRecord;
  signing: Signing;
}

async function keep({ bucket, prefix, record, signing }: RecordFileInputs): Promise<object> {
  const { home, fingerprint, setting } = signing;
  await keepRecord(openStore(bucket), prefix, record, await openSigner({ home, key: fingerprint, setting }));
  return {};
}

export const recordFile: Resource<RecordFileInputs, object> = {
  diff(olds, news) {
    return { changes: changed(olds, news, ['bucket', 'prefix', 'record']) };
  },

  async create(inputs) {
    return { id: inputs.prefix, outs: await keep(inputs) };
  },

  update(_olds, news) {
    return keep(news);
  },

  /** Gone, edited or signed by another: written again by the next update. */
  async read(state) {
    const { bucket, prefix, record } = state;
    const kept = await keptRecord(openStore(bucket), prefix, record.version, record.publicKey);
    const isSound = kept?.signers.includes(record.signingKey) && isDeepStrictEqual(kept.record, record);
    return isSound ? state : undefined;
  },

  /** Of all releases of the stack. */
  delete: removeFiles,
};
