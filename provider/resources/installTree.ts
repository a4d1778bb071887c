/** The compiled (or given) install tree: stripped, with its debug symbols, dependencies and carried libraries. */
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import type { Layout, Part } from '../../model';
import { buildInstallTree, Facts } from '../buildkit';
import { changed, CheckError, known, Resource } from '../resource';
import { hashFile, listTree, unpackTar, writeTar } from '../source/files';
import { hashOf, hashParts, PartHashes } from '../source/parts';
import { missingFrom } from '../source/tree';
import { openStore } from '../store/open';
import { hasUnknown, Previewed, UNKNOWN } from '../wire';
import type { Blob } from './source';

/** Parts that an install tree has. */
const TREE_PARTS: Part[] = ['binary', 'rules', 'module', 'bpf', 'driver'];
const RECIPE = 'dockerfiles/install-tree';

export interface InstallTreeInputs {
  bucket: string;
  prefix: string;
  sourceArchive?: Blob;
  extraArchives: Record<string, Blob>;
  patchesArchive?: Blob;
  treeArchive?: Blob;
  sourceParts?: PartHashes;
  treeParts?: PartHashes;
  /** Image that compiles, by digest. */
  builder: string;
  /** Address of buildkitd. */
  buildkit: string;
  /** Reference of the build cache in a registry. Neither it nor the address counts as a change. */
  cache?: string;
  cmakeArgs: string[];
  version: string;
  epoch: number;
  layout: Layout;
  /** Name of the product. */
  product: string;
  /** Set by check: what goes into each part of the tree, known in previews. */
  parts?: Partial<PartHashes>;
}

export interface InstallTreeOutputs extends Blob {
  /** What came out of it, by part. */
  contents: PartHashes;
  facts: Facts;
}

/** Input hash of each tree part: the part's own sources, and what goes into every part. */
async function partInputs(news: Previewed<InstallTreeInputs>): Promise<Previewed<Partial<PartHashes>>> {
  if (news === UNKNOWN) return UNKNOWN;
  const source = known<PartHashes | undefined>(news.sourceParts);
  const tree = known<PartHashes | undefined>(news.treeParts);
  if (!tree && !source) return UNKNOWN;
  const recipe = hashParts([{ prefix: '', files: await listTree(RECIPE) }], []).binary;
  const layout = known<Layout>(news.layout);
  const { cmakeArgs, versionVariable, treeIgnore, extraSourceVariables } = layout ?? {};
  const said = [cmakeArgs, versionVariable, treeIgnore, extraSourceVariables];
  const everywhere = [recipe, said, known(news.cmakeArgs), known(news.epoch), tree ? '' : source?.recipe];
  const shared = tree ? '' : source?.driver;
  const entries = TREE_PARTS.map((part): [Part, Previewed<string>] => {
    if (part === 'binary') {
      // Only the binary depends on the tool chain; its analysis does even for a ready tree.
      if (hasUnknown(news.builder)) return [part, UNKNOWN];
      return [part, hashOf(everywhere, shared, (tree ?? source)?.binary, news.builder, known(news.version))];
    }
    return [part, hashOf(everywhere, part === 'rules' ? '' : shared, (tree ?? source)?.[part])];
  });
  return Object.fromEntries(entries);
}

async function build(inputs: InstallTreeInputs): Promise<InstallTreeOutputs> {
  const store = openStore(inputs.bucket);
  const work = await fs.mkdtemp(path.join(os.tmpdir(), 'artifacts-tree-'));
  const fetch = async (blob: Blob | undefined, name: string) => {
    if (!blob) return undefined;
    const file = path.join(work, `${name}.tar`);
    await store.download(blob.key, file);
    return file;
  };
  try {
    const out = path.join(work, 'out');
    const extra: Record<string, string> = {};
    for (const [name, blob] of Object.entries(inputs.extraArchives)) {
      extra[name] = (await fetch(blob, `extra-${name}`)) ?? '';
    }
    const facts = await buildInstallTree({
      address: inputs.buildkit,
      cache: inputs.cache,
      dockerfileDir: RECIPE,
      builder: inputs.builder,
      source: inputs.treeArchive ? undefined : await fetch(inputs.sourceArchive, 'source'),
      extra,
      patches: await unpackPatches(await fetch(inputs.patchesArchive, 'patches'), path.join(work, 'patches')),
      tree: await fetch(inputs.treeArchive, 'tree'),
      cmakeArgs: [...inputs.layout.cmakeArgs, ...extraArguments(inputs), ...inputs.cmakeArgs],
      version: inputs.version,
      versionVariable: inputs.layout.versionVariable,
      binary: inputs.layout.binary,
      product: inputs.product,
      epoch: inputs.epoch,
      outDir: out,
    });
    const isIgnored = (file: string) => new RegExp(inputs.layout.treeIgnore).test(file);
    const files = (await listTree(path.join(out, 'tree'))).filter((file) => !isIgnored(file.path));
    const missing = missingFrom(files, inputs.layout);
    if (missing.length > 0)
      throw new Error(`the install tree lacks ${missing.map(({ what }) => what).join(', ')}`);
    const file = path.join(work, 'tree.tar');
    const all = (await listTree(out)).filter((found) => !isIgnored(found.path.replace(/^tree\//, '')));
    await writeTar(out, all, inputs.epoch, file);
    const sha256 = await hashFile(file);
    const key = `${inputs.prefix}/${sha256}.tar`;
    await store.putImmutable(key, { file });
    const contents = hashParts([{ prefix: '', files }], inputs.layout.treeParts);
    return { key, sha256, size: (await fs.stat(file)).size, contents, facts };
  } finally {
    await fs.rm(work, { recursive: true, force: true });
  }
}

async function unpackPatches(archive: string | undefined, folder: string): Promise<string | undefined> {
  if (!archive) return undefined;
  await fs.mkdir(folder);
  await unpackTar(archive, folder);
  return folder;
}

/** CMake learns the folder of each extra source by the variables that the layout names. */
function extraArguments(inputs: InstallTreeInputs): string[] {
  return Object.keys(inputs.extraArchives).flatMap((name) =>
    (inputs.layout.extraSourceVariables[name] ?? []).map((variable) => `-D${variable}=/extra/${name}`),
  );
}

export const installTree: Resource<InstallTreeInputs, InstallTreeOutputs> = {
  async check(news) {
    if (news === UNKNOWN) return news;
    const extra = known<Record<string, Blob>>(news.extraArchives);
    for (const name of Object.keys(extra ?? {})) {
      if (!/^[a-z0-9-]+$/.test(name))
        throw new CheckError('extra', `the extra source "${name}" needs a name of a-z, 0-9 and -`);
    }
    return { ...news, parts: await partInputs(news) };
  },

  diff(olds, news) {
    return { changes: changed(olds, news, ['bucket', 'prefix', 'version', 'epoch', 'parts']) };
  },

  async create(inputs) {
    return { id: inputs.prefix, outs: await build(inputs) };
  },

  update(_olds, news) {
    return build(news);
  },

  async read(state) {
    const found = await openStore(state.bucket).head(state.key);
    return found?.size === state.size ? state : undefined;
  },

  async delete(state) {
    const store = openStore(state.bucket);
    for (const key of await store.list(`${state.prefix}/`)) await store.delete(key);
  },
};
