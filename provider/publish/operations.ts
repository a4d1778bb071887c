/** What is done with a repository, the same for every kind. */
import { Signer } from '../gpg';
import { Store } from '../store/store';
import { adoptable, adoptRepository } from './adopt';
import { checkRepository } from './check';
import { AdoptableKind, Kind, PublishOptions, withJob } from './job';
import { Manifest, ManifestEntry } from './manifest';
import { PublishedPackage, RepositorySettings } from './published';
import { unpublishPackages } from './remove';
import { publishPackages } from './repository';

type Open<K> = (store: Store, settings: RepositorySettings) => K;

/** Of a kind, which `open` gives for a store. */
export function operationsOf<F>(open: Open<Kind<F>>) {
  return {
    /** What the repository holds; an empty manifest when there is none. Errors when it is not ours. */
    read: async (store: Store, settings: RepositorySettings, trusted?: Buffer): Promise<Manifest<F>> =>
      (await open(store, settings).read(trusted)).manifest,

    /**
     * Lists packages, whose blobs lie in the pool, beside what is listed already; `date` is the time of publication.
     * Returns the manifest that is published.
     */
    publish: (
      store: Store,
      settings: RepositorySettings,
      packages: PublishedPackage[],
      signer: Signer,
      date: Date,
      options: PublishOptions = {},
    ): Promise<Manifest<F>> => {
      const job = { store, settings, kind: open(store, settings), signer, date, options };
      return withJob(job, (whole) => publishPackages(whole, packages));
    },

    /** Takes a stack's packages out and deletes them; an emptied repository leaves no object of ours. */
    unpublish: async (
      store: Store,
      settings: RepositorySettings,
      stack: string,
      signer: Signer,
      date: Date,
      options: PublishOptions = {},
    ): Promise<void> => {
      const job = { store, settings, kind: open(store, settings), signer, date, options };
      await withJob(job, (whole) => unpublishPackages(whole, stack));
    },

    /**
     * What is missing, edited or signed by other keys; `publish` of the same packages repairs it. Without a signer, any
     * signature of the published keys will do.
     */
    check: (
      store: Store,
      settings: RepositorySettings,
      packages: PublishedPackage[],
      signer?: Signer,
    ): Promise<string[]> => checkRepository(store, settings, open(store, settings), packages, signer),
  };
}

/** Of a kind that other tools make, too. */
export function adoptionOf<F>(open: Open<AdoptableKind<F>>) {
  return {
    /** Makes a repository that others made one of ours; see `adoptRepository`. */
    adopt: (store: Store, settings: RepositorySettings, signer: Signer, date: Date): Promise<Manifest<F>> => {
      const kind = open(store, settings);
      return withJob({ store, settings, kind, signer, date, options: {} }, adoptRepository);
    },

    /** What `adopt` would list. */
    adoptable: async (store: Store, settings: RepositorySettings, date: Date): Promise<ManifestEntry<F>[]> =>
      (await adoptable({ store, settings, kind: open(store, settings), date })).entries,
  };
}
