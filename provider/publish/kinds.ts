/** The three kinds of repository behind one interface. */
import type { Architecture, Product } from '../../model';
import { Signer } from '../gpg';
import { Store } from '../store/store';
import { checkApt, publishApt, readAptManifest, unpublishApt } from './apt';
import { checkDownloads, publishDownloads, readDownloadsManifest, unpublishDownloads } from './downloads';
import { Policy } from './policy';
import { PublishedPackage, RepositorySettings } from './published';
import { checkYum, publishYum, readYumManifest, unpublishYum } from './yum';

export type Listed = Pick<
  PublishedPackage,
  'stack' | 'fileName' | 'version' | 'latestAliases' | 'sha256' | 'size' | 'withdrawn'
> & {
  /** Of an rpm: equal for equal packages whatever their signatures. */
  identity?: string;
  /** Of an rpm: the key that signed it. */
  signedBy?: string;
};

export interface Kind {
  /** Folder of the plain names below the prefix. */
  folder(suite: string): string;
  read(store: Store, settings: RepositorySettings): Promise<{ entries: Listed[] }>;
  publish(
    store: Store,
    settings: RepositorySettings,
    packages: PublishedPackage[],
    signer: Signer,
    date: Date,
    options: { policy: Policy; immutable: boolean },
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
  prefix: string;
  product: Product;
  suite: string;
  component: string;
  architecture: Architecture;
  /** Keys of the public key and of the keyring. */
  publicKey: string;
  keyring: string;
}

export function settingsOf(inputs: RepositoryPlace, prefix = inputs.prefix): RepositorySettings {
  return {
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
