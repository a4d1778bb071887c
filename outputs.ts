/** What the stack exports: the interface that scripts rely on (`npm run output -- --json`). */
import * as pulumi from '@pulumi/pulumi';
import { Statements } from './components/packageStatements';
import { Inputs, recordedBuild } from './components/provenance';
import { Repositories } from './components/repositories';
import { Base, CosignKey, SigningKey, Tag } from './components/resources';
import { PublishSettings, ReleaseSettings } from './components/settings';
import { Tags } from './components/tags';
import { flavourOf, publicNames } from './names';
import type { RecordedPackage } from './provider/promotion/record';
import { Made, Recorded, repositoryFiles } from './records';
import { systemsFile } from './systemsFile';

interface Published {
  settings: PublishSettings;
  version: pulumi.Output<string>;
  /** Signs packages and indexes. */
  key: SigningKey;
  /** Signs images. */
  cosignKey: CosignKey;
  repositories: Repositories;
  tags: Tags;
}

interface Released extends Pick<Made, 'settings' | 'packages' | 'gates'>, Published {
  settings: ReleaseSettings;
  bases: Record<string, Base>;
  record: Recorded;
}

/** What clients use: the same of every stack that publishes. */
export function publishedOutputs({ settings, version, repositories, tags, ...keys }: Published) {
  const { catalog, url } = settings;
  const { apt, yum, downloads } = catalog.repositories;
  const names = publicNames(catalog.product);
  const folder = (row: typeof yum) =>
    version.apply((text) => `${url}/${row.prefix[flavourOf(settings.channel, text)]}`);
  const key = `${url}/${names.publicKey}`;
  return {
    version,
    // Only where it is said of any: most stacks never withdraw one.
    ...(settings.withdrawn.length > 0 && {
      withdrawn: version.apply((text) => settings.withdrawn.includes(text)),
    }),
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
    /**
     * Fingerprints for users to compare: of packages and indexes 40 hex digits, the one that signs first and then the
     * others that are published; of images the SHA-256 of its DER form.
     */
    keys: {
      packages: pulumi
        .all([keys.key.fingerprint, keys.key.indexKeys, keys.key.publishedKeys])
        .apply(([signing, index, published]) => [...new Set([signing, ...index, ...published])]),
      images: keys.cosignKey.fingerprint,
    },
  };
}

/** Of a stack that builds: also what proved it, and what another stack needs to publish the same. */
export function releaseOutputs(released: Released) {
  const { settings, packages, gates, bases, record } = released;
  return {
    ...publishedOutputs(released),
    release: record,
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

type Rebuilt = Pick<RecordedPackage, 'key' | 'sha256' | 'identity'> & {
  /** Keys of the documents beside it, by the ends of their names. */
  statements: Record<string, string>;
};

/** Of a release that was made again and that nobody is given (`npm run verify`). */
export function rebuiltOutputs(
  settings: ReleaseSettings,
  inputs: Inputs,
  { source, told, images }: Pick<Made, 'source' | 'images'> & { told: Statements },
) {
  const made = told.packages.map(({ row, resource: { key, sha256, identity }, statements }) =>
    pulumi
      .all([key, sha256, identity, statements ?? []])
      .apply(([at, digest, contents, beside]): [string, Rebuilt] => {
        const keys = Object.fromEntries(beside.map((one) => [one.document, one.key]));
        return [row.key, { key: at, sha256: digest, identity: contents, statements: keys }];
      }),
  );
  const pushed = Object.entries(images.all).map(([name, { ref }]) =>
    ref.apply((found): [string, string] => [name, found]),
  );
  return {
    build: recordedBuild(settings, inputs, source),
    packages: pulumi.all(made).apply((all) => Object.fromEntries(all)),
    images: pulumi.all(pushed).apply((all) => Object.fromEntries(all)),
  };
}

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

function baseNote(name: string, took: string | undefined, settings: ReleaseSettings): string {
  const { catalog, stack, systems } = settings;
  const row = catalog.bases[name];
  if (systems[name]) return `Images start from the ${name} of ${systemsFile(stack)}.`;
  return took === 'reference'
    ? `Images start from ${row?.reference}.`
    : `Images start from a ${row?.rootfs.distribution} ${row?.rootfs.suite} root file system made by mmdebstrap, because no public registry answered.`;
}
