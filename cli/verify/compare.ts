/** A published release beside the one that was made again. Pure. */
import type { ReleaseRecord } from '../../provider/promotion/record';
import { table } from '../summary';

/** A package file that is published. */
export interface PublishedFile {
  sha256: string;
  /** Of an rpm: digests of its header and payload, from the file itself; else empty. */
  identity: string;
}

/** What is published now, by the names of the record; undefined: it is not there. */
export interface Published {
  packages: Record<string, PublishedFile | undefined>;
  /** Digest of the tag of the version, or of the image where it has no such tag. */
  images: Record<string, string | undefined>;
}

/** As the rebuild says (outputs.ts). */
export interface Rebuilt {
  packages: Record<
    string,
    { key: string; sha256: string; identity: string; statements?: Record<string, string> }
  >;
  /** References by digest. */
  images: Record<string, string>;
}

export interface Row {
  artifact: string;
  /** SHA-256; of an rpm header and payload digests; of an image its digest. */
  published: string;
  /** Empty: it was not made. */
  rebuilt: string;
  isEqual: boolean;
  /** Why a difference is none of the release. */
  aside?: string;
}

/** What users get that is not what the signed record says, as a person reads it; none: all of it is. */
export function unlikeRecord(record: ReleaseRecord, published: Published): string[] {
  const wrong = (name: string, found: string | undefined, recorded: string) =>
    found === recorded ? [] : [`${name} is ${found ?? 'not there'}, the record says ${recorded}`];
  return [
    ...Object.entries(record.packages).flatMap(([name, { fileName, sha256, identity }]) => {
      const found = published.packages[name];
      // A rebuild is compared with the contents that the record names: the file has to have them.
      return found?.sha256 === sha256
        ? wrong(`${fileName} (header:payload)`, found.identity, identity)
        : wrong(fileName, found?.sha256, sha256);
    }),
    ...Object.entries(record.images).flatMap(([name, { repository, digest }]) =>
      wrong(`${repository}:${record.version}`, published.images[name], digest),
    ),
  ];
}

/** Whether a row is as it should be. */
export const isRight = ({ isEqual, aside }: Row) => isEqual || aside !== undefined;

/** Every package, then every image. */
export function compare(record: ReleaseRecord, rebuilt: Rebuilt): Row[] {
  const row = (artifact: string, published: string, made = ''): Row => ({
    ...{ artifact, published, rebuilt: made, isEqual: published === made },
  });
  return [
    ...Object.entries(record.packages).map(([name, { fileName, sha256, identity }]) => {
      const made = rebuilt.packages[name];
      return identity === '' ? row(fileName, sha256, made?.sha256) : row(fileName, identity, made?.identity);
    }),
    ...Object.entries(record.images).map(([name, { digest }]) =>
      row(`image ${name}`, digest, rebuilt.images[name]?.replace(/^.*@/, '')),
    ),
  ];
}

/**
 * Why packages may differ that have the same contents: their bytes are zlib's, which is Node's own.
 *
 * @param here version of zlib that made the rebuild
 * @returns undefined where that is no reason
 */
export function zlibNote({ zlib = [] }: ReleaseRecord, here: string): string | undefined {
  if (zlib.every((one) => one === here)) return undefined;
  return `Packages of the release were compressed by zlib ${zlib.join(' and ')}, those made again by ${here}: run it with the Node that has the former (node -p process.versions.zlib) before you take a package's difference for one of contents.`;
}

/** First digits of a digest, of an rpm of both. */
const short = (digest: string) =>
  digest
    .replace(/^sha256:/, '')
    .split(':')
    .map((one) => one.slice(0, 16))
    .join(':') || 'none';

/** @param sources where they were taken from, by what they are */
export function comparison(
  title: string,
  record: ReleaseRecord,
  rows: Row[],
  sources: Record<string, string> = {},
): string {
  const different = rows.filter((row) => !isRight(row));
  const aside = rows.filter((row) => row.aside !== undefined);
  const lines = rows.map(({ artifact, published, rebuilt, isEqual, aside: reason }) => [
    artifact,
    short(published),
    short(rebuilt),
    isEqual ? 'yes' : reason === undefined ? 'NO' : 'set aside',
  ]);
  const unproved = aside.length === 0 ? '' : `; ${aside.length} set aside, which nothing proves`;
  const count =
    different.length === 0
      ? `All ${rows.length - aside.length} artifacts are the same${unproved}`
      : `${different.length} of ${rows.length} artifacts are NOT the same: ${different.map(({ artifact }) => artifact).join(', ')}`;
  return [
    `${title} ${record.version}, commit ${record.commit || 'unknown'}, signed by ${record.signingKey}`,
    ...Object.entries(sources).map(([name, at]) => `${name}: ${at}`),
    '',
    ...table([['artifact', 'published', 'rebuilt', 'equal'], ...lines]),
    '',
    ...aside.map(({ artifact, aside: reason }) => `${artifact} is set aside: ${reason}`),
    count,
    '',
  ].join('\n');
}
