/** What one stack says of a release so that another publishes the same (`release` of its outputs). Pure. */

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
}

export interface RecordedImage {
  /** `<registry>/<namespace>/<name>`. */
  repository: string;
  digest: string;
}

export interface ReleaseRecord {
  format: 1;
  version: string;
  /** Commit of the sources. */
  commit: string;
  /** Seconds since 1970: the date of the sources, which signatures inside of rpms get. */
  epoch: number;
  /** Address of the bucket, absolute. */
  bucket: string;
  /** Key of the published public keys. */
  publicKey: string;
  /** Fingerprint of the key that signed. */
  signingKey: string;
  /** By the catalog's key. */
  packages: Record<string, RecordedPackage>;
  /** By name. */
  images: Record<string, RecordedImage>;
  /** Every gate and what passed it: digests of the files first, or of the image. */
  gates: Record<string, string[]>;
}

/** The part of a record that a reviewer agrees to: version, commit, and a digest of everything. */
export interface PinnedRelease {
  version: string;
  commit: string;
  /** By the catalog's key: SHA-256 of a file; of an rpm `<header>:<payload>`. */
  packages: Record<string, string>;
  /** By name: `sha256:…`. */
  images: Record<string, string>;
}

export function pinOf({ version, commit, packages, images }: ReleaseRecord): PinnedRelease {
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
  ];
}

/**
 * Packages and images whose own gate did not look at them in the form that is published. `floors`: packages that have a
 * second one, of what their binaries need.
 */
export function unproved({ packages, images, gates }: ReleaseRecord, floors: string[] = []): string[] {
  const passed = (gate: string, digest: string) => gates[gate]?.[0] === digest;
  return [
    ...Object.entries(packages)
      .filter(([name, { proved }]) => {
        const names = [name, ...(floors.includes(name) ? [`floor-${name}`] : [])];
        return !names.every((gate) => passed(gate, proved));
      })
      .map(([name]) => `package ${name}`),
    ...Object.entries(images)
      .filter(([name, { digest }]) => !passed(`image-${name}`, digest))
      .map(([name]) => `image ${name}`),
  ];
}
