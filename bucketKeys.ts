/**
 * Whose each key of a bucket is and how it may be cached, from the catalog (docs/architecture.md, "Keys of a bucket").
 * What a role may write and what a CDN keeps follow from here. Pure: no I/O, no Pulumi.
 */
import { Catalog } from './model';
import { publicNames } from './names';

export interface BucketKeys {
  /** Prefixes that the public reads, with a trailing slash. */
  served: string[];
  /** Prefixes of the release repositories, with a trailing slash. */
  release: string[];
  /** Prefixes of the repositories of master builds and candidates, with a trailing slash. */
  dev: string[];
  /** The public keys: whoever may write them says whom clients trust. */
  publicKeys: string[];
  /** CloudFront path patterns of what never changes; where such an object says otherwise, that holds. */
  immutable: string[];
}

export function bucketKeys({ repositories, product }: Catalog): BucketKeys {
  const rows = Object.values(repositories);
  const { publicKey, keyring } = publicNames(product);
  const release = rows.map(({ prefix }) => `${prefix.release}/`);
  const dev = rows.map(({ prefix }) => `${prefix.dev}/`);
  const publicKeys = [publicKey, keyring];
  const top = (key: string) => `${key.split('/')[0]}/`;
  const served = [...new Set([...release, ...dev, ...publicKeys].map(top))].sort();
  const immutable = served.flatMap((folder) => IMMUTABLE.map((pattern) => `${folder}*${pattern}`));
  return { served, release, dev, publicKeys, immutable };
}

/** Below any repository: its pool, and index files that are named by their digest. */
const IMMUTABLE = ['/pool/*', '/by-hash/*', '/generations/*', '/repodata/*-*', '/manifests/*.json.gz'];

/** What a stack builds from, and packages as they were built, with a trailing slash. */
export const buildPrefix = (stack: string) => `build/${stack}/`;

/** Which release has which images and tags. */
export const ledgerKey = (channel: 'release' | 'master') => `ledger/${channel}.json`;
