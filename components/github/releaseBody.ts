/** The text of a release's page, as Markdown. Pure: the same inputs give the same bytes. */
import { isPrerelease, SettingError } from '../../names';

export interface ReleasedPackage {
  /** Public address of the file. */
  url: string;
  /** Of its bytes, 64 hex digits. */
  sha256: string;
  /** Bytes. */
  size: number;
  /** File name that it has the bytes of; none for a file of its own. */
  aliasOf?: string;
}

export interface ReleaseBodyInputs {
  /** x.y.z or x.y.z-pre. */
  version: string;
  /** Source commit that everything was built from. */
  commit: string;
  /** By file name. */
  packages: Record<string, ReleasedPackage>;
  /** `<namespace>/<name>:<tag>` to the reference by digest, `<host>/<namespace>/<name>@sha256:…`. */
  images: Record<string, string>;
  /** Markdown, such as a section of a changelog. */
  notes: string;
  /** Whether no newer release is out. */
  isLatest: boolean;
  /** Whether it was taken out of the indexes again. */
  isWithdrawn: boolean;
}

/** Characters that GitHub takes as the body of a release. */
const LIMIT = 125_000;

/** @throws SettingError where the text is longer than GitHub takes */
export function releaseBody(release: ReleaseBodyInputs): string {
  const { version, commit, packages, images, notes } = release;
  const own = sorted(packages).filter(([, { aliasOf }]) => aliasOf === undefined);
  const aliases = sorted(packages).filter(([, { aliasOf }]) => aliasOf !== undefined);
  const parts = [
    ...standing(release),
    notes.trim(),
    '## Packages',
    table(
      ['file', 'size', 'SHA-256'],
      own.map(([name, { url, size, sha256 }]) => [`[${name}](${url})`, shown(size), `\`${sha256}\``]),
    ),
    ...(aliases.length === 0
      ? []
      : [
          'The same bytes under further names:',
          table(
            ['file', 'is'],
            aliases.map(([name, { url, aliasOf }]) => [`[${name}](${url})`, aliasOf ?? '']),
          ),
        ]),
    ...(Object.keys(images).length === 0
      ? []
      : [
          '## Images',
          table(
            ['tag', 'by digest'],
            sorted(images).map(([tag, reference]) => [`\`${tag}\``, `\`${reference}\``]),
          ),
        ]),
    '## Checksums',
    'For `sha256sum --check --ignore-missing`:',
    fenced(sorted(packages).map(([name, { sha256 }]) => `${sha256}  ${name}`)),
    `Built from commit ${commit}.`,
  ];
  const body = `${parts.join('\n\n')}\n`;
  if (body.length > LIMIT) {
    const over = `the page of ${version} has ${body.length} characters, and GitHub takes ${LIMIT}`;
    throw new SettingError('notes of the release', `${over}; shorten the section of the changelog`);
  }
  return body;
}

/** What a reader must know first. `tools/github/latestRelease.mjs` writes a withdrawal to pages of older versions. */
function standing({ version, isLatest, isWithdrawn }: ReleaseBodyInputs): string[] {
  if (isWithdrawn) return [`**${version} was withdrawn: use another release.**`];
  if (isLatest || isPrerelease(version)) return [];
  return [`A newer release than ${version} is out: [the latest](../latest).`];
}

/** By code unit: the order does not depend on a locale. */
function sorted<T>(record: Record<string, T>): [string, T][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}

function table(head: string[], rows: string[][]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const fenced = (lines: string[]) => ['```', ...lines, '```'].join('\n');

const shown = (bytes: number) =>
  bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
