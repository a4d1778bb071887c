/** The three kinds of repository behind one interface. */
import type { Architecture, Product } from '../../model';
import { Signer } from '../gpg';
import { Store } from '../store/store';
import { checkApt, publishApt, readAptManifest, unpublishApt } from './apt';
import { checkDownloads, publishDownloads, readDownloadsManifest, unpublishDownloads } from './downloads';
import { ForeignRepositoryError } from './job';
import { Policy } from './policy';
import { PublishedPackage, RepositorySettings } from './published';
import { checkYum, publishYum, readYumManifest, unpublishYum } from './yum';

export type Listed = Pick<
  PublishedPackage,
  | 'stack'
  | 'name'
  | 'fileName'
  | 'version'
  | 'latestAliases'
  | 'sha256'
  | 'size'
  | 'withdrawn'
  | 'adopted'
  | 'statements'
> & {
  /** Of an rpm: equal for equal packages whatever their signatures. */
  identity?: string;
  /** Of an rpm: the key that signed it. */
  signedBy?: string;
};

export interface Kind {
  /** Folder of the plain names below the prefix. */
  folder(suite: string): string;
  read(
    store: Store,
    settings: RepositorySettings,
    trusted?: Buffer,
  ): Promise<{ entries: Listed[]; keys?: string[] }>;
  publish(
    store: Store,
    settings: RepositorySettings,
    packages: PublishedPackage[],
    signer: Signer,
    date: Date,
    options: { policy: Policy; immutable: boolean; repair: boolean },
  ): Promise<{ entries: Listed[] }>;
  unpublish(
    store: Store,
    settings: RepositorySettings,
    stack: string,
    signer: Signer,
    date: Date,
  ): Promise<void>;
  check(
    store: Store,
    settings: RepositorySettings,
    packages: PublishedPackage[],
    signer?: Signer,
  ): Promise<string[]>;
}

export const KINDS = {
  apt: {
    folder: (suite: string) => `${suite}/`,
    read: readAptManifest,
    publish: publishApt,
    unpublish: unpublishApt,
    check: checkApt,
  },
  yum: {
    folder: () => '',
    read: readYumManifest,
    publish: publishYum,
    unpublish: unpublishYum,
    check: checkYum,
  },
  downloads: {
    folder: () => '',
    read: readDownloadsManifest,
    publish: publishDownloads,
    unpublish: unpublishDownloads,
    check: checkDownloads,
  },
} satisfies Record<string, Kind>;

/** Where a repository is and what it is called, as resources are told. */
export interface RepositoryPlace {
  /** Stack that publishes. Default: the only one. */
  stack?: string;
  prefix: string;
  product: Product;
  suite: string;
  component: string;
  architecture: Architecture;
  /** Keys of the public key and of the keyring. */
  publicKey: string;
  keyring: string;
  /** Prefixes of every repository that shares these key files, by kind. Default: it has them alone. */
  sharing?: Record<keyof typeof KINDS, string[]>;
}

export function settingsOf(inputs: RepositoryPlace, prefix = inputs.prefix): RepositorySettings {
  const { sharing } = inputs;
  return {
    ...(sharing && { othersKeys: othersKeys(inputs, prefix, sharing) }),
    stack: inputs.stack,
    prefix,
    productName: inputs.product.name,
    title: inputs.product.title,
    origin: inputs.product.origin,
    suite: inputs.suite,
    component: inputs.component,
    architectures: [inputs.architecture.deb],
    publicKey: inputs.publicKey,
    keyring: inputs.keyring,
  };
}

/** See `RepositorySettings.othersKeys`. */
function othersKeys(
  inputs: RepositoryPlace,
  own: string,
  sharing: Record<string, string[]>,
): RepositorySettings['othersKeys'] {
  return async (store, trusted) => {
    const found = new Set<string>();
    for (const [kind, prefixes] of Object.entries(sharing)) {
      for (const prefix of prefixes.filter((one) => one !== own)) {
        const settings = settingsOf({ ...inputs, sharing: undefined }, prefix);
        try {
          const { keys } = await (KINDS as Record<string, Kind>)[kind].read(store, settings, trusted);
          for (const key of keys ?? []) found.add(key);
        } catch (error) {
          // Others' repositories have no say in our key files.
          if (!(error instanceof ForeignRepositoryError)) throw error;
        }
      }
    }
    return [...found];
  };
}
