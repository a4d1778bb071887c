/** A published repository as one resource: an apt repository, a yum repository, or the download folder. */
import type { Architecture, Product } from '../../model';
import { openSigner, Signer } from '../gpg';
import { checkApt, publishApt, readAptManifest, unpublishApt } from '../publish/apt';
import {
  checkDownloads,
  publishDownloads,
  readDownloadsManifest,
  unpublishDownloads,
} from '../publish/downloads';
import { latestAliases, PublishedPackage, RepositorySettings } from '../publish/published';
import { checkYum, publishYum, readYumManifest, unpublishYum } from '../publish/yum';
import { changed, CheckError, known, Resource } from '../resource';
import { openStore } from '../store/open';
import { Store } from '../store/store';
import { Previewed, UNKNOWN } from '../wire';
import type { Signing } from './package';

/** `key` is where it was built; the pool gets a copy when it is published. */
export type RepositoryPackage = Omit<PublishedPackage, 'stack' | 'built'>;

export interface RepositoryInputs {
  bucket: string;
  stack: string;
  /** Public URL of the bucket's root. */
  url: string;
  /** Where this release is published, and every prefix that this stack may have published to. */
  prefix: string;
  prefixes: string[];
  product: Product;
  /** Keys of the public key and of the keyring. */
  publicKey: string;
  keyring: string;
  suite: string;
  component: string;
  architecture: Architecture;
  packages: RepositoryPackage[];
  signing: Signing;
  /** Set by check: each unversioned name and the file that it will stand for. */
  latest?: Record<string, string>;
}

export interface PublishedUrl {
  url: string;
  sha256: string;
  /** Bytes. */
  size: number;
  /** Canonical name of the same bytes. */
  aliasOf?: string;
}

export interface RepositoryOutputs {
  /** Every name of the current release, and the unversioned names, wherever they point now. */
  files: Record<string, PublishedUrl>;
  /** What a refresh found missing or edited; the next update repairs it. */
  problems: string[];
}

type State = RepositoryInputs & RepositoryOutputs;
type Listed = Pick<PublishedPackage, 'fileName' | 'version' | 'latestAliases' | 'sha256' | 'size'>;

interface Kind {
  /** Folder of the plain names below the prefix. */
  folder(inputs: RepositoryInputs): string;
  read(store: Store, settings: RepositorySettings): Promise<{ entries: Listed[] }>;
  publish(
    store: Store,
    settings: RepositorySettings,
    packages: PublishedPackage[],
    signer: Signer,
    date: Date,
  ): Promise<{ entries: Listed[] }>;
  unpublish(
    store: Store,
    settings: RepositorySettings,
    stack: string,
    signer: Signer,
    date: Date,
  ): Promise<void>;
  check(store: Store, settings: RepositorySettings, packages: PublishedPackage[]): Promise<string[]>;
}

const apt: Kind = {
  folder: ({ suite }) => `${suite}/`,
  read: readAptManifest,
  publish: publishApt,
  unpublish: unpublishApt,
  check: checkApt,
};
const yum: Kind = {
  folder: () => '',
  read: readYumManifest,
  publish: publishYum,
  unpublish: unpublishYum,
  check: checkYum,
};
const folder: Kind = {
  folder: () => '',
  read: readDownloadsManifest,
  publish: publishDownloads,
  unpublish: unpublishDownloads,
  check: checkDownloads,
};

function settingsOf(inputs: RepositoryInputs, prefix = inputs.prefix): RepositorySettings {
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

const storeOf = ({ bucket, url }: RepositoryInputs) => openStore(bucket, url);
const signerOf = ({ signing }: RepositoryInputs) =>
  openSigner({ home: signing.home, key: signing.fingerprint, setting: signing.setting });
const published = ({ packages, stack, prefix }: RepositoryInputs): PublishedPackage[] =>
  packages.map((one) => {
    const key = `${prefix}/pool/${one.sha256}/${one.fileName}`;
    return { ...one, key, built: one.key, stack };
  });

async function publish(kind: Kind, inputs: RepositoryInputs): Promise<RepositoryOutputs> {
  const { entries } = await kind.publish(
    storeOf(inputs),
    settingsOf(inputs),
    published(inputs),
    await signerOf(inputs),
    new Date(),
  );
  return { files: files(kind, inputs, entries), problems: [] };
}

function files(kind: Kind, inputs: RepositoryInputs, entries: Listed[]): Record<string, PublishedUrl> {
  const at = (name: string) => `${inputs.url}/${inputs.prefix}/${kind.folder(inputs)}${name}`;
  // An rpm that differs by its signature only stays as it was published, so the manifest knows the digests.
  const listed = new Map(entries.map((entry) => [entry.fileName, entry]));
  const own = inputs.packages.flatMap((one): [string, PublishedUrl][] => {
    const { fileName, aliases } = one;
    const { sha256, size } = listed.get(fileName) ?? one;
    const alias = (name: string): [string, PublishedUrl] => [
      name,
      { url: at(name), sha256, size, aliasOf: fileName },
    ];
    return [[fileName, { url: at(fileName), sha256, size }], ...aliases.map(alias)];
  });
  const moving = [...latestAliases(entries)].map(
    ([alias, { fileName, sha256, size }]): [string, PublishedUrl] => [
      alias,
      { url: at(alias), sha256, size, aliasOf: fileName },
    ],
  );
  return Object.fromEntries([...own, ...moving]);
}

/** Which file each unversioned name will stand for: known in a preview, because versions are. */
async function planLatest(kind: Kind, news: RepositoryInputs): Promise<Record<string, string>> {
  let listed: Listed[];
  try {
    listed = (await kind.read(storeOf(news), settingsOf(news))).entries;
  } catch (error) {
    throw new CheckError('prefix', (error as Error).message);
  }
  const own = new Set(news.packages.map(({ fileName }) => fileName));
  const after = [...listed.filter(({ fileName }) => !own.has(fileName)), ...news.packages];
  return Object.fromEntries([...latestAliases(after)].map(([alias, { fileName }]) => [alias, fileName]));
}

function repository(kind: Kind): Resource<RepositoryInputs, RepositoryOutputs> {
  return {
    async check(news) {
      if (news === UNKNOWN) return news;
      // Digests may be unknown in a preview; names and versions are not, unless the source is.
      const named = known(withoutDigests(news));
      const latest = named ? await planLatest(kind, named as RepositoryInputs) : UNKNOWN;
      return { ...news, latest };
    },

    diff(olds, news) {
      const fields = [
        'bucket',
        'url',
        'prefix',
        'product',
        'suite',
        'component',
        'packages',
        'latest',
        'signing',
      ] as const;
      const changes = changed(olds, news, [...fields]);
      return { changes: olds.problems.length > 0 ? [...changes, 'problems'] : changes };
    },

    async create(inputs) {
      return { id: inputs.prefix, outs: await publish(kind, inputs) };
    },

    update(_olds, news) {
      return publish(kind, news);
    },

    async read(state) {
      return { ...state, problems: await kind.check(storeOf(state), settingsOf(state), published(state)) };
    },

    async delete(state: State) {
      const signer = await signerOf(state);
      for (const prefix of state.prefixes) {
        await kind.unpublish(storeOf(state), settingsOf(state, prefix), state.stack, signer, new Date());
      }
    },
  };
}

function withoutDigests(news: Exclude<Previewed<RepositoryInputs>, typeof UNKNOWN>) {
  const { packages, signing, ...rest } = news;
  void signing;
  if (packages === UNKNOWN || !Array.isArray(packages)) return UNKNOWN;
  const names = packages;
  return {
    ...rest,
    latest: {},
    packages: names.map((one) => (one === UNKNOWN ? one : { ...one, sha256: '', size: 0, key: '' })),
  } as Previewed<unknown>;
}

export const aptRepository = repository(apt);
export const yumRepository = repository(yum);
export const downloads = repository(folder);
