/** What a publication works with: the kind of repository, its committed state, the job. `apt.ts`, `yum.ts` and `downloads.ts` are the kinds. */
import type { ForeignPackage } from '../formats/foreignIndexes';
import { Signer } from '../gpg';
import { withTemporaryFolder } from '../gpgSession';
import { Store } from '../store/store';
import { FetchedFiles } from './fetched';
import { ExpectedKeys } from './keys';
import { Manifest, ManifestEntry } from './manifest';
import { PlainFiles } from './plain';
import { Policy } from './policy';
import { PublishedPackage, RepositorySettings } from './published';

/** A state of a repository, as its pointer names it. */
export interface Committed<F> {
  manifest: Manifest<F>;
  /** Etag of the pointer; undefined when there is none. */
  etag?: string;
  /** The pointer is there and as the settings want it; signed by us, where the keys were given. */
  isSound: boolean;
  /** Keys of its index files, immutable. */
  indexKeys: string[];
  /** Date of its index; undefined where there is none. */
  date?: Date;
}

/** What a publisher has committed itself, and need not read where the pointer still has this etag. */
export interface OwnCommit<F> {
  next: Manifest<F>;
  etag: string;
}

/** A repository that others made: its packages, and the pointer's state if it has one. */
export interface Foreign<F> {
  packages: ForeignPackage<F>[];
  etag?: string;
  /** Its index files, which clients may ask for a while longer. */
  indexKeys: string[];
}

/** How one kind of repository names and writes its files. */
export interface Kind<F> {
  pointerKey: string;
  /**
   * Reads the committed state; an empty one when there is no repository. `trusted` is a keyring of which one key
   * must have signed it; without it, signatures are not looked at.
   */
  read(trusted?: Buffer): Promise<Committed<F>>;
  /** What the package adds to the index. `fetchFile` gives a local copy of it, its digest checked. */
  describe(
    fetchFile: () => Promise<string>,
    one: PublishedPackage,
    date: Date,
  ): Promise<Pick<ManifestEntry<F>, 'architecture' | 'identity' | 'signedBy' | 'fragment'>>;
  /** Writes the immutable index files of a state; gives their keys and the pointer's contents. */
  stage(manifest: Manifest<F>, date: Date, signer: Signer): Promise<{ pointer: Buffer; keys: string[] }>;
  /** Brings index copies of fixed names in line with the committed state. */
  settle(signer: Signer, own?: OwnCommit<F>): Promise<void>;
  /** What of the index files is missing, edited, or not signed as expected. */
  check(expected: ExpectedKeys): Promise<string[]>;
  plainKey(name: string): string;
  /** The index names plain files, not the pool's: a new name is there before it is listed, and outlives it. */
  listsPlainNames?: boolean;
  /** Prefixes below which all objects are index files of some generation, named by digest. */
  generations: string[];
  /** Whether a key is one of the index copies or files for clients that we write under a fixed name. */
  owns(key: string): boolean;
}

/** A kind whose repositories are also made by other tools. */
export interface AdoptableKind<F> extends Kind<F> {
  /** Reads a repository that others made; undefined when there is none. Reads indexes only. */
  readForeign(): Promise<Foreign<F> | undefined>;
}

export interface PublishOptions {
  /** A released name with other bytes is an error before anything is written. */
  immutable?: boolean;
  /** What the grace time is measured by. Default: the store's clock, for several publishers share it. */
  now?: Date;
  /** Look at every file of the repository, also beside something new: a refresh has found some of them wrong. */
  repair?: boolean;
  /** What becomes of earlier releases. Default: they stay as they are. */
  policy?: Policy;
}

/** The index is signed by none of our keys: signing what it lists could vouch for somebody else's packages. */
export class UntrustedIndexError extends Error {
  override name = 'UntrustedIndexError';
}

/** The repository was made by other means. */
export class ForeignRepositoryError extends Error {
  override name = 'ForeignRepositoryError';
}

/** A download folder cannot be adopted: nothing says what its files are. */
export function foreignFolder(url: string, what: string): ForeignRepositoryError {
  return new ForeignRepositoryError(
    `${url} has ${what} but no manifest of ours: it was made by other means. Move it to another name, or publish to another prefix.`,
  );
}

export function foreignRepository(url: string): ForeignRepositoryError {
  return new ForeignRepositoryError(
    `${url} has indexes but no manifest of ours: it was made by other means. Adopt it first (npm run adopt), or publish to another prefix.`,
  );
}

export function untrustedIndex(url: string): UntrustedIndexError {
  return new UntrustedIndexError(
    `The index of ${url} is signed by none of our keys, so nothing is added to it. If it is right that another key signed it, import that public key into the key folder with gpg; otherwise find out who wrote here.`,
  );
}

/** One publication, or whatever else changes a repository. */
export interface Job<F> {
  store: Store;
  settings: RepositorySettings;
  kind: Kind<F>;
  signer: Signer;
  date: Date;
  options: PublishOptions;
  plain: PlainFiles;
  fetched: FetchedFiles;
  /** Plain names written for a commit that has not come yet. */
  early: Set<string>;
}

type Made = Pick<Job<unknown>, 'plain' | 'fetched' | 'early'>;

/** Gives `work` a job with a folder for its files. */
export function withJob<G extends Omit<Job<unknown>, keyof Made | 'kind'>, T>(
  given: G,
  work: (job: G & Made) => Promise<T>,
): Promise<T> {
  return withTemporaryFolder((folder) => {
    const fetched = new FetchedFiles(given.store, folder);
    const plain = new PlainFiles(given.store, given.signer, fetched);
    return work({ ...given, fetched, plain, early: new Set() });
  });
}
