/**
 * Released names keep their bytes: looks at every name of the release, in every repository and the ledger, before
 * any index or tag moves (design, "Releases accumulate", Immutability). Writes nothing.
 */
import { readLedger } from '../ledger';
import { Kind, KINDS, RepositoryPlace, settingsOf } from '../publish/kinds';
import { changed, Resource } from '../resource';
import { openStore } from '../store/open';
import type { RepositoryPackage } from './repository';

/** A repository and what of the release goes there. */
export interface Listing extends RepositoryPlace {
  kind: keyof typeof KINDS;
  packages: RepositoryPackage[];
}

export interface ReleasedNamesInputs {
  bucket: string;
  channel: string;
  version: string;
  /** The setting that asks for this check, for messages. */
  setting: string;
  repositories: Listing[];
  /** Digest of each image, by repository. */
  images: Record<string, string>;
}

/** Names that are released with other bytes, each with both digests. */
async function taken(inputs: ReleasedNamesInputs): Promise<string[]> {
  const store = openStore(inputs.bucket);
  const found: string[] = [];
  for (const listing of inputs.repositories) {
    const kind: Kind = KINDS[listing.kind];
    const { entries } = await kind.read(store, settingsOf(listing));
    const listed = new Map(entries.map((entry) => [entry.fileName, entry]));
    for (const one of listing.packages) {
      const before = listed.get(one.fileName);
      if (!before || before.sha256 === one.sha256) continue;
      // An rpm is the same where header and payload are: a signature may differ.
      if (before.identity && before.identity === one.identity) continue;
      found.push(`${one.fileName} (sha256 ${before.sha256} => ${one.sha256})`);
    }
  }
  const { releases } = await readLedger(inputs.bucket, inputs.channel);
  for (const [repository, digest] of Object.entries(inputs.images)) {
    const before = releases[inputs.version]?.images[repository];
    if (before && before !== digest) found.push(`${repository}:${inputs.version} (${before} => ${digest})`);
  }
  return found;
}

async function refuseTaken(inputs: ReleasedNamesInputs): Promise<object> {
  const names = await taken(inputs);
  if (names.length === 0) return {};
  throw new Error(
    `${inputs.setting}: these names are released with other bytes, nothing was published: ${names.join(', ')}; give the new build a new version`,
  );
}

export const releasedNames: Resource<ReleasedNamesInputs, object> = {
  diff(olds, news) {
    return { changes: changed(olds, news, ['bucket', 'channel', 'version', 'repositories', 'images']) };
  },

  async create(inputs) {
    return { id: `${inputs.channel}/released-names`, outs: await refuseTaken(inputs) };
  },

  update(_olds, news) {
    return refuseTaken(news);
  },

  async delete() {
    // It made nothing.
  },
};
