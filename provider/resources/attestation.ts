/**
 * What says of an image who made it: a signature by the stack's key, and signed statements, attached to its digest in
 * the stack's first registry. Copies in other registries get them from there (imageCopy.ts). Deletion is the ledger's,
 * which takes what is attached with the image.
 */
import { isDeepStrictEqual } from 'node:util';
import { Bundle, signedBundles } from '../attest/bundles';
import {
  attest,
  fingerprintOf,
  hasSignature,
  sign,
  SIGNATURE,
  Statement,
  verify,
  verifyAttestation,
} from '../attest/cosign';
import { InTotoStatement, PROVENANCE, SPDX } from '../attest/provenance';
import { sha256 as sha256Of } from '../formats/compress';
import { digest as digestOf, dropLostAttachments, hasAttached } from '../oci';
import type { Statement as KeptStatement } from '../publish/published';
import { changed, Resource } from '../resource';
import { openStore } from '../store/open';
import { privateKey } from './cosignKey';

export interface AttestationInputs {
  /** `<registry>/<namespace>/<name>`. */
  repository: string;
  digest: string;
  /** Where the private key is; see `cosignKey.ts` for each field. No reason for a change. */
  key: { key?: string; home: string };
  /** PEM. */
  publicKey: string;
  /** What is told of it (imageStatements.ts); absent where it comes with the image. */
  statements?: KeptStatement[];
  /** Where that lies. No reason for a change. */
  bucket?: string;
  /** Digests of what came with the image from the stack that built it. Its statements are signed anew. */
  carried?: string[];
  /** PEM: key of that stack; nothing else of what came is signed anew. No reason for a change. */
  carriedSigner?: string;
}

export interface AttestationOutputs {
  /** Digests of what is attached to the image and belongs to it, sorted. */
  attachments: string[];
}

const reference = ({ repository, digest }: AttestationInputs) => `${repository}@${digest}`;

/** What is claimed of the image besides that it is ours. */
async function statementsOf(inputs: AttestationInputs): Promise<Statement[]> {
  const { carried = [], carriedSigner, statements = [] } = inputs;
  if (carriedSigner === undefined) return Promise.all(statements.map((one) => told(inputs, one)));
  // What came before there was a key was verified by nobody, and may be anybody's.
  if (carriedSigner === '') return [];
  const all = await signedBundles(reference(inputs), carriedSigner);
  const found = all
    .filter(({ digest, statement }) => carried.includes(digest) && statement.type !== SIGNATURE)
    .map(({ statement }) => statement);
  // The promotion has seen them there (promotion.ts).
  const lacking = [SPDX, PROVENANCE].filter((type) => !found.some((one) => one.type === type));
  if (lacking.length > 0)
    throw new Error(
      `${reference(inputs)} came without ${lacking.join(' and ')} by ${fingerprintOf(carriedSigner)}; repair it in the stack that it is from (npm run refresh, then up). Nothing was published.`,
    );
  return found;
}

/** A document as a statement of the image. */
async function told(
  { bucket = '' }: AttestationInputs,
  { document, key, sha256 }: KeptStatement,
): Promise<Statement> {
  const store = openStore(bucket);
  const body = (await store.get(key))?.body;
  if (!body || sha256Of(body) !== sha256)
    throw new Error(`${store.url}/${key} is missing or damaged: run npm run refresh, then up.`);
  const parsed = JSON.parse(body.toString()) as InTotoStatement;
  return document === 'spdx.json'
    ? { type: SPDX, predicate: parsed }
    : { type: parsed.predicateType, predicate: parsed.predicate };
}

const isOf =
  ({ type, predicate }: Statement) =>
  ({ statement }: Bundle) =>
    statement.type === type && isDeepStrictEqual(statement.predicate, predicate);

/** Signs what is not signed yet by the key, and verifies all of it as users do. */
async function attach(inputs: AttestationInputs): Promise<AttestationOutputs> {
  const image = reference(inputs);
  const { publicKey } = inputs;
  const own = privateKey(inputs.key);
  const statements = await statementsOf(inputs);
  await dropLostAttachments(image);
  const before = await signedBundles(image, publicKey);
  if (!before.some(({ statement }) => statement.type === SIGNATURE)) await sign(image, own);
  for (const statement of statements) if (!before.some(isOf(statement))) await attest(image, statement, own);
  await prove(image, statements, publicKey);
  const now = await signedBundles(image, publicKey);
  const wanted = now.filter(
    (bundle) => bundle.statement.type === SIGNATURE || statements.some((one) => isOf(one)(bundle)),
  );
  return { attachments: [...(inputs.carried ?? []), ...wanted.map(({ digest }) => digest)].sort() };
}

/** @throws Error for an image that its users would refuse */
async function prove(image: string, statements: Statement[], publicKey: string): Promise<void> {
  const types = await verify(image, publicKey);
  if (!types.includes(SIGNATURE))
    throw new Error(`${image} has no signature by the key ${fingerprintOf(publicKey)} after it was signed`);
  for (const { type, predicate } of statements) {
    const found = await verifyAttestation(image, type, publicKey);
    if (!found.some((one) => isDeepStrictEqual(one, predicate)))
      throw new Error(`${image} says something else of ${type} than what was attested`);
  }
}

export const attestation: Resource<AttestationInputs, AttestationOutputs> = {
  diff(olds, news) {
    return { changes: changed(olds, news, ['repository', 'digest', 'publicKey', 'carried', 'statements']) };
  },

  async create(inputs) {
    return { id: inputs.repository, outs: await attach(inputs) };
  },

  update(_olds, news) {
    return attach(news);
  },

  /** Gone, or not what the key signed: made again by the next update. */
  async read(state) {
    const image = reference(state);
    if (!(await digestOf(image))) return undefined;
    if (!(await hasAttached(image, state.attachments))) return undefined;
    return (await hasSignature(image, state.publicKey)) ? state : undefined;
  },

  async delete() {
    // The ledger takes it away with its release.
  },
};
