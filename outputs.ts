/** What the stack exports: the interface that scripts rely on (`npm run output -- --json`). */
import * as pulumi from '@pulumi/pulumi';
import { Gates } from './components/gates';
import { Packages } from './components/packages';
import { Repositories } from './components/repositories';
import { Base, Source, Tag } from './components/resources';
import { flavour, ReleaseSettings } from './components/settings';
import { Tags } from './components/tags';
import { publicNames } from './names';

interface Made {
  settings: ReleaseSettings;
  source: Source;
  packages: Packages;
  gates: Gates;
  repositories: Repositories;
  tags: Tags;
  bases: Record<string, Base>;
}

export function releaseOutputs(made: Made) {
  const { settings, source, packages, gates, repositories, tags, bases } = made;
  const { catalog, url } = settings;
  const { apt, yum, downloads } = catalog.repositories;
  const names = publicNames(catalog.product);
  const folder = (row: typeof yum) =>
    source.version.apply((version) => `${url}/${row.prefix[flavour(settings, version)]}`);
  const key = `${url}/${names.publicKey}`;
  return {
    version: source.version,
    packages: pulumi
      .all([repositories.apt.files, repositories.yum.files, repositories.downloads.files])
      .apply((all) => Object.assign({}, ...all) as Record<string, (typeof all)[0][string]>),
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
  { catalog }: ReleaseSettings,
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
