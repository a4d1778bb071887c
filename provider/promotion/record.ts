/** What one stack says of a release so that another publishes the same (`release` of its outputs). Pure. */
import { DOCUMENTS } from '../publish/published';

/** A document beside a package that was published, of the package's names with `.<document>` behind them. */
export interface RecordedStatement {
  sha256: string;
  /** Bytes. */
  size: number;
}

/** A package that was published. */
export interface RecordedPackage {
  fileName: string;
  /** Pool key below the bucket's root. */
  key: string;
  /** Key of the plain name; its detached signature is `<plain>.asc`. */
  plain: string;
  sha256: string;
  /** Bytes. */
  size: number;
  /** Of an rpm: header and payload digests, equal for equal packages whatever their signatures; else empty. */
  identity: string;
  /** Digest of the file that the gates looked at; of an rpm, another signature may make it another one. */
  proved: string;
  /** By the ends of their names; absent in records of before there were any. */
  statements?: Record<string, RecordedStatement>;
}

/** Where a document lies: its pool key, and the key of the plain name. */
export function statementKeys({ key, plain, fileName }: RecordedPackage, document: string, sha256: string) {
  const pool = key.slice(0, -`${'0'.repeat(64)}/${fileName}`.length);
  return { key: `${pool}${sha256}/${fileName}.${document}`, plain: `${plain}.${document}` };
}

export interface RecordedImage {
  /** `<registry>/<namespace>/<name>`. */
  repository: string;
  digest: string;
}

/** Of an image's distribution, with the hash of what it was made by (systems/pin.ts). */
export interface RecordedSystem extends RecordedImage {
  recipe: string;
}

/** What a third party needs, beside the commit and the systems, to make the same again (`npm run verify`). */
export interface RecordedBuild {
  /** `URL#REF` of the sources, as the setting had it; '' where they came from a folder, or from a tree alone. */
  source: string;
  /** The same of further sources, by name. */
  extra: Record<string, string>;
  /** `bundled` or `distribution`. */
  libraries: string;
  /** Arguments of `cmake` after the catalog's. */
  cmakeArgs: string[];
  /** SHA-256 of the archive of each thing that was given: `source`, `patches`, `tree`, and further sources by name. */
  inputs: Record<string, string>;
}

export interface ReleaseRecord {
  format: 1;
  version: string;
  /** Commit of the sources. */
  commit: string;
  /** Seconds since 1970: the date of the sources, which signatures inside of rpms get. */
  epoch: number;
  /** How it was built; absent in records of before this was kept. */
  build?: RecordedBuild;
  /** Versions of zlib that compressed its packages: Node's own, of which each has its. Absent in records of before. */
  zlib?: string[];
  /** Address of the bucket, absolute. */
  bucket: string;
  /** Prefix of the records that it keeps of each of its releases there (kept.ts), without a trailing slash. */
  records: string;
  /** Key of the published public keys. */
  publicKey: string;
  /** Fingerprint of the key that signed. */
  signingKey: string;
  /** Public key that the images are verified with, PEM; absent in records of before they were signed. */
  cosignKey?: string;
  /** By the catalog's key. */
  packages: Record<string, RecordedPackage>;
  /** By name. */
  images: Record<string, RecordedImage>;
  /** What its images take from their distribution, by name of base or image: a mirror drops old versions. */
  systems: Record<string, RecordedSystem>;
  /** Every gate and what passed it: digests of the files first, or of the image. Of a signature, then the key. */
  gates: Record<string, string[]>;
}

/** Gates of this name and an image's say that its signature was verified. */
export const SIGNATURE_GATE = 'signature-';

/** The part of a record that a reviewer agrees to: version, commit, and a digest of everything. */
export interface PinnedRelease {
  version: string;
  commit: string;
  /** By the catalog's key: SHA-256 of a file; of an rpm `<header>:<payload>`. */
  packages: Record<string, string>;
  /** By name: `sha256:…`. */
  images: Record<string, string>;
  /** What the images are made on, by name of base or image: `sha256:…`. */
  systems: Record<string, string>;
}

export function pinOf({ version, commit, packages, images, systems }: ReleaseRecord): PinnedRelease {
  const sorted = <T>(all: Record<string, T>, value: (one: T) => string) =>
    Object.fromEntries(
      Object.keys(all)
        .sort()
        .map((name) => [name, value(all[name])]),
    );
  return {
    version,
    commit,
    packages: sorted(packages, (one) => one.identity || one.sha256),
    images: sorted(images, ({ digest }) => digest),
    systems: sorted(systems, ({ digest }) => digest),
  };
}

/** What of two lists of digests is not the same, as a person reads it. */
function differences(what: string, pinned: Record<string, string>, found: Record<string, string>): string[] {
  const names = [...new Set([...Object.keys(pinned), ...Object.keys(found)])].sort();
  return names
    .filter((name) => pinned[name] !== found[name])
    .map((name) => `${what} ${name} is ${found[name] ?? 'not there'}, agreed was ${pinned[name] ?? 'none'}`);
}

/** Why a release is not the one that was agreed to; empty: it is. */
export function unlike(pinned: PinnedRelease, record: ReleaseRecord): string[] {
  const found = pinOf(record);
  const fields = (['version', 'commit'] as const).filter((field) => pinned[field] !== found[field]);
  return [
    ...fields.map((field) => `${field} is ${found[field]}, agreed was ${pinned[field]}`),
    ...differences('package', pinned.packages, found.packages),
    ...differences('image', pinned.images, found.images),
    ...differences('system', pinned.systems, found.systems),
  ];
}

/**
 * Packages and images whose own gate did not look at them in the form that is published. `floors`: packages that have a
 * second one, of what their binaries need. Images that a key signs have another one, of the signature.
 */
export function unproved(
  { packages, images, gates, cosignKey }: ReleaseRecord,
  floors: string[] = [],
): string[] {
  const passed = (gate: string, digest: string) => gates[gate]?.[0] === digest;
  return [
    ...Object.entries(packages)
      .filter(([name, { proved }]) => {
        const names = [name, ...(floors.includes(name) ? [`floor-${name}`] : [])];
        return !names.every((gate) => passed(gate, proved));
      })
      .map(([name]) => `package ${name}`),
    ...Object.entries(images)
      .filter(([name, { digest }]) => {
        const names = [`image-${name}`, ...(cosignKey ? [`${SIGNATURE_GATE}${name}`] : [])];
        return !names.every((gate) => passed(gate, digest));
      })
      .map(([name]) => `image ${name}`),
  ];
}

/** Packages that do not have every document beside them that says what is in them and how they were made. */
export function untold({ packages }: ReleaseRecord): string[] {
  return Object.entries(packages)
    .filter(([, { statements = {} }]) => !DOCUMENTS.every((document) => statements[document]))
    .map(([name]) => name);
}
