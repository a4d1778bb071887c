/** What a package builder needs to know of one package; all names are already filled in. */
import type { Format, Product, TreeSelection } from '../../model';
import type { DiskCache } from '../diskCache';

/** Maintainer scripts as template text. `posttransaction` is rpm's `%posttrans`; a deb has no such moment. */
export interface PackageScripts {
  preinstall?: string;
  postinstall?: string;
  preremove?: string;
  postremove?: string;
  posttransaction?: string;
}

/** A text of `packaging/`, not yet rendered. */
export interface PackageText {
  /** Absolute path in a deb or rpm, path below the top folder in a tarball. One that ends in `.gz` is compressed. */
  to: string;
  /** File mode, e.g. 0o644. */
  mode: number;
  /** Template, see `template.ts`. */
  content: string;
}

export interface PackageSpec {
  /** The row's key in the catalog, for messages. */
  key: string;
  format: Format;
  /** Canonical file name. A tarball's top folder is this without `.tar.gz`. */
  fileName: string;
  /** Name inside a deb or rpm. */
  package?: string;
  /** `x.y.z` or `x.y.z-pre`. */
  version: string;
  arch: { deb: string; rpm: string; tarball: string };
  product: Product;
  /** Relations in the format's own syntax. An entry of `provides` without a version gets the package's own. */
  provides: string[];
  conflicts: string[];
  /** deb only: an rpm with Obsoletes would replace the other package in every `dnf upgrade`. */
  replaces: string[];
  depends: string[];
  recommends: string[];
  scripts: PackageScripts;
  texts: PackageText[];
  select: TreeSelection[];
  /** Put the carried libraries of the tree into `usr/lib/<name>/`. */
  libraries: boolean;
  from: 'tree' | 'source' | 'debug';
  /** mtime of every entry, seconds since 1970-01-01 UTC. */
  epoch: number;
  /** What the binary needs, as deb Depends entries ("libc6 (>= 2.34)"). */
  debDepends: string[];
  /** The same as rpm Requires ("libc.so.6(GLIBC_2.34)(64bit)"). */
  rpmRequires: string[];
  /** The driver's source folder in the tree (`usr/src/<dkms name>-<version>`) and its version. */
  driver?: { dir: string; version: string };
  /** Further template variables, by name. */
  variables?: Record<string, string>;
}

export interface PackageInput {
  /** The unpacked install tree: `tree/`, `debug/`, `lib/`. For `from: 'tree'` and `'debug'`. */
  treeDir?: string;
  /** Uncompressed tar of the sources, sorted by path, without a top folder. For `from: 'source'`. */
  sourceTar?: string;
  /** Keeps what was compressed, for the next package. Default: nothing is kept, and the bytes are the same. */
  segments?: DiskCache;
}
