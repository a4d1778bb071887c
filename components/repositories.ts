/** The apt repository, the yum repository and the downloads: each one resource, listed only when all is built. */
import * as pulumi from '@pulumi/pulumi';
import type { RepositoryPackage } from '../provider/resources/repository';
import { flavourOf, publicNames } from '../names';
import { Repository, RepositoryKind, SigningKey } from './resources';
import { PackageEntry, PublishSettings, repositoryOf } from './settings';

export interface RepositoriesArgs {
  settings: PublishSettings;
  /** Version of the release. */
  version: pulumi.Output<string>;
  packages: PackageEntry[];
  key: SigningKey;
}

const KINDS: Record<ReturnType<typeof repositoryOf>, RepositoryKind> = {
  apt: 'AptRepository',
  yum: 'YumRepository',
  downloads: 'Downloads',
};

export class Repositories extends pulumi.ComponentResource {
  readonly apt: Repository;
  readonly yum: Repository;
  readonly downloads: Repository;

  /** `barrier`: what must be built before an index moves (design, "The way of the data"). */
  constructor(
    name: string,
    args: RepositoriesArgs,
    barrier: pulumi.Resource[],
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super('artifacts:components:Repositories', name, {}, opts);
    const { settings, key } = args;
    const repository = (kind: keyof typeof KINDS) => {
      const prefix = settings.catalog.repositories[kind].prefix;
      const inputs = {
        ...listing(kind, args),
        bucket: settings.bucket,
        stack: settings.stack,
        url: settings.url,
        prefixes: settings.channel === 'master' ? [prefix.dev] : [prefix.release, prefix.dev],
        withdrawn: settings.withdrawn,
        keep: settings.keep,
        immutable: settings.immutable,
        signing: { home: key.home, fingerprint: key.fingerprint, setting: key.setting },
        indexKeys: key.indexKeys,
        publishedKeys: key.publishedKeys,
        sharing: sharing(settings),
      };
      return new Repository(KINDS[kind], `${name}-${kind}`, inputs, { parent: this, dependsOn: barrier });
    };
    this.apt = repository('apt');
    this.yum = repository('yum');
    this.downloads = repository('downloads');
    this.registerOutputs({});
  }
}

/** Where a repository is, and what of the release goes there. */
export function listing(
  kind: keyof typeof KINDS,
  { settings, version, packages }: Pick<RepositoriesArgs, 'settings' | 'version' | 'packages'>,
) {
  const { catalog, architecture } = settings;
  const { suite, component } = catalog.repositories.apt;
  const { publicKey, keyring } = publicNames(catalog.product);
  const { prefix } = catalog.repositories[kind];
  const files = packages.filter(({ row }) => repositoryOf(row) === kind);
  return {
    prefix: version.apply((text) => prefix[flavourOf(settings.channel, text)]),
    publicKey,
    keyring,
    product: catalog.product,
    suite,
    component,
    architecture,
    packages: files.map(entry) as pulumi.Input<RepositoryPackage[]>,
  };
}

/** What a repository is told of one package. In a preview the names are known even where the bytes are not. */
function entry({ row, names, resource, statements }: PackageEntry): Inputs<RepositoryPackage> {
  return {
    name: row.package ?? row.key,
    version: resource.version,
    fileName: names.fileName,
    aliases: names.aliases,
    latestAliases: names.latestAliases,
    sha256: resource.sha256,
    size: resource.size,
    key: resource.key,
    identity: resource.identity,
    ...(statements && { statements }),
  };
}

type Inputs<T> = { [K in keyof T]: pulumi.Input<T[K]> };

/** Every repository of the bucket, master's too: they have one key file. */
function sharing({ catalog }: PublishSettings) {
  const { apt, yum, downloads } = catalog.repositories;
  const prefixes = (row: typeof yum) => Object.values(row.prefix);
  return { apt: prefixes(apt), yum: prefixes(yum), downloads: prefixes(downloads) };
}
