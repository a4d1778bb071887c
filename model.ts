/**
 * The types of `catalog.ts`: what can be said of a product, its packages, images and repositories.
 * Pure: no I/O, no Pulumi. `names.ts` fills in `{name}`, `{version}` and `{arch}`.
 */

/** One spelling of a CPU architecture per format. Only enabled ones are built. */
export interface Architecture {
  enabled: boolean;
  deb: string;
  rpm: string;
  /** In tarball names ("x86", seed line ".tar.gz"). */
  tarball: string;
  /** In the file names that were used before the seed (`falco-x.y.z-x86_64.deb`). */
  legacy: string;
  /** OCI platform, `os/arch`. */
  oci: string;
  /** ELF e_machine of its binaries (62 = x86-64). */
  elfMachine: number;
}

/** Who publishes what; the only place where the product's name stands. */
export interface Product {
  name: string;
  title: string;
  vendor: string;
  maintainer: string;
  homepage: string;
  source: string;
  /** Where the project lives that makes the release: what builds and how is named below it (SLSA provenance). */
  builder: string;
  license: string;
  section: string;
  summary: string;
  description: string;
  /** Registry namespace of all images. */
  imageNamespace: string;
  /** Origin and Label of the apt repository; apt refuses a change of it. */
  origin: string;
  /** Words of which one must stand in the name of a package that installs that driver (seed, "Packages"). */
  drivers: Record<Driver, string>;
}

export type Driver = 'module' | 'bpf';
export type Format = 'deb' | 'rpm' | 'tar.gz' | 'debug';

/**
 * What an input path belongs to. `recipe` (build system) and `driver` (headers that probe, module and
 * userspace share) go into every compiled part; `docs` and `tests` are never compiled.
 */
export type Part = 'binary' | 'rules' | 'module' | 'bpf' | 'driver' | 'recipe' | 'tests' | 'docs';

/** First match wins; a path that no rule names counts as `binary`, so previews never under-report. */
export interface PartRule {
  part: Part;
  /** Regular expression on the path relative to the root, `/`-separated, no leading slash. */
  match: string;
}

/** Something the install tree must have. A missing one stops the update with its name. */
export interface Requirement {
  what: string;
  match: string;
  parts: Part[];
}

/** How the product's source and install tree are laid out. */
export interface Layout {
  sourceParts: PartRule[];
  treeParts: PartRule[];
  /** Each must match at least one path of a source tree, or it is not this product's. */
  sourceShape: { what: string; match: string }[];
  treeShape: Requirement[];
  /** Only paths that match belong to an install tree; a tarball's own INSTALL or Makefile does not. */
  treeRoots: string;
  /** Installed paths that no artifact wants: headers and static libraries of what was compiled in. */
  treeIgnore: string;
  /** The image that compiles the sources. */
  builderImage: string;
  /** Path of the main binary in the install tree; its `--version` is checked. */
  binary: string;
  /** CMake variable that takes the version. */
  versionVariable: string;
  /** CMake arguments of every build. */
  cmakeArgs: string[];
  /** CMake variable that names the folder of an extra source, by the extra source's name. */
  extraSourceVariables: Record<string, string[]>;
}

/** Files of the install tree that go into a package, as regular expressions on the tree path. */
export interface TreeSelection {
  match: string;
  /** A configuration file: kept on upgrade (deb conffile, rpm `%config(noreplace)`). */
  config?: boolean;
  /** What of the path this matches is replaced by `to` (for tarballs that do not start at `/`). */
  strip?: string;
  /** Default: nothing. */
  to?: string;
  /** Not every version has it. Without this, a rule that matches nothing is an error. */
  optional?: boolean;
}

/** A text of `packaging/`, rendered and put into a package. */
export interface TextFile {
  /** Path under `packaging/`. */
  template: string;
  /** Absolute path in a deb or rpm, path below the top folder in a tarball. One that ends in `.gz` is compressed. */
  to: string;
  /** Octal file mode. Default 0644. */
  mode?: number;
}

/** Maintainer scripts, paths under `packaging/`. */
export interface Scripts {
  preinstall?: string;
  postinstall?: string;
  preremove?: string;
  postremove?: string;
  /** rpm's `%posttrans`: the only moment after the old package's scripts. */
  posttransaction?: string;
}

export interface PackageRow {
  key: string;
  format: Format;
  /** Canonical file name. Always has `{version}` (seed: "All package names MUST contain a version"). */
  fileName: string;
  /** The same bytes under further names. One without `{version}` points at the newest release. */
  aliases: string[];
  /** File names that users had it under before. One that is among `aliases` goes on working. Without: it is new. */
  legacy?: string[];
  /** Release that first has it under this name. Default: `since` of the announcement. */
  since?: string;
  /** The driver it installs; its word must be in the file name, unless the file is an alias. */
  driver?: Driver;
  /** Name inside the package, what `apt-get install` takes. */
  package?: string;
  provides?: string[];
  conflicts?: string[];
  replaces?: string[];
  /** Dependencies besides those that the binary needs, which are computed. */
  depends?: string[];
  recommends?: string[];
  scripts?: Scripts;
  /** Parts of the tree or source that go in; its input hash covers just these. */
  parts: Part[];
  from: 'tree' | 'source' | 'debug';
  select: TreeSelection[];
  texts: TextFile[];
  /** Carry the shared libraries that a plain system lacks. */
  libraries?: boolean;
  /** How its client tries it before it is published; `install` and `unpack` are of tarballs. */
  gate: 'deb' | 'rpm' | 'install' | 'unpack' | 'debug';
}

/** A command that must succeed before an artifact is published. `{version}` and `{usage}` are filled in. */
export interface CheckRow {
  /** For an image: what its entry point is given; empty for its own command. */
  run: string[];
  /** What it must print. */
  says?: string;
  /** `NAME=VALUE`. */
  environment?: string[];
  /** It runs until it is stopped: seconds that it must last. */
  lasts?: number;
  /** Regular expression on what it may say where it cannot last, as without a driver. */
  orSays?: string;
}

/** How the binaries get their libraries: their own, for all distributions, or those of the system that compiles them. */
export type Libraries = 'bundled' | 'distribution';

/** The oldest system that a format is for, and the newest symbol versions that it has, by their prefix (`GLIBC`). */
export interface Floor {
  of: string;
  versions: Record<string, string>;
}

export interface LibrariesRow {
  /** Row of `bases` that the compiling image starts from. */
  base: string;
  cmakeArgs: string[];
  floors: Record<'deb' | 'rpm' | 'tar.gz', Floor>;
}

export interface GatesRow {
  /** Base of the clients. */
  base: string;
  /** What a package must do once it is installed. */
  installed: CheckRow[];
  /** What every rpm distribution provides and is not read off libraries. */
  rpmStandIns: string[];
}

/** A file or folder that an image build gets, by the path it has in the context. */
export type ContextEntry =
  | { package: string; to: string; unpack?: { match: string; parts: Part[] } }
  | { tree: string; parts: Part[]; to: string }
  | { source: string; parts: Part[]; to: string };

export interface ImageRow {
  name: string;
  title: string;
  /** Folder under `dockerfiles/`. */
  dockerfile: string;
  /** A row of `bases`, another image of the set, or the base that `libraries` says binaries are compiled on. */
  from: { base: string } | { image: string } | { compiles: true };
  /**
   * Its Dockerfile has a stage `system` with all that it takes from the distribution, which is kept by digest.
   * `dependencies`: also what the packages of the release depend on.
   */
  system?: 'packages' | 'dependencies';
  /** Named context `artifacts`; without it the image needs nothing of the release. */
  context: ContextEntry[];
  /** Further tags `<repository>:<tag><suffix>`, for names that users have. */
  aliases: { repository: string; suffix: string }[];
  /** What users had it under before: `<repository>` or `<repository>:{tag}<suffix>`. Without: it is new. */
  legacy?: string[];
  /** Release that first has it under this name. Default: `since` of the announcement. */
  since?: string;
  /** Environment variables that were renamed, `since` as above. The entry point goes on reading the old one. */
  variables?: { was: string; now: string; since?: string }[];
  /** How to run it: label, `usage` command, Dockerfile head and docs show these lines. */
  usage: { about: string; run: string[] };
  /** What it must do before a tag points at it. */
  gate: CheckRow[];
}

/** A root file system that images start from. */
export interface BaseRow {
  /** Used where its registry answers. Pinned by digest. */
  reference: string;
  /** Made by mmdebstrap elsewhere. */
  rootfs: { distribution: string; suite: string; variant: string };
}

/** Where a format's files are published, below the bucket's root. `-dev` for the master channel and pre-releases. */
export interface RepositoryRow {
  prefix: Record<'release' | 'dev', string>;
}

/** An image that a Helm chart's values name as `repository` and `tag`. */
export interface ChartImage {
  /** Path of the mapping in `values.yaml`, with dots. */
  at: string;
  /** Only where the values have this path, too. Of several rows for one place the first that fits counts. */
  when?: string;
  /** The image of the set that belongs there. */
  image: string;
}

/** What users of before are told at a release, and where (seed, "Documentation"). */
export interface Announcement {
  /** Release that first has the catalog's names. It is news to who has an older one, once. */
  since: string;
  /** What a package is, one sentence without a full stop, by the key of its row. */
  packages: Record<string, string>;
  /** Names that end, what to take instead, `since` as above. `{namespace}` and `{name}` are filled in. */
  retired: { name: string; instead: string; since?: string }[];
  website: {
    /** `owner/name` on GitHub. */
    repository: string;
    /** Where the pages go in it. */
    folder: string;
    /** Where they are read. */
    url: string;
  };
  chart: {
    /** `owner/name` on GitHub. */
    repository: string;
    /** Where the chart may be in its repository; the first folder that has a `values.yaml` counts. */
    folders: string[];
    images: ChartImage[];
    /** File of the repository that lists charts which are kept elsewhere: name to patterns of paths. */
    managed: string;
  };
}

export interface Catalog {
  product: Product;
  architectures: Architecture[];
  layout: Layout;
  packages: PackageRow[];
  images: ImageRow[];
  announcement: Announcement;
  libraries: Record<Libraries, LibrariesRow>;
  gates: GatesRow;
  bases: Record<string, BaseRow>;
  repositories: {
    apt: RepositoryRow & { suite: string; component: string };
    yum: RepositoryRow;
    downloads: RepositoryRow;
  };
}
