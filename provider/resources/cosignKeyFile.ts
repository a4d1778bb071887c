/**
 * The public key that images are verified with, where their users fetch it: under its fixed name, and under its
 * fingerprint, which stays when another key takes its place: older images are verified with that.
 */
import { fingerprintOf, normalized } from '../attest/cosign';
import { changed, Resource } from '../resource';
import { openStore } from '../store/open';
import { Store } from '../store/store';

export interface CosignKeyFileInputs {
  bucket: string;
  /** Key of the file in the bucket; files by fingerprint lie beside it. */
  file: string;
  /** PEM. */
  publicKey: string;
}

export interface CosignKeyFileOutputs {
  /** Fingerprints of the keys that it has published, sorted. Absent: that of `publicKey` alone. */
  published?: string[];
}

const folderOf = (file: string) => file.slice(0, file.lastIndexOf('/') + 1);
const byFingerprint = (file: string, fingerprint: string) => `${folderOf(file)}${fingerprint}.pub`;
const filesOf = ({ file, publicKey }: CosignKeyFileInputs) => [
  file,
  byFingerprint(file, fingerprintOf(publicKey)),
];
const publishedBy = ({ publicKey, published }: CosignKeyFileInputs & CosignKeyFileOutputs) =>
  published ?? [fingerprintOf(publicKey)];

async function isIntact(store: Store, key: string, publicKey: string): Promise<boolean> {
  const found = await store.get(key);
  return found?.body.toString('utf8') === publicKey;
}

async function write(inputs: CosignKeyFileInputs, before: string[] = []): Promise<CosignKeyFileOutputs> {
  const store = openStore(inputs.bucket);
  const publicKey = normalized(inputs.publicKey);
  for (const key of filesOf(inputs))
    if (!(await isIntact(store, key, publicKey))) await store.put(key, Buffer.from(publicKey));
  return { published: [...new Set([...before, fingerprintOf(publicKey)])].sort() };
}

export const cosignKeyFile: Resource<CosignKeyFileInputs, CosignKeyFileOutputs> = {
  /**
   * Never a new resource: the engine deletes the old one after that, and another spelling of the bucket may be the same
   * place. What is in another bucket stays there: images of before are still verified with it.
   */
  diff(olds, news) {
    return { changes: changed(olds, news, ['bucket', 'file', 'publicKey']) };
  },

  async create(inputs) {
    return { id: inputs.file, outs: await write(inputs) };
  },

  update(olds, news) {
    return write(news, publishedBy(olds));
  },

  /** Gone or edited: written again by the next update. */
  async read(state) {
    const store = openStore(state.bucket);
    const publicKey = normalized(state.publicKey);
    const intact = await Promise.all(filesOf(state).map((key) => isIntact(store, key, publicKey)));
    return intact.every(Boolean) ? state : undefined;
  },

  /** Its own files, those of earlier keys, too; a key that somebody else published meanwhile stays. */
  async delete(state) {
    const { bucket, file, publicKey } = state;
    const store = openStore(bucket);
    for (const one of publishedBy(state)) await store.delete(byFingerprint(file, one));
    if (await isIntact(store, file, normalized(publicKey))) await store.delete(file);
  },
};
