/** Which keys sign, and which are published. Pure. */
import type { Seen } from './events';
import { isIndex } from './indexes';
import { Change } from './packages';
import { text, texts } from './values';

export interface KeyChanges {
  /** Fingerprints. `to` is absent where the key is still to be made. */
  signing?: Change;
  /** Fingerprints of the key that signs images. `to` is absent where the key is still to be made. */
  images?: Change;
  /** Further keys that sign the indexes. */
  index: { added: string[]; removed: string[] };
  /** Further keys in the published key files. */
  published: { added: string[]; removed: string[] };
  /** Of a promotion: the stack that is taken from, and the key that it has to have. */
  origin?: Change;
  expected?: Change;
  /** The key that has to have signed its images. */
  expectedImages?: Change;
}

const TYPE = 'artifacts:index:SigningKey';
const COSIGN = 'artifacts:index:CosignKey';
const PROMOTION = 'artifacts:index:Promotion';

export function keyChanges(resources: Seen[]): KeyChanges {
  const key = resources.find(({ type }) => type === TYPE);
  const indexes = resources.filter(isIndex);
  const [signing, images] = [change(key), change(resources.find(({ type }) => type === COSIGN))];
  return {
    ...(signing && { signing }),
    ...(images && { images }),
    index: compared(key ? [key] : [], 'indexKeys'),
    // The repositories know of those that signed an rpm which is still listed.
    published: compared([...(key ? [key] : []), ...indexes], 'publishedKeys'),
    ...trusted(resources.find(({ type }) => type === PROMOTION)),
  };
}

function change(key: Seen | undefined): Change | undefined {
  const [from, to] = [key && text(key.old, 'fingerprint'), key && text(key.new, 'fingerprint')];
  const isSame =
    !key || key.operation === 'same' || key.operation === 'delete' || (from !== undefined && from === to);
  return isSame ? undefined : { from, to };
}

/** Whom a promotion trusts, where that changes. */
function trusted(promotion: Seen | undefined): Pick<KeyChanges, 'origin' | 'expected' | 'expectedImages'> {
  const between = (field: string) => {
    const [from, to] = [promotion && text(promotion.old, field), promotion && text(promotion.new, field)];
    return to === undefined || from === to ? undefined : { from, to };
  };
  const [origin, expected] = [between('from'), between('expectedKey')];
  const expectedImages = between('expectedCosignKey');
  return {
    ...(origin && { origin }),
    ...(expected && { expected }),
    ...(expectedImages && { expectedImages }),
  };
}

function compared(all: Seen[], field: string): { added: string[]; removed: string[] } {
  const union = (side: 'old' | 'new') => new Set(all.flatMap((one) => texts(one[side], field)));
  const [before, now] = [union('old'), union('new')];
  return {
    added: [...now].filter((one) => !before.has(one)).sort(),
    removed: [...before].filter((one) => !now.has(one)).sort(),
  };
}

export function hasKeyChanges(changes: KeyChanges): boolean {
  const { signing, images, index, published, origin, expected, expectedImages } = changes;
  return (
    [signing, images, origin, expected, expectedImages].some((change) => change !== undefined) ||
    [index, published].some(({ added, removed }) => added.length + removed.length > 0)
  );
}
