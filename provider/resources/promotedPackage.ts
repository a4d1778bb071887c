/**
 * A package that another stack published, in this stack's bucket: equal by digest, its signature checked; an rpm is
 * signed anew with this stack's key. It is listed by the repositories afterwards, as one that was built here.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { rpmContents, rpmSignature } from '../formats/rpmHeader';
import { openSigner, signRpm } from '../gpg';
import { withTemporaryFolder } from '../gpgSession';
import { signersOf } from '../gpgVerify';
import type { RecordedPackage } from '../promotion/record';
import { changed, CheckError, known, Resource } from '../resource';
import { hashFile } from '../source/files';
import { copyBetween } from '../store/between';
import { openStore } from '../store/open';
import { UNKNOWN } from '../wire';
import { keptFile, removeFiles, Signing } from './package';
import type { Blob } from './source';

export interface PromotedPackageInputs {
  bucket: string;
  /** The file goes to `<prefix>/<sha256>/<fileName>`. */
  prefix: string;
  fileName: string;
  version: string;
  /** Seconds since 1970: the time in an rpm's signature. */
  epoch: number;
  /** Where it was published. */
  from: { bucket: string; publicKey: string; stack: string };
  source: RecordedPackage;
  /** Fingerprint of the key that must have signed it. */
  expectedKey: string;
  /** Signs an rpm anew; absent for other formats. */
  signing?: Signing;
  /** This stack has published the release already. No reason for a change. */
  isPublished: boolean;
}

export interface PromotedPackageOutputs extends Blob {
  /** Of an rpm: digests of header and payload; else empty. */
  identity: string;
}

type State = PromotedPackageInputs & PromotedPackageOutputs;

/** What the key of the other stack has to have signed: the file, and an rpm inside, too. */
async function checkSignatures(file: string, { from, source, expectedKey }: PromotedPackageInputs) {
  const store = openStore(from.bucket);
  const keyring = (await store.get(from.publicKey))?.body;
  const detached = (await store.get(`${source.plain}.asc`))?.body;
  const signers = keyring && detached ? await signersOf({ file }, detached, keyring) : [];
  const refuse = (what: string) => {
    throw new Error(
      `${store.url}/${what} is not signed by ${expectedKey}, the key that ${from.stack} is expected to have: find out who signed it. Nothing was published.`,
    );
  };
  if (!signers.includes(expectedKey)) refuse(source.plain);
  if (source.identity === '') return;
  const inside = await rpmSignature(file);
  const made = inside && keyring ? await signersOf(inside.signed, inside.packet, keyring) : [];
  if (!made.includes(expectedKey)) refuse(`${source.key} (inside of the rpm)`);
  if ((await rpmContents(file)) !== source.identity)
    throw new Error(`${store.url}/${source.key} has another header or payload than was agreed to.`);
}

async function promote(inputs: PromotedPackageInputs, before?: State): Promise<PromotedPackageOutputs> {
  const { source, from, signing, bucket, prefix, fileName } = inputs;
  const [theirs, ours] = [openStore(from.bucket), openStore(bucket)];
  return withTemporaryFolder(async (folder) => {
    const file = path.join(folder, fileName);
    await theirs.download(source.key, file);
    if ((await hashFile(file)) !== source.sha256)
      throw new Error(
        `${theirs.url}/${source.key} does not have the digest that was agreed to; repair it there (npm run refresh, then up). Nothing was published.`,
      );
    await checkSignatures(file, inputs);
    const { identity } = source;
    if (!signing) {
      const key = `${prefix}/${source.sha256}/${fileName}`;
      await copyBetween(
        { store: theirs, key: source.key, file },
        { store: ours, key, sha256: source.sha256 },
      );
      return { key, sha256: source.sha256, size: source.size, identity };
    }
    const isSigned =
      before?.identity === identity &&
      before.signing?.fingerprint === signing.fingerprint &&
      before.bucket === bucket &&
      (await ours.head(before.key))?.size === before.size;
    // Another signature would be other bytes: what is there stays.
    if (isSigned) return { key: before.key, sha256: before.sha256, size: before.size, identity };
    const { home, fingerprint, setting } = signing;
    await signRpm(file, await openSigner({ home, key: fingerprint, setting }), inputs.epoch);
    const sha256 = await hashFile(file);
    const key = `${prefix}/${sha256}/${fileName}`;
    await ours.putImmutable(key, { file });
    return { key, sha256, size: (await fs.stat(file)).size, identity };
  });
}

export const promotedPackage: Resource<PromotedPackageInputs, PromotedPackageOutputs> = {
  /** A preview already says that the other stack has lost or changed it. */
  async check(news, olds) {
    const inputs = known<PromotedPackageInputs>(news);
    if (!inputs || news === UNKNOWN) return news;
    // The other stack may have let it go since.
    if (inputs.isPublished && isDeepStrictEqual(olds?.source, inputs.source)) return news;
    const { from, source } = inputs;
    const store = openStore(from.bucket);
    const found = await store.head(source.key);
    const isWhole =
      found?.size === source.size && (found.sha256 === undefined || found.sha256 === source.sha256);
    if (!isWhole)
      throw new CheckError(
        'source',
        `${store.url}/${source.key} of ${from.stack} is missing or damaged; repair it there (npm run refresh, then up). Nothing was changed`,
      );
    return news;
  },

  diff(olds, news) {
    if (news === UNKNOWN) return { changes: ['source'] };
    const fields = ['bucket', 'prefix', 'fileName', 'version', 'source', 'expectedKey', 'signing'] as const;
    return { changes: changed(olds, news, [...fields]) };
  },

  async create(inputs) {
    return { id: inputs.prefix, outs: await promote(inputs) };
  },

  update(olds, news) {
    return promote(news, olds);
  },

  read: keptFile,
  delete: removeFiles,
};
