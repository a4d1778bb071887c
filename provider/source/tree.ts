/** A ready install tree: a folder, or a tarball with or without a top folder. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { Layout, Requirement } from '../../model';
import { CheckError } from '../resource';
import { hashFile, listTree, SourceFile, unpackTar } from './files';
import { hashOf, hashParts, PartHashes } from './parts';
import { binaryVersion, elfMachine } from './version';

const UNPACKED = '.local/cache/trees';

export interface Tree {
  /** Folder that holds `usr/`, `etc/` … */
  folder: string;
  files: SourceFile[];
  parts: PartHashes;
  /** What its binary says, where it runs on this machine. */
  version?: string;
}

/** What of the layout a tree lacks. */
export function missingFrom(files: { path: string }[], layout: Layout): Requirement[] {
  return layout.treeShape.filter(({ match }) => !files.some((file) => new RegExp(match).test(file.path)));
}

/** Lists, checks and hashes a tree. Throws CheckError for one that is missing, incomplete or of another machine. */
export async function readTree(
  location: string,
  layout: Layout,
  machine: number,
  namespace: string,
): Promise<Tree> {
  const setting = `${namespace}:tree`;
  const fail = (message: string) => new CheckError('tree', `${setting}: ${message}`);
  const given = path.resolve(location);
  const stat = await fs.stat(given).catch(() => undefined);
  if (!stat) throw fail(`${given} does not exist; give an installed tree, a folder or a tar.gz of one`);
  const list = async (unpacked: string) => {
    const folder = await findRoot(unpacked, layout.binary);
    if (folder) return { folder, files: await listTree(folder) };
    throw fail(`${given} has no ${layout.binary}; give an installed tree (DESTDIR of cmake --install)`);
  };
  const listed = stat.isDirectory() ? await list(given) : await listArchive(given, list, fail);
  const { folder } = listed;
  const files = listed.files.filter((file) => new RegExp(layout.treeRoots).test(file.path));
  const missing = missingFrom(files, layout);
  if (missing.length > 0) throw fail(`${given} lacks ${missing.map(({ what }) => what).join(', ')}`);
  const binary = path.join(folder, layout.binary);
  const found = await elfMachine(binary);
  if (found === undefined) throw fail(`${layout.binary} in ${given} is no ELF binary`);
  if (found !== machine) {
    throw fail(
      `${layout.binary} in ${given} is for another machine (ELF machine ${found}, wanted ${machine} = x86-64); give a tree built for that`,
    );
  }
  const parts = hashParts([{ prefix: '', files }], layout.treeParts);
  return { folder, files, parts, version: await binaryVersion(binary) };
}

type Listed = Pick<Tree, 'folder' | 'files'>;

/** Unpacked once for each digest. A cached folder that is not what was unpacked is made anew. */
async function listArchive(
  archive: string,
  list: (unpacked: string) => Promise<Listed>,
  fail: (message: string) => CheckError,
): Promise<Listed> {
  const folder = path.resolve(UNPACKED, await hashFile(archive));
  const record = `${folder}.sha256`;
  const stored = await fs.readFile(record, 'utf8').catch(() => undefined);
  const cached = stored === undefined ? undefined : await list(folder).catch(() => undefined);
  if (cached && hashOf(cached.files) === stored) return cached;
  await fs.rm(record, { force: true });
  await fs.rm(folder, { recursive: true, force: true });
  await unpack(archive, folder, fail);
  const listed = await list(folder);
  await fs.writeFile(record, hashOf(listed.files));
  return listed;
}

async function unpack(archive: string, folder: string, fail: (message: string) => CheckError): Promise<void> {
  const temporary = `${folder}.${process.pid}`;
  await fs.rm(temporary, { recursive: true, force: true });
  await fs.mkdir(temporary, { recursive: true });
  try {
    await unpackTar(archive, temporary);
    await fs.rename(temporary, folder);
  } catch (error) {
    await fs.rm(temporary, { recursive: true, force: true });
    throw fail(`${archive} cannot be unpacked (${(error as Error).message}); give a tar or tar.gz`);
  }
}

/** The shallowest folder, at most one level down, that holds the binary. */
async function findRoot(folder: string, binary: string): Promise<string | undefined> {
  const holds = (root: string) =>
    fs.stat(path.join(root, binary)).then(
      (found) => found.isFile(),
      () => false,
    );
  if (await holds(folder)) return folder;
  for (const name of (await fs.readdir(folder)).sort()) {
    if (await holds(path.join(folder, name))) return path.join(folder, name);
  }
  return undefined;
}
