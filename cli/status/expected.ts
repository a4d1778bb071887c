/** What the catalog says that there is of a version. Pure. */
import { Catalog, PackageRow } from '../../model';
import { FileNames, fileNames, fill, isPrerelease } from '../../names';
import { latestOf } from '../../provider/publish/published';
import { compareVersions } from '../../provider/formats/versionOrder';
import type { ListedPackage } from './facts';

export interface WantedPackage extends FileNames {
  /** What a package manager installs; of a tarball the row's key. */
  name: string;
}

const FORMATS: Record<'apt' | 'yum' | 'downloads', PackageRow['format'][]> = {
  apt: ['deb'],
  yum: ['rpm'],
  downloads: ['tar.gz', 'debug'],
};

export type Kind = keyof typeof FORMATS;

const rowsOf = ({ packages }: Catalog, kind: Kind) =>
  packages.filter(({ format }) => FORMATS[kind].includes(format));

/** Every package of the version in one kind of repository. */
export function wantedPackages(catalog: Catalog, kind: Kind, version: string): WantedPackage[] {
  const { product, architectures } = catalog;
  return rowsOf(catalog, kind).flatMap((row) =>
    architectures
      .filter(({ enabled }) => enabled)
      .map((architecture) => {
        const name = fill(row.package ?? row.key, { name: product.name });
        const names = fileNames(product, row, version, architecture);
        // Names without a version are never of a pre-release.
        return { name, ...names, ...(isPrerelease(version) && { latestAliases: [] }) };
      }),
  );
}

const VERSION = /^\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?$/;
const isVersion = (text: string) => VERSION.test(text);

/** Release versions that an index has of the catalog's packages, by package, newest first. */
export function listedVersions(catalog: Catalog, kind: Kind, listed: ListedPackage[]): Map<string, string[]> {
  const names = wantedPackages(catalog, kind, '0.0.0').map(({ name }) => name);
  return new Map(
    names.map((name) => {
      const own = listed.filter((one) => one.name === name).map((one) => one.version.replace('~', '-'));
      return [name, newestFirst(own)];
    }),
  );
}

/** Versions in the file names of a list of sums. */
export function fileVersions(catalog: Catalog, names: Iterable<string>): string[] {
  const marker = '0.0.0';
  const patterns = wantedPackages(catalog, 'downloads', marker).map(({ fileName }) =>
    fileName.split(marker, 2),
  );
  const found = [...names].flatMap((name) =>
    patterns.flatMap(([before, after]) =>
      name.startsWith(before) && name.endsWith(after)
        ? [name.slice(before.length, name.length - after.length)]
        : [],
    ),
  );
  return newestFirst(found);
}

/** Valid versions, each once, newest first. */
export function newestFirst(versions: string[]): string[] {
  return [...new Set(versions.filter(isVersion))].sort((a, b) => compareVersions(b, a));
}

/** What should be the current version where nobody said so. */
export function newestOf(offered: string[], channel: 'release' | 'master'): string | undefined {
  return channel === 'master' ? newestFirst(offered)[0] : latestOf(newestFirst(offered));
}
