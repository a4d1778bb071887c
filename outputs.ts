/** What the stack exports: the interface that scripts rely on (`npm run output -- --json`). */
import * as pulumi from '@pulumi/pulumi';
import { Gates } from './components/gates';
import { Images } from './components/images';
import { Packages } from './components/packages';
import { Repositories } from './components/repositories';
import { Base, SigningKey, Source, Tag } from './components/resources';
import { flavour, PublishSettings, ReleaseSettings, repositoryOf } from './components/settings';
import { Tags } from './components/tags';
import { absoluteBucket } from './location';
import { publicNames } from './names';
import type { RecordedImage, RecordedPackage } from './provider/promotion/record';

interface Published {
  settings: PublishSettings;
  version: pulumi.Output<string>;
  repositories: Repositories;
  tags: Tags;
}

interface Made extends Published {
  settings: ReleaseSettings;
  source: Source;
  key: SigningKey;
  packages: Packages;
  images: Images;
  gates: Gates;
  bases: Record<string, Base>;
}

/** What clients use: the same of every stack that publishes. */
export function publishedOutputs({ settings, version, repositories, tags }: Published) {
  const { catalog, url } = settings;
  const { apt, yum, downloads } = catalog.repositories;
  const names = publicNames(catalog.product);
  const folder = (row: typeof yum) =>
    version.apply((text) => `${url}/${row.prefix[flavour(settings, text)]}`);
  const key = `${url}/${names.publicKey}`;
  return {
    version,
    packages: repositoryFiles(repositories),
    images: imageTable(settings, [...tags.fixed, ...tags.moving], settings.registry),
    ...(settings.mirrors.length > 0 && {
      mirrors: settings.mirrors.map((mirror) =>
        imageTable(settings, [...tags.fixed, ...tags.moving], mirror),
      ),
    }),
    apt: {
      url: folder(apt),
      suite: apt.suite,
      component: apt.component,
      key,
      sources: pulumi.interpolate`${folder(apt)}/${names.aptSources}`,
    },
    yum: { url: folder(yum), key, repo: pulumi.interpolate`${folder(yum)}/${names.yumRepo}` },
    downloads: { url: folder(downloads) },
  };
}

/** Of a stack that builds: also what proved it, and what another stack needs to publish the same. */
export function releaseOutputs(made: Made) {
  const { settings, packages, gates, bases } = made;
  return {
    ...publishedOutputs(made),
    release: releaseRecord(made),
    /** Seconds that each took when it last ran. */
    gates: Object.fromEntries(Object.entries(gates.all).map(([name, { seconds }]) => [name, seconds])),
    notes: pulumi
      .all([
        ...Object.entries(bases).map(([name, base]) =>
          base.took.apply((took) => baseNote(name, took, settings)),
        ),
        packages.tree.facts.apply(({ distribution }) => librariesNote(distribution, settings)),
        packages.tree.facts.apply(({ stripped }) => (stripped ? STRIPPED : '')),
      ])
      .apply((notes) => [
        ...notes.filter(Boolean),
        ...(settings.hasSource
          ? []
          : ['No source was given: the source tarball and the test suite of the tester image are left out.']),
      ]),
  };
}

/** What another stack needs to publish the same (provider/promotion/record.ts). */
function releaseRecord({ settings, source, key, packages, images, gates, repositories }: Made) {
  const { catalog, bucket, url } = settings;
  const files = repositoryFiles(repositories);
  const published = packages.built.map(({ row, names, resource }) =>
    pulumi
      .all([names, resource.sha256, resource.identity, files])
      .apply(([{ fileName }, proved, identity, all]): [string, RecordedPackage] => {
        const { url: at = '', sha256 = '', size = 0 } = all[fileName] ?? {};
        const plain = at.slice(url.length + 1);
        const prefix = catalog.repositories[repositoryOf(row)].prefix;
        const root = Object.values(prefix).find((one) => plain.startsWith(`${one}/`)) ?? '';
        const key = `${root}/pool/${sha256}/${fileName}`;
        return [row.key, { fileName, key, plain, sha256, size, identity, proved }];
      }),
  );
  const pushed = Object.entries(images.all).map(([name, { repository, digest }]) =>
    digest.apply((found): [string, RecordedImage] => [name, { repository, digest: found }]),
  );
  const passed = Object.entries(gates.subjects).map(([name, digests]) =>
    digests.apply((found): [string, string[]] => [name, found]),
  );
  return {
    format: 1 as const,
    version: source.version,
    commit: source.revision,
    epoch: source.epoch,
    bucket: absoluteBucket(bucket),
    publicKey: publicNames(catalog.product).publicKey,
    signingKey: key.fingerprint,
    packages: pulumi.all(published).apply((all) => Object.fromEntries(all)),
    images: pulumi.all(pushed).apply((all) => Object.fromEntries(all)),
    gates: pulumi.all(passed).apply((all) => Object.fromEntries(all)),
  };
}

const repositoryFiles = ({ apt, yum, downloads }: Repositories) =>
  pulumi
    .all([apt.files, yum.files, downloads.files])
    .apply((all) => Object.assign({}, ...all) as Record<string, (typeof all)[0][string]>);

const STRIPPED =
  'The tree came with a stripped binary: the file of debug symbols holds its symbol table at most.';

function librariesNote(distribution: string, { catalog, libraries, namespace }: ReleaseSettings): string {
  const { floors } = catalog.libraries[libraries];
  const oldest = [...new Set(Object.values(floors).map(({ of }) => of))].join(' and ');
  return libraries === 'bundled'
    ? `The programs are compiled on ${distribution} with libraries of their own, and run on ${oldest} and newer.`
    : `The programs are for ${distribution}, with whose libraries they are compiled; ${namespace}:libraries is for others.`;
}

/** `<namespace>/<image>:<tag>` to the reference by digest, for one registry. */
function imageTable(
  { catalog }: PublishSettings,
  tags: Tag[],
  registry: string,
): pulumi.Output<Record<string, string>> {
  const rows = tags.map(({ repository, tag, target }) => pulumi.all([repository, tag, target]));
  return pulumi.all(rows).apply((found) => {
    const present = found.filter(([repository, , target]) => target && repository.startsWith(`${registry}/`));
    return Object.fromEntries(
      present.map(([repository, tag, target]) => {
        const name = repository.slice(registry.length + 1);
        return [`${catalog.product.imageNamespace}/${name}:${tag}`, `${repository}@${target}`];
      }),
    );
  });
}

function baseNote(name: string, took: string | undefined, { catalog }: ReleaseSettings): string {
  const row = catalog.bases[name];
  return took === 'reference'
    ? `Images start from ${row?.reference}.`
    : `Images start from a ${row?.rootfs.distribution} ${row?.rootfs.suite} root file system made by mmdebstrap, because no public registry answered.`;
}
