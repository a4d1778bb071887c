/**
 * Whose each key of a bucket is and how it may be cached, from the catalog (docs/architecture.md, "Keys of a bucket").
 * What a role may write and what a CDN keeps follow from here. Pure: no I/O, no Pulumi.
 */
import { Catalog } from './model';
import { COSIGN_FOLDERS, publicNames } from './names';

export interface BucketKeys {
  /** Prefixes that the public reads, with a trailing slash; `*` stands for any stack. */
  served: string[];
  /** Prefixes of the release repositories, with a trailing slash. */
  release: string[];
  /** Prefixes of what master builds and candidates publish, with a trailing slash. */
  dev: string[];
  /** The public keys, and with a trailing slash a prefix of some: whoever may write them says whom clients trust. */
  publicKeys: string[];
  /** CloudFront path patterns of what never changes; where such an object says otherwise, that holds. */
  immutable: string[];
}

export function bucketKeys({ repositories, product }: Catalog): BucketKeys {
  const rows = Object.values(repositories);
  const { publicKey, keyring } = publicNames(product);
  const release = rows.map(({ prefix }) => `${prefix.release}/`);
  const dev = [...rows.map(({ prefix }) => `${prefix.dev}/`), COSIGN_FOLDERS.master];
  const publicKeys = [publicKey, keyring, COSIGN_FOLDERS.release];
  const top = (key: string) => `${key.split('/')[0]}/`;
  const folders = [...new Set([...release, ...dev, ...publicKeys].map(top))].sort();
  const served = [...folders, `${recordsPrefix('*')}/`];
  const immutable = folders.flatMap((folder) => IMMUTABLE.map((pattern) => `${folder}*${pattern}`));
  return { served, release, dev, publicKeys, immutable };
}

/** Below any repository: its pool, and index files that are named by their digest. */
const IMMUTABLE = ['/pool/*', '/by-hash/*', '/generations/*', '/repodata/*-*', '/manifests/*.json.gz'];

/** What a stack builds from, and packages as they were built, with a trailing slash. */
export const buildPrefix = (stack: string) => `build/${stack}/`;

/** Records that a stack keeps of its releases, without a trailing slash; the public reads them (docs/reproducible.md). */
export const recordsPrefix = (stack: string) => `${buildPrefix(stack)}record`;

/** Which release has which images and tags. */
export const ledgerKey = (channel: 'release' | 'master') => `ledger/${channel}.json`;
