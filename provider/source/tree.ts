/** A ready install tree: a folder, or a tarball with or without a top folder. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { Layout, Requirement } from '../../model';
import { CheckError } from '../resource';
import { hashFile, listTree, SourceFile, unpackTar } from './files';
import { hashParts, PartHashes } from './parts';
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
  const unpacked = stat.isDirectory() ? given : await unpack(given, fail);
  const folder = await findRoot(unpacked, layout.binary);
  if (!folder)
    throw fail(`${given} has no ${layout.binary}; give an installed tree (DESTDIR of cmake --install)`);
  const files = (await listTree(folder)).filter((file) => new RegExp(layout.treeRoots).test(file.path));
  const missing = missingFrom(files, layout);
  if (missing.length > 0) throw fail(`${given} lacks ${missing.map(({ what }) => what).join(', ')}`);
  const binary = path.join(folder, layout.binary);
  const found = await elfMachine(binary);
  if (found === undefined) throw fail(`${layout.binary} in ${given} is no ELF binary`);
  if (found !== machine) {
    throw fail(
      `${layout.binary} in ${given} is for another machine (ELF machine ${found}, wanted ${machine} = x86-64)`,
    );
  }
  const parts = hashParts([{ prefix: '', files }], layout.treeParts);
  return { folder, files, parts, version: await binaryVersion(binary) };
}

async function unpack(archive: string, fail: (message: string) => CheckError): Promise<string> {
  const folder = path.resolve(UNPACKED, await hashFile(archive));
  if (await fs.stat(folder).catch(() => undefined)) return folder;
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
  return folder;
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
