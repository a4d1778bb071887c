/**
 * A package that another stack published, in this stack's bucket: equal by digest, its signature checked; an rpm is
 * signed anew with this stack's key. It is listed by the repositories afterwards, as one that was built here. What is told
 * of it comes with it, checked in the same way.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { subjectOf, withSubject } from '../attest/provenance';
import { isSbomOf } from '../attest/spdx';
import { sha256 as sha256Of } from '../formats/compress';
import { rpmContents, rpmSignature } from '../formats/rpmHeader';
import { openSigner, signRpm } from '../gpg';
import { withTemporaryFolder } from '../gpgSession';
import { signersOf } from '../gpgVerify';
import { isPublished, Publisher } from '../promotion/publisher';
import { RecordedPackage, statementKeys } from '../promotion/record';
import { DOCUMENTS, Statement } from '../publish/published';
import { changed, CheckError, known, Resource } from '../resource';
import { hashFile } from '../source/files';
import { copyBetween } from '../store/between';
import { openStore } from '../store/open';
import { UNKNOWN } from '../wire';
import { keptFile, removeFiles, Signing } from './package';
import { areKept, keepStatement } from './statementFiles';
import type { Blob } from './source';

export interface PromotedPackageInputs extends Publisher {
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
  /** Set by check: this stack has published the release already. No reason for a change. */
  isPublished?: boolean;
}

export interface PromotedPackageOutputs extends Blob {
  /** Of an rpm: digests of header and payload; else empty. */
  identity: string;
  /** Documents beside it; none where the other stack has none. */
  statements: Statement[];
}

/** The package itself. */
type Moved = Omit<PromotedPackageOutputs, 'statements'>;

type State = PromotedPackageInputs & PromotedPackageOutputs;

const unsigned = (what: string, { from, expectedKey }: Pick<PromotedPackageInputs, 'from' | 'expectedKey'>) =>
  new Error(
    `${what} is not signed by ${expectedKey}, the key that ${from.stack} is expected to have: find out who signed it. Nothing was published.`,
  );

/** What the key of the other stack has to have signed: the file, and an rpm inside, too. */
async function checkSignatures(file: string, { from, source, expectedKey }: PromotedPackageInputs) {
  const store = openStore(from.bucket);
  const keyring = (await store.get(from.publicKey))?.body;
  const detached = (await store.get(`${source.plain}.asc`))?.body;
  const signers = keyring && detached ? await signersOf({ file }, detached, keyring) : [];
  const refuse = (what: string) => {
    throw unsigned(`${store.url}/${what}`, { from, expectedKey });
  };
  if (!signers.includes(expectedKey)) refuse(source.plain);
  if (source.identity === '') return;
  const inside = await rpmSignature(file);
  const made = inside && keyring ? await signersOf(inside.signed, inside.packet, keyring) : [];
  if (!made.includes(expectedKey)) refuse(`${source.key} (inside of the rpm)`);
  if ((await rpmContents(file)) !== source.identity)
    throw new Error(`${store.url}/${source.key} has another header or payload than was agreed to.`);
}

/** What is published here was checked when it came, and the other stack may have let it go or changed its key since. */
const isOwn = (inputs: PromotedPackageInputs, before?: State): before is State =>
  inputs.isPublished === true && isDeepStrictEqual(before?.source, inputs.source);

/** The file at hand, checked, and where it came from. */
async function fetched(file: string, inputs: PromotedPackageInputs, before?: State) {
  const { source, from } = inputs;
  const origin = isOwn(inputs, before)
    ? { store: openStore(before.bucket), key: before.key, sha256: before.sha256 }
    : { store: openStore(from.bucket), key: source.key, sha256: source.sha256 };
  await origin.store.download(origin.key, file);
  if ((await hashFile(file)) !== origin.sha256)
    throw new Error(
      `${origin.store.url}/${origin.key} does not have the digest that was agreed to; repair it there (npm run refresh, then up). Nothing was published.`,
    );
  if (!isOwn(inputs, before)) await checkSignatures(file, inputs);
  return origin;
}

type Told = [document: Statement['document'], text: string][];

/** What is told of it, as the other stack's record has it and signed by that stack's key. */
async function fetchedStatements(inputs: PromotedPackageInputs): Promise<Told> {
  const { from, source, expectedKey } = inputs;
  const store = openStore(from.bucket);
  const keyring = (await store.get(from.publicKey))?.body;
  const found: Told = [];
  for (const document of DOCUMENTS) {
    const recorded = source.statements?.[document];
    if (!recorded) continue;
    const { key, plain } = statementKeys(source, document, recorded.sha256);
    const [body, signature] = [(await store.get(key))?.body, (await store.get(`${plain}.asc`))?.body];
    if (!body || sha256Of(body) !== recorded.sha256)
      throw new Error(
        `${store.url}/${key} is missing or not what was agreed to; repair it there (npm run refresh, then up). Nothing was published.`,
      );
    const signers = keyring && signature ? await signersOf(body, signature, keyring) : [];
    if (!signers.includes(expectedKey)) throw unsigned(`${store.url}/${plain}`, inputs);
    const text = body.toString();
    // Signed once, and perhaps for another file.
    const isOfIt =
      document === 'provenance.json' ? subjectOf(text) === source.sha256 : isSbomOf(text, source);
    if (!isOfIt)
      throw new Error(
        `${store.url}/${plain} tells of another file than ${source.fileName}. Nothing was published.`,
      );
    found.push([document, text]);
  }
  return found;
}

/** What came with it before, as it is kept here. */
async function keptStatements({ bucket, statements = [] }: State): Promise<Told> {
  const store = openStore(bucket);
  return Promise.all(
    statements.map(async ({ document, key }): Promise<Told[0]> => {
      const body = (await store.get(key))?.body;
      if (!body) throw new Error(`${store.url}/${key} is missing: run npm run refresh, then up.`);
      return [document, body.toString()];
    }),
  );
}

async function promote(inputs: PromotedPackageInputs, before?: State): Promise<PromotedPackageOutputs> {
  const told = isOwn(inputs, before) ? await keptStatements(before) : await fetchedStatements(inputs);
  const moved = await move(inputs, before);
  const statements: Statement[] = [];
  for (const [document, text] of told) {
    // An rpm that was signed anew is another file.
    const isOther = document === 'provenance.json' && subjectOf(text) !== moved.sha256;
    const own = isOther ? withSubject(text, moved.sha256) : text;
    statements.push(await keepStatement(inputs, document, own));
  }
  return { ...moved, statements };
}

async function move(inputs: PromotedPackageInputs, before?: State): Promise<Moved> {
  const { source, signing, bucket, prefix, fileName } = inputs;
  const ours = openStore(bucket);
  return withTemporaryFolder(async (folder) => {
    const file = path.join(folder, fileName);
    const { store, key: from } = await fetched(file, inputs, before);
    const { identity } = source;
    if (!signing) {
      const key = `${prefix}/${source.sha256}/${fileName}`;
      await copyBetween({ store, key: from, file }, { store: ours, key, sha256: source.sha256 });
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
    const checked = { ...news, isPublished: await isPublished(inputs, inputs.version) };
    // The other stack may have let it go since.
    if (checked.isPublished && isDeepStrictEqual(olds?.source, inputs.source)) return checked;
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
    return checked;
  },

  diff(olds, news) {
    if (news === UNKNOWN) return { changes: ['source'] };
    const fields = ['bucket', 'prefix', 'fileName', 'version', 'source', 'signing'] as const;
    // What is published here keeps the key that it was agreed to with.
    const key = known(news.isPublished) ? [] : changed(olds, news, ['expectedKey']);
    return { changes: [...changed(olds, news, [...fields]), ...key] };
  },

  async create(inputs) {
    return { id: inputs.prefix, outs: await promote(inputs) };
  },

  update(olds, news) {
    return promote(news, olds);
  },

  async read(state) {
    const { bucket, statements = [] } = state;
    return (await areKept({ bucket, statements })) ? keptFile(state) : undefined;
  },

  delete: removeFiles,
};
