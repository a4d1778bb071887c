/** What the three publishers share: the packages they are given, versions, aliases and the files for clients. */
import * as semver from 'semver';
import { Store } from '../store/store';

/** What is told of a package in a document beside it, `<name>.<document>` for each of its plain names. */
export const DOCUMENTS = ['spdx.json', 'provenance.json'] as const;

/** A document beside a package. It is of that package's bytes, and published with them. */
export interface Statement {
  document: (typeof DOCUMENTS)[number];
  sha256: string;
  /** Bytes. */
  size: number;
  /** Pool key, `<prefix>/pool/<sha256>/<fileName>.<document>`. */
  key: string;
  /** As of a package. */
  built?: string;
}

/** One package of a release. */
export interface PublishedPackage {
  /** Name inside the package; for downloads the row's key. */
  name: string;
  /** Release version, `x.y.z[-pre]`. */
  version: string;
  /** Canonical file name. */
  fileName: string;
  /** Further names of the same bytes, with a version. */
  aliases: string[];
  /** Names without a version: they point at the newest release. */
  latestAliases: string[];
  sha256: string;
  /** Bytes. */
  size: number;
  /** Pool key, `<prefix>/pool/<sha256>/<fileName>`. */
  key: string;
  /** Stack that publishes it; only that one takes it away. */
  stack: string;
  /** Key of the same bytes outside the repository, where the pool gets its blob from. Default: it is there. */
  built?: string;
  /** Documents beside it. Absent: none, as of what was published before there were any, and of adopted packages. */
  statements?: Statement[];
  /** Listed as others had it; its file has no copies and no signature of ours. */
  adopted?: boolean;
  /** Taken out of indexes and unversioned names; its own names stay. */
  withdrawn?: boolean;
}

/** Names and texts of a repository. All keys are below the bucket's root. */
export interface RepositorySettings {
  /** Stack that publishes. Absent: the only one. */
  stack?: string;
  /** Prefix of every key of the repository, no trailing slash. */
  prefix: string;
  /** Product: names the `.sources` and `.repo` files and the keyring. */
  productName: string;
  title: string;
  /** Origin and Label of the apt repository. */
  origin: string;
  suite: string;
  component: string;
  /** Architectures as debs spell them. */
  architectures: string[];
  /** Key of the ASCII-armored public key. */
  publicKey: string;
  /** Key of the binary keyring. */
  keyring: string;
  /**
   * Fingerprints of the keys that the other repositories of these key files were published with, as their signed
   * manifests say. An error where one is signed by none of the `trusted` keys. Absent: there are no others.
   */
  othersKeys?: (store: Store, trusted: Buffer) => Promise<string[]>;
}

/** The newest version that may be `latest`: pre-releases never are. */
export function latestOf(versions: string[]): string | undefined {
  const [first, ...others] = versions.filter((version) => !semver.prerelease(version));
  return others.reduce((newest, version) => (semver.gt(version, newest) ? version : newest), first);
}

/** The entry that each unversioned name stands for: of the newest release that has that name. */
export function latestAliases<T extends Pick<PublishedPackage, 'version' | 'latestAliases' | 'withdrawn'>>(
  entries: T[],
): Map<string, T> {
  const offered = entries.filter(({ withdrawn }) => !withdrawn);
  const names = [...new Set(offered.flatMap((entry) => entry.latestAliases))].sort();
  const found = names.flatMap((alias): [string, T][] => {
    const candidates = offered.filter((entry) => entry.latestAliases.includes(alias));
    const newest = latestOf(candidates.map(({ version }) => version));
    const entry = candidates.find(({ version }) => version === newest);
    return entry ? [[alias, entry]] : [];
  });
  return new Map(found);
}

/** Writes an object of fixed name unless it has these bytes. Returns whether it wrote. */
export async function putIfChanged(store: Store, key: string, body: Buffer): Promise<boolean> {
  if ((await store.get(key))?.body.equals(body)) return false;
  await store.put(key, body);
  return true;
}

/** Tries of a compare-and-swap before another writer's luck becomes an error. */
export const TRIES = 8;

/** Waits a little longer after each lost race, 50 ms at first. */
export function backOff(attempt: number): Promise<void> {
  return new Promise((resolve) =>
    setTimeout(resolve, 50 * 2 ** Math.min(attempt, 6) * (0.5 + Math.random())),
  );
}

/** A released name with other bytes, where that is not allowed. */
export function immutableName(
  { fileName, sha256 }: { fileName: string; sha256: string },
  other: { sha256: string },
): Error {
  return new Error(
    `${fileName} is released with sha256 ${sha256} and must not change to ${other.sha256}: give the new build a new version.`,
  );
}
