/** What every component of a release is told. Plain values; `config.ts` reads them. */
import type { Architecture, Catalog, Libraries, PackageRow } from '../model';

export interface ReleaseSettings {
  catalog: Catalog;
  architecture: Architecture;
  /** Configuration namespace, for messages that name a setting. */
  namespace: string;
  stack: string;
  channel: 'release' | 'master';
  /** Folder or bucket URL that packages and repositories are published to. */
  bucket: string;
  /** Public URL of the bucket's root, no trailing slash. */
  url: string;
  /** Registry host and namespace, `<host>/<namespace>`. */
  registry: string;
  /** Further `<host>/<namespace>` that get every image by digest. */
  mirrors: string[];
  /** Address of buildkitd, and the buildx builder that stands for it. */
  buildkit: string;
  builder: string;
  /** Where the binaries' libraries come from. */
  libraries: Libraries;
  /** After the catalog's. */
  cmakeArgs: string[];
  /** Seconds until a gate counts as hanging. */
  gateLimit: number;
  /** A released name must not get other bytes. */
  immutable: boolean;
  /** Versions that indexes and unversioned names no longer offer. */
  withdrawn: string[];
  /** How many versions are kept, the newest ones; 0: all. */
  keep: number;
  /** Without a source: no source tarball, and a tester without the suite. */
  hasSource: boolean;
}

/** Master builds and pre-releases go to the `-dev` repositories. */
export function flavour(settings: ReleaseSettings, version: string): 'release' | 'dev' {
  return settings.channel === 'master' || version.includes('-') ? 'dev' : 'release';
}

/** Which repository publishes a format. */
export function repositoryOf(row: PackageRow): 'apt' | 'yum' | 'downloads' {
  if (row.format === 'deb') return 'apt';
  return row.format === 'rpm' ? 'yum' : 'downloads';
}
