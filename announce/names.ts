/** Old names and new ones, from the catalog's rows. Pure. */
import * as semver from 'semver';
import { Catalog, ImageRow, PackageRow } from '../model';
import { architectureOf, fileNames, fill } from '../names';
import { Released } from './release';

export interface Renamed {
  kind: 'package' | 'image' | 'variable';
  was: string;
  now: string;
  /** The old name goes on working: it is an alias, or the entry point still reads it. */
  works: boolean;
  /** Release that first has the new name. */
  since: string;
}

export interface Fresh {
  name: string;
  about: string;
  since: string;
}

/** Those that the release before lacks. Without one: those that came with this version, or with a later one. */
export function news<T extends { since: string }>(
  rows: T[],
  { version, previous }: Pick<Released, 'version' | 'previous'>,
): T[] {
  return rows.filter(({ since }) =>
    previous === undefined ? semver.gte(since, version) : semver.gt(since, previous),
  );
}

function architecture({ architectures }: Catalog) {
  const enabled = architectures.find((one) => one.enabled);
  if (!enabled) throw new Error('catalog: no architecture is enabled');
  return enabled;
}

/** Canonical file name of a package. */
export function fileOf(catalog: Catalog, row: PackageRow, version: string): string {
  return fileNames(catalog.product, row, version, architecture(catalog)).fileName;
}

/** Names that users had, in the order of the catalog; what is called the same as ever is not among them. */
export function renamedNames(catalog: Catalog, version: string): Renamed[] {
  const arch = architecture(catalog);
  const { product, announcement } = catalog;
  const packages = catalog.packages.flatMap((row) =>
    (row.legacy ?? []).map((template) => ({
      kind: 'package' as const,
      was: fill(template, {
        name: product.name,
        version,
        arch: architectureOf(row.format, arch),
        legacy: arch.legacy,
      }),
      now: fileOf(catalog, row, version),
      works: row.aliases.includes(template) || row.fileName === template,
      since: row.since ?? announcement.since,
    })),
  );
  const images = catalog.images.flatMap((row) =>
    (row.legacy ?? []).flatMap((template) => renamedImage(catalog, row, template, version)),
  );
  const variables = catalog.images.flatMap(({ variables = [] }) =>
    variables.map(({ was, now, since = announcement.since }) => ({
      ...{ kind: 'variable' as const, was, now, works: true, since },
    })),
  );
  return [...packages, ...images, ...variables].filter(({ was, now }) => was !== now);
}

function renamedImage(
  { product, announcement }: Catalog,
  row: ImageRow,
  template: string,
  version: string,
): Renamed[] {
  const pattern = template.includes(':') ? template : `${template}:{tag}`;
  const named = [`${row.name}:{tag}`, ...row.aliases.map((one) => `${one.repository}:{tag}${one.suffix}`)];
  return [version, 'latest', 'master'].map((tag) => ({
    kind: 'image',
    was: `${product.imageNamespace}/${fill(pattern, { tag })}`,
    now: `${product.imageNamespace}/${row.name}:${tag}`,
    works: named.includes(pattern),
    since: row.since ?? announcement.since,
  }));
}

/** What has no predecessor. */
export function freshNames(catalog: Catalog, version: string): Fresh[] {
  const { product, announcement } = catalog;
  return [
    ...catalog.packages
      .filter(({ legacy }) => !legacy)
      .map((row) => ({
        name: fileOf(catalog, row, version),
        about: announcement.packages[row.key] ?? '',
        since: row.since ?? announcement.since,
      })),
    ...catalog.images
      .filter(({ legacy }) => !legacy)
      .map(({ name, usage, since = announcement.since }) => ({
        name: `${product.imageNamespace}/${name}:${version}`,
        about: usage.about.replace(/\.$/, ''),
        since,
      })),
  ];
}

/** Names that end. */
export function retiredNames({
  product,
  announcement,
}: Catalog): { was: string; instead: string; since: string }[] {
  const filled = (template: string) =>
    fill(template, { namespace: product.imageNamespace, name: product.name });
  return announcement.retired.map(({ name, instead, since = announcement.since }) => ({
    ...{ was: filled(name), instead: filled(instead), since },
  }));
}

/** Every image reference, without a registry, that a release of this version serves once it is the newest. */
export function servedImages({ product, images }: Catalog, version: string): string[] {
  return images.flatMap(({ name, aliases }) =>
    [version, 'latest'].flatMap((tag) =>
      [`${name}:${tag}`, ...aliases.map(({ repository, suffix }) => `${repository}:${tag}${suffix}`)].map(
        (reference) => `${product.imageNamespace}/${reference}`,
      ),
    ),
  );
}
