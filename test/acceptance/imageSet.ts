/**
 * The images of the catalog, built from the example source by the local stack's own BuildKit and registry, with the
 * contexts and arguments that `components/` give them. BuildKit's cache is the one of `npm run up`.
 */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { catalog } from '../../catalog';
import type { ContextEntry, ImageRow, Libraries } from '../../model';
import { usageText } from '../../names';
import { buildInstallTree, Facts } from '../../provider/buildkit';
import { buildPackage } from '../../provider/formats/packageBuild';
import { pushFiles, pushRootfs } from '../../provider/oci';
import { makeRootfs, ROOTFS_CACHE } from '../../provider/rootfs';
import { listSource, listTree, unpackTar, writeTar } from '../../provider/source/files';
import { partOf } from '../../provider/source/parts';
import { localServices } from '../../services';
import { dependsOf } from '../../systems';
import { EPOCH, run, specFor } from '../unit/packaging/fixture';

export const VERSION = '0.1.0';
export const PROJECT = path.resolve(__dirname, '../..');
const SOURCE = path.join(PROJECT, 'examples/falco-mini');

export interface Place {
  /** `host:port/namespace` for what tests push. */
  repository: string;
  /** Address of buildkitd. */
  buildkit: string;
}

const folders: string[] = [];
process.on('exit', () => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** A folder that stays until all test files are done, for what they share. */
export async function lastingFolder(): Promise<string> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'images-test-'));
  folders.push(folder);
  return folder;
}

const kept = new Map<string, Promise<unknown>>();

/** What is made once for all tests. */
function once<T>(key: string, make: () => Promise<T>): Promise<T> {
  if (!kept.has(key)) kept.set(key, make());
  return kept.get(key) as Promise<T>;
}

export const place = () =>
  once('place', async (): Promise<Place> => {
    const { TEST_REGISTRY, BUILDKIT_HOST } = process.env;
    const own = TEST_REGISTRY && BUILDKIT_HOST;
    const { registry, buildkit } = own
      ? { registry: TEST_REGISTRY, buildkit: BUILDKIT_HOST }
      : await localServices({}, { start: true, root: PROJECT });
    return { repository: `${registry}/images-test`, buildkit };
  });

export const base = (name = 'debian') =>
  once(`base ${name}`, async () => {
    const { repository } = await place();
    const tar = path.join(await lastingFolder(), 'base.tar');
    await makeRootfs(catalog.bases[name].rootfs, tar, { cacheDir: path.join(PROJECT, ROOTFS_CACHE) });
    return `${repository}/base@${await pushRootfs(`${repository}/base`, tar)}`;
  });

/** The tool chain on the old distribution, for programs that carry their libraries. */
const oldBuilder = () =>
  once('old builder', async () =>
    buildImage('falco-builder', {
      contexts: { base: `docker-image://${await base(catalog.libraries.bundled.base)}` },
      options: ['build-arg:LIBRARIES=bundled'],
    }),
  );

/** Runs buildctl to its end; its last lines are the error. */
export async function solve(args: string[]): Promise<void> {
  const { buildkit } = await place();
  return new Promise((resolve, reject) => {
    const child = spawn('buildctl', ['--addr', buildkit, 'build', '--frontend=dockerfile.v0', ...args]);
    const lines: string[] = [];
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      lines.push(...text.split('\n').filter(Boolean));
      lines.splice(0, lines.length - 40);
    });
    child.on('error', reject);
    child.on('close', (status) =>
      status === 0 ? resolve() : reject(new Error(`the build failed:\n${lines.join('\n')}`)),
    );
  });
}

export interface ImageBuild {
  /** Named contexts, `docker-image://…` or `local:name`. */
  contexts: Record<string, string>;
  usage?: string;
  /** Seconds since 1970. */
  epoch?: number;
  /** Run every step anew. */
  noCache?: boolean;
  /** Further `--opt` of buildctl. */
  options?: string[];
}

/** Builds a folder of `dockerfiles/` and pushes it. Returns its reference by digest. */
export async function buildImage(dockerfile: string, build: ImageBuild): Promise<string> {
  const repository = `${(await place()).repository}/${dockerfile}`;
  const folder = path.join(PROJECT, 'dockerfiles', dockerfile);
  const metadata = path.join(await lastingFolder(), 'metadata.json');
  const options = [
    ...Object.entries(build.contexts).map(([name, location]) => `context:${name}=${location}`),
    `build-arg:VERSION=${VERSION}`,
    `build-arg:USAGE=${build.usage ?? ''}`,
    `build-arg:SOURCE_DATE_EPOCH=${build.epoch ?? EPOCH}`,
    ...(build.options ?? []),
  ];
  const image = `type=image,name=${repository},push=true,push-by-digest=true,name-canonical=true,oci-mediatypes=true,compression=gzip,force-compression=true`;
  await solve([
    ...['--local', `context=${folder}`, '--local', `dockerfile=${folder}`, '--metadata-file', metadata],
    ...options.flatMap((option) => ['--opt', option]),
    ...(build.noCache ? ['--no-cache'] : []),
    ...['--output', image],
  ]);
  const made = JSON.parse(await fs.readFile(metadata, 'utf8')) as Record<string, string>;
  return `${repository}@${made['containerimage.digest']}`;
}

/** The folder that buildInstallTree makes of the example, with its libraries from here or there. */
export const tree = (libraries: Libraries = 'distribution') =>
  once(`tree ${libraries}`, async (): Promise<{ folder: string; facts: Facts }> => {
    const work = await lastingFolder();
    const source = path.join(work, 'source.tar');
    await writeTar(SOURCE, await listSource(SOURCE), EPOCH, source);
    const folder = path.join(work, 'out');
    const { layout, product } = catalog;
    const facts = await buildInstallTree({
      address: (await place()).buildkit,
      dockerfileDir: path.join(PROJECT, 'dockerfiles/install-tree'),
      builder: libraries === 'bundled' ? await oldBuilder() : await image('falco-builder'),
      source,
      extra: {},
      cmakeArgs: [...layout.cmakeArgs, ...catalog.libraries[libraries].cmakeArgs],
      version: VERSION,
      versionVariable: layout.versionVariable,
      binary: layout.binary,
      product: product.name,
      epoch: EPOCH,
      outDir: folder,
    });
    return { folder, facts };
  });

/** The file of a package row. */
export const packageFile = (key: string) =>
  once(`package ${key}`, async () => packageOfTree(key, await tree()));

/** The same of another tree. */
export async function packageOfTree(
  key: string,
  { folder, facts }: { folder: string; facts: Facts },
): Promise<string> {
  const spec = await specFor(key, { version: VERSION });
  const file = path.join(await lastingFolder(), spec.fileName);
  const { debDepends, rpmRequires, driver } = facts;
  const found = { debDepends, rpmRequires, driver: driver ?? undefined, epoch: EPOCH };
  await buildPackage({ ...spec, ...found }, { treeDir: folder }, file);
  return file;
}

/** The source tarball, as the catalog and the components make it. */
export const sourceTarball = () =>
  once('package src', async () => {
    const work = await lastingFolder();
    const sourceTar = path.join(work, 'source.tar');
    await writeTar(SOURCE, await listSource(SOURCE), EPOCH, sourceTar);
    const spec = await specFor('src', { version: VERSION });
    const cmake = [...catalog.layout.cmakeArgs, ...catalog.libraries.distribution.cmakeArgs];
    const variables = {
      VERSION_VARIABLE: catalog.layout.versionVariable,
      CMAKE_ARGS: ['-DCMAKE_INSTALL_PREFIX=/usr', ...cmake].join(' '),
    };
    const file = path.join(work, spec.fileName);
    await buildPackage({ ...spec, epoch: EPOCH, driver: undefined, variables }, { sourceTar }, file);
    return file;
  });

/** Puts an entry of an image's context into `root`. */
async function fill(entry: ContextEntry, root: string): Promise<void> {
  const { layout } = catalog;
  const to = path.join(root, entry.to);
  const copy = async (from: string, names: { path: string }[]) => {
    for (const { path: name } of names) {
      await fs.mkdir(path.dirname(path.join(to, name)), { recursive: true });
      await fs.cp(path.join(from, name), path.join(to, name), { recursive: true });
    }
  };
  if ('source' in entry) {
    const files = await listSource(SOURCE);
    return copy(
      SOURCE,
      files.filter((file) => entry.parts.includes(partOf(file.path, layout.sourceParts))),
    );
  }
  if ('tree' in entry) {
    const from = path.join((await tree()).folder, 'tree');
    return copy(
      from,
      (await listTree(from)).filter((file) => new RegExp(entry.tree).test(file.path)),
    );
  }
  const file = await packageFile(entry.package);
  if (!entry.unpack) return fs.cp(file, to);
  const unpacked = await lastingFolder();
  await unpackTar(file, unpacked);
  const from = path.join(unpacked, (await fs.readdir(unpacked))[0]);
  const { match } = entry.unpack;
  return copy(
    from,
    (await listTree(from)).filter((one) => new RegExp(match).test(one.path)),
  );
}

/** Pushes a folder as the context `artifacts`. */
export async function pushContext(folder: string): Promise<string> {
  const tar = path.join(await lastingFolder(), 'context.tar');
  await writeTar(folder, await listTree(folder), EPOCH, tar);
  const repository = `${(await place()).repository}/context`;
  return `${repository}@${await pushFiles(repository, tar)}`;
}

export const rowOf = (name: string): ImageRow => {
  const row = catalog.images.find((one) => one.name === name);
  if (!row) throw new Error(`the catalog has no image ${name}`);
  return row;
};

/** The usage text that the image is built with. */
export const usageOf = (name: string) => usageText(catalog.product, rowOf(name), VERSION);

/** Contexts of an image of the catalog. */
export async function contextsOf(name: string): Promise<Record<string, string>> {
  const row = rowOf(name);
  const contexts: Record<string, string> = {};
  if ('image' in row.from) contexts[row.from.image] = `docker-image://${await image(row.from.image)}`;
  else contexts.base = `docker-image://${await base()}`;
  if (row.context.length > 0) {
    const root = await lastingFolder();
    for (const entry of row.context) await fill(entry, root);
    contexts.artifacts = `docker-image://${await pushContext(root)}`;
  }
  return contexts;
}

/** Reference of an image of the catalog, built once. */
export const image = (name: string): Promise<string> =>
  once(`image ${name}`, async () =>
    buildImage(rowOf(name).dockerfile, {
      contexts: await contextsOf(name),
      usage: usageOf(name),
      options: await dependsOption(name),
    }),
  );

/** The argument that brings what the packages depend on, for images that install them. */
async function dependsOption(name: string): Promise<string[]> {
  const row = rowOf(name);
  if (row.system !== 'dependencies') return [];
  return [`build-arg:DEPENDS=${dependsOf(row, (await tree()).facts.debDepends).join(' ')}`];
}

interface Layer {
  digest: string;
  size: number;
}

async function manifestLayers(reference: string): Promise<Layer[]> {
  const { stdout } = await run('crane', ['manifest', reference]);
  return (JSON.parse(stdout) as { layers: Layer[] }).layers;
}

/** Digests of the layers, the base's first. */
export const layersOf = async (reference: string) =>
  (await manifestLayers(reference)).map(({ digest }) => digest);

/** Sum of the compressed layers, bytes. */
export const sizeOf = async (reference: string) =>
  (await manifestLayers(reference)).reduce((sum, { size }) => sum + size, 0);
