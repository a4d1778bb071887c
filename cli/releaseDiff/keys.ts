/** Which keys sign, and which are published. Pure. */
import type { Seen } from './events';
import { isIndex } from './indexes';
import { Change } from './packages';
import { text, texts } from './values';

export interface KeyChanges {
  /** Fingerprints. `to` is absent where the key is still to be made. */
  signing?: Change;
  /** Further keys that sign the indexes. */
  index: { added: string[]; removed: string[] };
  /** Further keys in the published key files. */
  published: { added: string[]; removed: string[] };
}

const TYPE = 'artifacts:index:SigningKey';

export function keyChanges(resources: Seen[]): KeyChanges {
  const key = resources.find(({ type }) => type === TYPE);
  const indexes = resources.filter(isIndex);
  const [from, to] = [key && text(key.old, 'fingerprint'), key && text(key.new, 'fingerprint')];
  const isSame =
    !key || key.operation === 'same' || key.operation === 'delete' || (from !== undefined && from === to);
  return {
    ...(!isSame && { signing: { from, to } }),
    index: compared(key ? [key] : [], 'indexKeys'),
    // The repositories know of those that signed an rpm which is still listed.
    published: compared([...(key ? [key] : []), ...indexes], 'publishedKeys'),
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

export function hasKeyChanges({ signing, index, published }: KeyChanges): boolean {
  return (
    signing !== undefined ||
    [index, published].some(({ added, removed }) => added.length + removed.length > 0)
  );
}
