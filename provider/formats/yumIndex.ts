/** yum's index files: primary, filelists, other, repomd.xml, and the `.repo` file of clients. Pure. */
import { gzip, QUICK, sha256 } from './compress';
import type { ListedPackage } from './listedPackage';
import { YumFragment } from './yumPackage';

const COMMON = 'http://linux.duke.edu/metadata/common';
const RPM = 'http://linux.duke.edu/metadata/rpm';
const PROLOGUE = '<?xml version="1.0" encoding="UTF-8"?>\n';

/** One file that repomd.xml names, with its key below the repository's root. */
export interface IndexFile {
  type: string;
  name: string;
  body: Buffer;
  openSha256: string;
  openSize: number;
}

async function indexFile(type: string, suffix: string, open: Buffer, level?: number): Promise<IndexFile> {
  const body = await gzip(open, level);
  const name = `repodata/${sha256(body)}-${suffix}.gz`;
  return { type, name, body, openSha256: sha256(open), openSize: open.length };
}

/** Package locations are kept as seen from the root, `pool/…`; a generation lies two folders deeper. */
const fromGeneration = (primary: string) => primary.replace('<location href="', '<location href="../../');

export interface YumIndexes {
  /** As seen from `generations/<id>/`. */
  generation: IndexFile[];
  /** As seen from the repository's root. */
  root: IndexFile[];
}

/** All index files of the packages, for both places. `manifest` goes with them: clients skip types they do not know. */
export async function yumIndexes(fragments: YumFragment[], manifest: Buffer): Promise<YumIndexes> {
  const count = `packages="${fragments.length}"`;
  const list = (type: string, namespace: string, tag: string, entries: string[]) =>
    indexFile(
      type,
      `${type}.xml`,
      Buffer.from(
        `${PROLOGUE}<${tag} xmlns="${namespace}"${tag === 'metadata' ? ` xmlns:rpm="${RPM}"` : ''} ${count}>\n${entries.join('')}</${tag}>\n`,
      ),
    );
  const primary = (entries: string[]) => list('primary', COMMON, 'metadata', entries);
  const [own, generation, root, ...lists] = await Promise.all([
    // The longest first: the others are written while it is packed.
    indexFile('manifest', 'manifest.json', manifest, QUICK),
    primary(fragments.map((f) => fromGeneration(f.primary))),
    primary(fragments.map((f) => f.primary)),
    list(
      'filelists',
      'http://linux.duke.edu/metadata/filelists',
      'filelists',
      fragments.map((f) => f.filelists),
    ),
    list(
      'other',
      'http://linux.duke.edu/metadata/other',
      'otherdata',
      fragments.map((f) => f.other),
    ),
  ]);
  const shared = [...lists, own];
  return { generation: [generation, ...shared], root: [root, ...shared] };
}

/** repomd.xml of these files. `revision` in seconds since 1970. */
export function renderRepomd(files: IndexFile[], revision: number): Buffer {
  const entries = files.map((file) =>
    [
      `  <data type="${file.type}">\n`,
      `    <checksum type="sha256">${sha256(file.body)}</checksum>\n`,
      `    <open-checksum type="sha256">${file.openSha256}</open-checksum>\n`,
      `    <location href="${file.name}"/>\n`,
      `    <timestamp>${revision}</timestamp>\n`,
      `    <size>${file.body.length}</size>\n`,
      `    <open-size>${file.openSize}</open-size>\n`,
      '  </data>\n',
    ].join(''),
  );
  return Buffer.from(
    `${PROLOGUE}<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="${RPM}">\n  <revision>${revision}</revision>\n${entries.join('')}</repomd>\n`,
  );
}

export interface ParsedRepomd {
  revision: number;
  files: { type: string; name: string; sha256: string; size: number }[];
}

/** Reads what `renderRepomd` wrote; undefined when it is something else. */
export function parseRepomd(body: Buffer): ParsedRepomd | undefined {
  const text = body.toString();
  const revision = /<revision>(\d+)<\/revision>/.exec(text)?.[1];
  if (revision === undefined) return undefined;
  const files = [...text.matchAll(/<data type="([^"]+)">([\s\S]*?)<\/data>/g)].map(([, type, inner]) => ({
    type,
    name: /<location href="([^"]+)"/.exec(inner)?.[1] ?? '',
    sha256: /<checksum type="sha256">([0-9a-f]{64})</.exec(inner)?.[1] ?? '',
    size: Number(/<size>(\d+)</.exec(inner)?.[1]),
  }));
  return { revision: Number(revision), files };
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const unescapeXml = (text: string) =>
  text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => ENTITIES[name]);

/** The packages of primary.xml; one without a name or a file is left out. */
export function listedRpms(primary: string): ListedPackage[] {
  return [...primary.matchAll(/<package\b[^>]*>([^]*?)<\/package>/g)].flatMap(([, inner]) => {
    const read = (pattern: RegExp) => unescapeXml(pattern.exec(inner)?.[1] ?? '');
    const [name, path] = [read(/<name>([^<]+)</), read(/<location\b[^>]*\bhref="([^"]+)"/)];
    if (!name || !path) return [];
    return {
      name,
      version: read(/<version\b[^>]*\bver="([^"]*)"/),
      architecture: read(/<arch>([^<]+)</),
      path,
      size: Number(read(/<size\b[^>]*\bpackage="(\d+)"/)),
      sha256: read(/<checksum type="sha256"[^>]*>([0-9a-f]{64})</),
    };
  });
}

/** The `.repo` file of a client (dnf.conf(5), "Repo Options"). */
export function repoFile(options: { id: string; title: string; mirrorlist: string; key: string }): string {
  return [
    `[${options.id}]`,
    `name=${options.title.replace(/\n/g, ' ')}`,
    `mirrorlist=${options.mirrorlist}`,
    'enabled=1',
    'gpgcheck=1',
    'repo_gpgcheck=1',
    `gpgkey=${options.key}`,
    '',
  ].join('\n');
}
