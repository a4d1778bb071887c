/** The release that a stack takes over from another: agreed to by digest, proved by its gates, of the right key. */
import { isDeepStrictEqual } from 'node:util';
import { reasonOf } from '../attest/bundles';
import { CosignError, fingerprintOf, isUnsigned, normalized, SIGNATURE, verify } from '../attest/cosign';
import { PROVENANCE, SPDX } from '../attest/provenance';
import { digest } from '../oci';
import { keptRecord } from '../promotion/kept';
import { isPublished, Publisher } from '../promotion/publisher';
import { PinnedRelease, ReleaseRecord, unlike, unproved, untold } from '../promotion/record';
import { changed, CheckError, known, Resource } from '../resource';
import { openStore } from '../store/open';
import { UNKNOWN } from '../wire';

export interface PromotionInputs extends Publisher {
  /** Stack that it comes from, for messages. */
  from: string;
  /** What that stack says of its release; absent where it has published none. */
  record?: ReleaseRecord;
  /** What a reviewer agreed to. */
  pinned: PinnedRelease;
  /** Fingerprint of the key that must have signed it. */
  expectedKey: string;
  /** Fingerprint of the key that must have signed its images: SHA-256 of the DER form. Once it is out, none is needed. */
  expectedCosignKey?: string;
  /** Keys of packages whose binaries must have been held against the oldest system, too. */
  floors: string[];
  /** Configuration namespace, for messages. */
  namespace: string;
}

/**
 * What the stack says of the agreed release: its outputs, or where it has published another one since, the record that
 * it kept of this one.
 *
 * @throws CheckError where the expected key did not sign what was kept
 */
async function recordOf({ from, record, pinned, expectedKey, namespace }: PromotionInputs) {
  if (!record?.records || record.version === pinned.version) return record;
  const { bucket, records, publicKey } = record;
  const kept = await keptRecord(openStore(bucket), records, pinned.version, publicKey);
  if (!kept || kept.signers.includes(expectedKey)) return kept?.record ?? record;
  throw new CheckError(
    'expectedKey',
    `${namespace}:expectedKey: the record of ${pinned.version} that the stack ${from} has kept is not signed by ${expectedKey}: find out who wrote it, or publish ${pinned.version} there again`,
  );
}

function refuse({ from, record, pinned, expectedKey, floors, namespace }: PromotionInputs): void {
  const stop = (property: string, message: string) => {
    throw new CheckError(property, `${namespace}:${property}: ${message}`);
  };
  if (!record || record.format !== 1)
    return stop(
      'from',
      `the stack ${from} has no release that could be promoted: publish there first, or name another stack`,
    );
  const changes = unlike(pinned, record);
  if (changes.length > 0)
    stop(
      'release',
      `the stack ${from} does not have what was agreed to: ${changes.join('; ')}. Nothing was changed. Publish the agreed release there again, or agree to this one (npm run propose)`,
    );
  if (record.signingKey !== expectedKey)
    stop(
      'expectedKey',
      `the stack ${from} signs with ${record.signingKey}, expected was ${expectedKey}: find out who changed it before you change the setting`,
    );
  const open = unproved(record, floors);
  if (open.length > 0)
    stop(
      'from',
      `the stack ${from} has published without a gate: ${open.join(', ')}; publish it there again`,
    );
  const bare = untold(record);
  if (bare.length > 0)
    stop(
      'from',
      `the stack ${from} has published without SBOM or provenance: package ${bare.join(', ')}; publish it there again`,
    );
}

/** The record with its key of images as we keep it: what is verified is the key whose fingerprint was agreed to. */
function withOneKey({
  from,
  record,
  namespace,
}: Pick<PromotionInputs, 'from' | 'record' | 'namespace'>): ReleaseRecord | undefined {
  if (!record?.cosignKey) return record;
  try {
    return { ...record, cosignKey: normalized(record.cosignKey) };
  } catch (error) {
    throw new CheckError(
      'expectedCosignKey',
      `${namespace}:expectedCosignKey: the key of images in the record of the stack ${from} cannot be taken: ${(error as Error).message}; find out who wrote it, or publish the release there again`,
    );
  }
}

/** Nobody asks for them by a tag, so that only this finds one that was let go. */
async function refuseLostSystems({ from, record, namespace }: PromotionInputs): Promise<void> {
  const systems = Object.values(record?.systems ?? {}).map((one) => `${one.repository}@${one.digest}`);
  const found = await Promise.all(systems.map((ref) => digest(ref)));
  const lost = systems.filter((_ref, i) => found[i] === undefined);
  if (lost.length > 0)
    throw new CheckError(
      'from',
      `${namespace}:from: the stack ${from} does not have any more what its images are made on: ${lost.join(', ')}; copy it there from a registry that has it. Nothing was changed`,
    );
}

/** Asks the other stack's registry, as any user of these images would. @throws CheckError */
async function refuseUnsigned({
  from,
  record,
  expectedCosignKey,
  namespace,
  stack,
}: PromotionInputs): Promise<void> {
  const stop = (message: string) => {
    throw new CheckError('expectedCosignKey', `${namespace}:expectedCosignKey: ${message}`);
  };
  const publicKey = record?.cosignKey;
  if (!record || !publicKey)
    return stop(
      `the stack ${from} has published ${record?.version ?? 'this release'} without signatures of its images; publish it there again`,
    );
  if (expectedCosignKey === undefined)
    return stop(`is not set, and ${record.version} is not out yet: npm run propose -- --stack ${stack}`);
  const found = fingerprintOf(publicKey);
  if (found !== expectedCosignKey)
    stop(
      `the stack ${from} signs images with ${found}, expected was ${expectedCosignKey}: find out who changed it before you change the setting`,
    );
  const images = Object.values(record.images).map((one) => `${one.repository}@${one.digest}`);
  const problems = await Promise.all(images.map((image) => signatureProblem(image, publicKey)));
  if (problems.flat().length > 0)
    stop(
      `images of ${from} do not have all that ${found} is to sign: ${problems.flat().join('; ')}. Repair it there (npm run refresh, then up). Nothing was changed`,
    );
}

/** What the other stack has to have signed of each image. */
const CLAIMS = [
  [SIGNATURE, 'signature'],
  [SPDX, 'SBOM'],
  [PROVENANCE, 'provenance'],
] as const;

/** @throws Error where cosign cannot find out */
async function signatureProblem(image: string, publicKey: string): Promise<string[]> {
  try {
    const signed = await verify(image, publicKey);
    const lacking = CLAIMS.filter(([type]) => !signed.includes(type)).map(([, what]) => what);
    return lacking.length > 0 ? [`${image} has no ${lacking.join(' and no ')}`] : [];
  } catch (error) {
    // Gone from the registry is the other stack's to repair, too.
    if (isUnsigned(error) || /MANIFEST_UNKNOWN|NAME_UNKNOWN/.test((error as Error).message))
      return [`${image}: ${reasonOf(error)}`];
    if (!(error instanceof CosignError)) throw error;
    throw new Error(
      `whether ${image} is signed cannot be found out: ${reasonOf(error)}. Nothing was changed; run it again when the registry answers`,
    );
  }
}

export const promotion: Resource<PromotionInputs, object> = {
  async check(news, olds) {
    const inputs = known<PromotionInputs>(news);
    if (!inputs || news === UNKNOWN) return news;
    // What is published is here: the other stack may go on and change its key, while this one withdraws, repairs or
    // changes its own. Another expected key is for what is agreed to next.
    const isAgreed = isDeepStrictEqual(olds?.pinned, inputs.pinned);
    if (isAgreed && olds?.record && (await isPublished(inputs, inputs.pinned.version)))
      return { ...news, record: olds.record as never };
    const record = withOneKey({ ...inputs, record: await recordOf(inputs) });
    refuse({ ...inputs, record });
    await refuseLostSystems({ ...inputs, record });
    await refuseUnsigned({ ...inputs, record });
    return { ...news, record: record as never };
  },

  diff(olds, news) {
    return { changes: changed(olds, news, ['from', 'record', 'pinned', 'expectedKey', 'expectedCosignKey']) };
  },

  create(inputs) {
    return Promise.resolve({ id: inputs.from, outs: {} });
  },

  update() {
    return Promise.resolve({});
  },

  async delete() {
    // It is the other stack's.
  },
};
