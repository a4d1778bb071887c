/**
 * Names keep their bytes: those that others have, always; those that are released, where the stack says so. Looks at
 * every name of the release, in every repository and the ledger, before any index or tag moves (design, "Releases
 * accumulate", Immutability). Writes nothing.
 */
import { readLedger } from '../ledger';
import { Kind, KINDS, RepositoryPlace, settingsOf } from '../publish/kinds';
import { digest as digestOf } from '../oci';
import { changed, Resource } from '../resource';
import { isSignedBy } from '../gpgVerify';
import { openStore } from '../store/open';
import { Store } from '../store/store';
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
  /** Whether released names are looked at. */
  immutable: boolean;
  repositories: Listing[];
  /** Digest of each image, by repository. */
  images: Record<string, string>;
  /** Every fixed tag that the release will have, in every registry, and its digest. */
  tags: { reference: string; digest: string }[];
}

/** Names that are others': adopted packages, and files that no manifest of ours lists. */
async function others({ bucket, repositories }: ReleasedNamesInputs): Promise<string[]> {
  const store = openStore(bucket);
  const found: string[] = [];
  for (const listing of repositories) {
    const kind: Kind = KINDS[listing.kind];
    const { entries } = await kind.read(store, settingsOf(listing));
    const adopted = entries.filter(({ adopted: is }) => is);
    const listed = new Set(entries.map(({ fileName }) => fileName));
    const keyring = (await store.get(listing.keyring))?.body;
    for (const one of listing.packages) {
      const same = adopted.find(({ name, version }) => name === one.name && version === one.version);
      if (same && same.sha256 !== one.sha256) found.push(`${same.fileName} (adopted)`);
      if (listed.has(one.fileName)) continue;
      for (const name of [one.fileName, ...one.aliases]) {
        const key = `${listing.prefix}/${kind.folder(listing.suite)}${name}`;
        if (await isOthers(store, key, one.sha256, keyring)) found.push(key);
        for (const { document, sha256 } of one.statements ?? [])
          if (await isOthers(store, `${key}.${document}`, sha256, keyring)) found.push(`${key}.${document}`);
      }
    }
  }
  return [...new Set(found)];
}

/** Other bytes under a name, which no published key has signed: not left by a publication that was interrupted. */
async function isOthers(store: Store, key: string, sha256: string, keyring?: Buffer): Promise<boolean> {
  const head = await store.head(key);
  if (!head || head.sha256 === sha256) return false;
  const [file, signature] = [await store.get(key), await store.get(`${key}.asc`)];
  if (!file) return false;
  return !signature || !keyring || !(await isSignedBy(file.body, signature.body, keyring));
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
  // A tag that the ledger does not know was there before us; one that it knows and that was moved is repaired.
  for (const { reference, digest: wanted } of releases[inputs.version] ? [] : inputs.tags) {
    const before = await digestOf(reference);
    if (before && before !== wanted) found.push(`${reference} (${before} => ${wanted})`);
  }
  return found;
}

async function refuseTaken(inputs: ReleasedNamesInputs): Promise<object> {
  const foreign = await others(inputs);
  if (foreign.length > 0)
    throw new Error(
      `these names are others', and nothing was published: ${foreign.join(', ')}; give the new build a new version, or move the files away`,
    );
  const names = inputs.immutable ? await taken(inputs) : [];
  if (names.length === 0) return {};
  throw new Error(
    `${inputs.setting}: these names are released with other bytes, nothing was published: ${names.join(', ')}; give the new build a new version`,
  );
}

export const releasedNames: Resource<ReleasedNamesInputs, object> = {
  diff(olds, news) {
    return {
      changes: changed(olds, news, [
        'bucket',
        'channel',
        'version',
        'immutable',
        'repositories',
        'images',
        'tags',
      ]),
    };
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
