/** Runs syft: of a package on what is really in it, of an image on what its registry has. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import pLimit from 'p-limit';
import { isLoopback } from '../../location';
import type { Format } from '../../model';
import type { DiskCache } from '../diskCache';
import { plainEnvironment } from '../environment';
import { sha256 } from '../formats/compress';
import { withTemporaryFolder } from '../gpgSession';
import { unpackTar } from '../source/files';
import { ImageContents, isOfDeciding } from './imageContents';
import { unpackPayload } from './payload';
import { PROGRAM, Scan, scan } from './scanner';
import { SbomSubject, sbomText, SpdxDocument, spdxDocument, SyftDocument } from './spdx';

/** Runs at a time: each uses more than one processor, and an image is unpacked on the disk meanwhile. */
const limit = pLimit(2);

async function syft(
  what: Omit<Scan, 'output'>,
  work: string,
  further: NodeJS.ProcessEnv = {},
): Promise<SyftDocument> {
  const output = path.join(work, 'syft.json');
  await scan({ ...what, output }, { ...plainEnvironment(), ...further });
  return JSON.parse(await fs.readFile(output, 'utf8')) as SyftDocument;
}

/**
 * The SBOM of a package's file: every file that it would put onto a machine, and the packages found in them.
 *
 * @param scans has what was found in files of the same identity before
 */
export function packageSbom(
  file: string,
  format: Format,
  subject: SbomSubject,
  scans?: DiskCache,
): Promise<string> {
  return documentOf(subject, scans, ['package', format, subject.identity], async (work) => {
    const root = path.join(work, 'root');
    await unpackPayload(file, format, work, root);
    const found = await syft({ directory: root, files: true }, work);
    await refuseUnread(root, spdxDocument(found, subject), subject.name);
    return found;
  });
}

/**
 * @param scans where what is found is kept
 * @param contents says what is scanned: the same gives the same
 */
async function documentOf(
  subject: SbomSubject,
  scans: DiskCache | undefined,
  contents: string[],
  find: (work: string) => Promise<SyftDocument>,
): Promise<string> {
  const textOf = (found: SyftDocument) => sbomText(spdxDocument(found, subject));
  let made: string | undefined;
  const fresh = () =>
    limit(() =>
      withTemporaryFolder(async (work) => {
        const found = await find(work);
        made = textOf(found);
        if (made.includes(work))
          throw new Error(`the SBOM names ${work}, a folder of this machine; another syft?`);
        return JSON.stringify(found);
      }),
    );
  const found = scans ? await scans.text(await entryName(contents), fresh) : await fresh();
  return made ?? textOf(JSON.parse(found) as SyftDocument);
}

/** Another syft may find something else. */
async function entryName(contents: string[]): Promise<string> {
  const files = (process.env.PATH ?? '').split(path.delimiter).map((folder) => path.join(folder, PROGRAM));
  const found = await Promise.all(
    files.map(async (file) => {
      const stat = await fs.stat(file).catch(() => undefined);
      return stat?.isFile() ? [[await fs.realpath(file), stat.size, stat.mtimeMs]] : [];
    }),
  );
  return sha256(JSON.stringify([contents, found.flat()[0]]));
}

/** syft leaves out in silence what it cannot read. */
async function refuseUnread(root: string, { files = [] }: SpdxDocument, name: string): Promise<void> {
  const listed = new Set(files.map(({ fileName }) => fileName));
  const found = await fs.readdir(root, { recursive: true, withFileTypes: true });
  const paths = found
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)));
  const unread = paths.find((file) => !listed.has(`./${file}`));
  if (unread) throw new Error(`syft did not read ${unread} of ${name}, so its SBOM would lack it`);
}

/** What earlier scans of images have left; each is made anew where it is missing. */
export interface ImageScans {
  /** What was found in images of the same contents. */
  scans?: DiskCache;
  /** Folder of unpacked layers. */
  layers?: string;
}

/**
 * The SBOM of an image: the packages in it. Its files are not listed: nearly all are of a package of the distribution,
 * or of ours, which has an SBOM of its own, and a list of each would be ten times the document. An image without any
 * package has its files listed.
 *
 * @param reference `<registry>/<repository>@sha256:…`; a registry on loopback is asked over plain HTTP
 * @param contents of the image
 */
export async function imageSbom(
  reference: string,
  platform: string,
  subject: SbomSubject,
  contents: ImageContents,
  { scans, layers }: ImageScans = {},
): Promise<string> {
  const [host = ''] = reference.split('/');
  const image = {
    image: reference,
    platform,
    plain: isLoopback(host),
    layers: layers && path.resolve(layers),
  };
  const ofLayers = (digest: string) =>
    documentOf(subject, scans, ['image', platform, digest], async (work) => {
      const packages = await syft({ ...image, files: false }, work, loginOf(host));
      return hasPackages(packages)
        ? { ...packages, files: [] }
        : syft({ ...image, files: true }, work, loginOf(host));
    });
  const made = await ofLayers(contents.deciding);
  return isOfDeciding(JSON.parse(made) as SpdxDocument, contents) ? made : ofLayers(contents.all);
}

/** The first is what was scanned. */
const hasPackages = ({ packages = [] }: SyftDocument) => packages.length > 1;

/** What was found in layers by their digest: images have some in common. */
const searched = new Map<string, Promise<boolean>>();

/** Whether a scan of an image's layer, a gzipped tar, finds packages. */
export function findsPackages(layer: Buffer): Promise<boolean> {
  const digest = sha256(layer);
  const found = searched.get(digest) ?? limit(() => withTemporaryFolder((work) => search(layer, work)));
  searched.set(digest, found);
  found.catch(() => searched.delete(digest));
  return found;
}

async function search(layer: Buffer, work: string): Promise<boolean> {
  const [archive, root] = [path.join(work, 'layer'), path.join(work, 'root')];
  await fs.writeFile(archive, layer);
  await unpackTar(archive, root);
  return hasPackages(await syft({ directory: root, files: false }, work));
}

/** What the login of a registry needs, and no more: syft parses what others wrote. */
function loginOf(host: string): NodeJS.ProcessEnv {
  // ECR's credential helper logs in with the job's role.
  const isEcr = /(^|\.)ecr\.|\.amazonaws\.com$/.test(host);
  const isNeeded = (name: string) => name === 'DOCKER_CONFIG' || (isEcr && name.startsWith('AWS_'));
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => isNeeded(name)));
}
