/** One package file from the install tree or the sources: deb, rpm, tar.gz or debug symbols. */
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { buildNfpm } from './nfpm';
import type { PackageInput, PackageScripts, PackageSpec } from './packageSpec';
import { packageVariables, topFolder } from './packageVariables';
import { writeSourceTarball, writeTarball } from './tarball';
import { render } from './template';
import { PackageEntry, select, walk, withParents } from './treeSelection';

export type { PackageInput, PackageScripts, PackageSpec, PackageText } from './packageSpec';

/**
 * Builds `outFile`. Same spec, input and tool versions give the same bytes, whatever the machine's umask, time
 * zone, clock or working folder. Throws when the tree lacks what a rule names, when a text uses a variable that
 * has no value, and when nfpm fails.
 */
export async function buildPackage(spec: PackageSpec, input: PackageInput, outFile: string): Promise<void> {
  const where = `package ${spec.key} (${spec.fileName})`;
  if (spec.from === 'debug') return copyDebug(treeFolder(spec, input, 'debug'), where, outFile);
  const entries = spec.from === 'tree' ? await treeEntries(spec, input, where) : [];
  const configFiles = entries.filter(({ config }) => config).map(({ path: name }) => name);
  const variables = await packageVariables(spec, input, configFiles);
  const texts = await textEntries(spec, variables, where);
  if (spec.from === 'source') {
    if (!input.sourceTar) throw new Error(`${where}: needs the sources, and there is only an install tree`);
    return writeSourceTarball(input.sourceTar, texts, tarOptions(spec), outFile);
  }
  const all = withParents(joined(entries, texts, where));
  if (spec.format === 'tar.gz') return writeTarball(all, tarOptions(spec), outFile, input.segments);
  const scripts = Object.fromEntries(
    Object.entries(spec.scripts).map(([name, text]) => [
      name,
      render(text as string, variables, `${where}, ${name}`),
    ]),
  ) as PackageScripts;
  const workDir = await fs.mkdtemp(path.join(os.tmpdir(), 'package-'));
  try {
    await buildNfpm(spec, all, scripts, workDir, path.resolve(outFile), input.segments);
  } finally {
    await fs.rm(workDir, { recursive: true, force: true });
  }
}

const tarOptions = (spec: PackageSpec) => ({ folder: topFolder(spec.fileName), epoch: spec.epoch });

function treeFolder(spec: PackageSpec, input: PackageInput, name: string): string {
  if (!input.treeDir) throw new Error(`package ${spec.key} (${spec.fileName}): needs an install tree`);
  return path.join(input.treeDir, name);
}

async function treeEntries(spec: PackageSpec, input: PackageInput, where: string): Promise<PackageEntry[]> {
  const entries = select(await walk(treeFolder(spec, input, 'tree')), spec.select, where);
  if (!spec.libraries) return entries;
  const carried = await walk(treeFolder(spec, input, 'lib')).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []; // The binary needs nothing that a plain system lacks.
    throw error;
  });
  const prefix = `usr/lib/${spec.product.name}`;
  return joined(
    entries,
    carried.map((entry) => ({ ...entry, path: `${prefix}/${entry.path}` })),
    where,
  );
}

async function textEntries(
  spec: PackageSpec,
  variables: Record<string, string | undefined>,
  where: string,
): Promise<PackageEntry[]> {
  return Promise.all(
    spec.texts.map(async ({ to, mode, content }): Promise<PackageEntry> => {
      const plain = Buffer.from(render(content, variables, `${where}, ${to}`));
      const text = to.endsWith('.gz') ? await promisify(gzip)(plain, { level: 9 }) : plain;
      return { path: to.replace(/^\/+/, ''), type: 'file', mode, config: false, content: { text } };
    }),
  );
}

/** Both lists; no file of one may stand where the other has one. */
function joined(entries: PackageEntry[], more: PackageEntry[], where: string): PackageEntry[] {
  const present = new Set(entries.filter(({ type }) => type !== 'directory').map(({ path: name }) => name));
  const twice = more.find(({ path: name }) => present.has(name));
  if (twice)
    throw new Error(`${where}: ${twice.path} comes from the tree and from a second place; rename one ("to")`);
  const directories = new Set(entries.map(({ path: name }) => name));
  return [...entries, ...more.filter(({ path: name }) => !directories.has(name))];
}

async function copyDebug(folder: string, where: string, outFile: string): Promise<void> {
  const files = (await walk(folder).catch(() => [])).filter(({ type }) => type === 'file');
  if (files.length !== 1) {
    throw new Error(`${where}: ${folder} must hold one file of debug symbols, and has ${files.length}`);
  }
  await fs.copyFile(path.join(folder, files[0].path), outFile);
}
