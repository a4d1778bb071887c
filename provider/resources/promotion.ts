/** The release that a stack takes over from another: agreed to by digest, proved by its gates, of the right key. */
import { isDeepStrictEqual } from 'node:util';
import { readLedger } from '../ledger';
import { PinnedRelease, ReleaseRecord, unlike, unproved } from '../promotion/record';
import { changed, CheckError, known, Resource } from '../resource';
import { UNKNOWN } from '../wire';

export interface PromotionInputs {
  /** Stack that it comes from, for messages. */
  from: string;
  /** What that stack says of its release; absent where it has published none. */
  record?: ReleaseRecord;
  /** What a reviewer agreed to. */
  pinned: PinnedRelease;
  /** Fingerprint of the key that must have signed it. */
  expectedKey: string;
  /** Keys of packages whose binaries must have been held against the oldest system, too. */
  floors: string[];
  /** Configuration namespace, for messages. */
  namespace: string;
  /** Where this stack publishes, and what it is called in the ledger there. */
  bucket: string;
  channel: string;
  stack: string;
  /** Set by check: this stack has published it, to the last tag but the moving ones. */
  isPublished?: boolean;
}

async function isPublished({ bucket, channel, stack, pinned }: PromotionInputs): Promise<boolean> {
  return (await readLedger(bucket, channel)).releases[pinned.version]?.stack === stack;
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
}

export const promotion: Resource<PromotionInputs, object> = {
  async check(news, olds) {
    const inputs = known<PromotionInputs>(news);
    if (!inputs || news === UNKNOWN) return news;
    // What is published is here: the other stack may go on, while this one withdraws, repairs or changes its key.
    const isAgreed =
      isDeepStrictEqual(olds?.pinned, inputs.pinned) && olds?.expectedKey === inputs.expectedKey;
    if (isAgreed && olds?.record && (await isPublished(inputs)))
      return { ...news, record: olds.record as never, isPublished: true };
    refuse(inputs);
    return { ...news, isPublished: false };
  },

  diff(olds, news) {
    return { changes: changed(olds, news, ['from', 'record', 'pinned', 'expectedKey']) };
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
