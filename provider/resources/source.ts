/** The sources and/or the ready install tree of a release, read once and kept as immutable archives. */
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import type { Layout } from '../../model';
import { bucketAddress, isGitUrl, withoutSecret } from '../../location';
import { checkVersion, SettingError } from '../../names';
import { changed, CheckError, known, Resource } from '../resource';
import { hashFile, listSource, writeTar } from '../source/files';
import { checkout, describeFolder, fetchHistory, GitInfo } from '../source/git';
import { masterVersion } from '../source/masterVersion';
import { hashOf, hashParts, PartHashes } from '../source/parts';
import { readTree, Tree } from '../source/tree';
import { sourceVersion, SourceVersion } from '../source/version';
import { openStore } from '../store/open';

/** Used when neither `date` nor git tells one: the day the artifact set was written down. */
const CONSTANT_EPOCH = 1589302426;
/** Where git URLs are checked out to, relative to the project. */
export const CHECKOUTS = '.local/cache/git';

export interface Blob {
  /** Object key in the bucket. */
  key: string;
  sha256: string;
  size: number;
}

export interface SourceInputs {
  /** Where `bucket`, `source`… come from, for messages: the configuration's namespace. */
  namespace: string;
  bucket: string;
  /** Prefix of the archives' keys. */
  prefix: string;
  /** Whose version it is to have, where none is given: a master build's comes from git. */
  channel: 'release' | 'master';
  /** Folder or git URL with `#ref`. */
  source?: string;
  /** Folder or tar(.gz) of an installed tree. */
  tree?: string;
  /** Further sources by name, folders or git URLs. */
  extra: Record<string, string>;
  /** Folder of `*.patch`. */
  patches?: string;
  /** Given, or found out by check. */
  version: string;
  /** Given, or found out by check: seconds since 1970. */
  epoch: number;
  layout: Layout;
  elfMachine: number;
  /** Set by check. */
  revision?: string;
  /** Set by check: the folder has something else than the revision. */
  isEdited?: boolean;
  parts?: PartHashes;
  /** Set by check, for a ready tree. */
  treeParts?: PartHashes;
}

export interface SourceOutputs {
  sourceArchive?: Blob;
  extraArchives: Record<string, Blob>;
  patchesArchive?: Blob;
  treeArchive?: Blob;
}

interface Sources {
  folders: { name: string; folder: string }[];
  tree?: Tree;
}

async function resolve(inputs: SourceInputs): Promise<Sources> {
  const named = { ...(inputs.source ? { '': inputs.source } : {}), ...inputs.extra };
  const folders: Sources['folders'] = [];
  for (const [name, location] of Object.entries(named)) {
    const setting = `${inputs.namespace}:${name ? `extra.${name}` : 'source'}`;
    const folder = isGitUrl(location)
      ? await checkout(checkedUrl(location, setting), CHECKOUTS, setting)
      : path.resolve(location);
    await checkFolder(folder, setting, inputs.bucket);
    folders.push({ name, folder });
  }
  if (inputs.patches) folders.push({ name: 'patches', folder: path.resolve(inputs.patches) });
  const tree = inputs.tree
    ? await readTree(inputs.tree, inputs.layout, inputs.elfMachine, inputs.namespace)
    : undefined;
  if (!inputs.source && !tree) {
    const { namespace } = inputs;
    throw new CheckError(
      'source',
      `${namespace}:source: there is neither a source nor a tree; set ${namespace}:source or ${namespace}:tree`,
    );
  }
  return { folders, tree };
}

function checkedUrl(url: string, setting: string): string {
  try {
    return withoutSecret(url, setting);
  } catch (error) {
    throw error instanceof SettingError ? new CheckError('source', error.message) : error;
  }
}

async function checkFolder(folder: string, setting: string, bucket: string): Promise<void> {
  const stat = await fs.stat(folder).catch(() => undefined);
  if (!stat)
    throw new CheckError(
      'source',
      `${setting}: ${folder} does not exist; give a folder, or a git URL with #ref`,
    );
  if (!stat.isDirectory())
    throw new CheckError(
      'source',
      `${setting}: ${folder} is no folder; give a folder, or a git URL with #ref`,
    );
  const address = bucketAddress(bucket, 'bucket');
  if (address.kind !== 'folder') return;
  const output = path.resolve(address.folder);
  if (`${await fs.realpath(folder)}/`.startsWith(`${await fs.realpath(output).catch(() => output)}/`)) {
    throw new CheckError(
      'source',
      `${setting}: ${folder} lies inside the output ${output}; give a folder outside of it`,
    );
  }
}

async function listFolders({ folders }: Sources, inputs: SourceInputs) {
  const listed = [];
  for (const { name, folder } of folders) {
    const files = await listSource(folder, (paths) => {
      if (name === '') checkShape(folder, paths, inputs);
    });
    if (name !== '' && files.length === 0) {
      const setting = `${inputs.namespace}:${name === 'patches' ? name : `extra.${name}`}`;
      throw new CheckError(
        name === 'patches' ? 'patches' : 'extra',
        `${setting}: ${folder} has no files that git does not ignore; give a folder outside of what is ignored`,
      );
    }
    listed.push({ name, folder, files });
  }
  return listed;
}

/** Before anything is read: a wrong folder may have much that takes long, or cannot be read. */
function checkShape(folder: string, paths: string[], { namespace, layout }: SourceInputs): void {
  const setting = `${namespace}:source`;
  if (paths.length === 0)
    throw new CheckError(
      'source',
      `${setting}: ${folder} is empty; give the folder that holds CMakeLists.txt`,
    );
  const missing = layout.sourceShape.filter(
    ({ match }) => !paths.some((file) => new RegExp(match).test(file)),
  );
  if (missing.length === 0) return;
  const list = missing.map(({ what }) => what).join(', ');
  throw new CheckError(
    'source',
    `${setting}: ${folder} does not look like the product's source; it lacks ${list}`,
  );
}

function mergePatches(listed: Awaited<ReturnType<typeof listFolders>>) {
  return {
    sources: listed
      .filter(({ name }) => name !== 'patches')
      .map(({ name, files }) => ({ prefix: name, files })),
    patches: listed.find(({ name }) => name === 'patches')?.files ?? [],
  };
}

/** A version that was found must be one that packages can have. */
function validVersion({ version, from }: SourceVersion, setting: string): string {
  try {
    return checkVersion(version, setting);
  } catch {
    throw new CheckError(
      'version',
      `${setting}: ${from} says ${version}, which no package can have as its version; set ${setting} to x.y.z or x.y.z-pre`,
    );
  }
}

/** Of the main source's repository; a checkout of a URL has the files of one commit and no history. */
async function versionFromGit(
  { namespace, source: location }: SourceInputs,
  folder: string,
  commit: string,
  said: SourceVersion | undefined,
): Promise<SourceVersion | undefined> {
  const history =
    location && isGitUrl(location)
      ? await fetchHistory(location, commit, CHECKOUTS, `${namespace}:source`)
      : undefined;
  return masterVersion({ folder, history, said, setting: `${namespace}:version` });
}

async function findVersion(inputs: SourceInputs, { folders, tree }: Sources, git: GitInfo): Promise<string> {
  const setting = `${inputs.namespace}:version`;
  const main = folders.find(({ name }) => name === '');
  const isMaster = inputs.channel === 'master';
  // A master build never takes the name of a release, even of its own commit.
  const tags = isMaster ? { ...git, tag: undefined } : git;
  const fromSource = main && (await sourceVersion(main.folder, inputs.layout.versionVariable, tags));
  const fromTree: SourceVersion | undefined = tree?.version
    ? { version: tree.version, fixed: true, from: `the tree's ${inputs.layout.binary}` }
    : undefined;
  if (!inputs.version) {
    const fromGit =
      isMaster && main && !tree
        ? await versionFromGit(inputs, main.folder, git.revision, fromSource)
        : undefined;
    const found = fromTree ?? fromGit ?? fromSource;
    if (found) return validVersion(found, setting);
    throw new CheckError(
      'version',
      `${setting}: neither the tree's binary nor the source says a version; set ${setting} to x.y.z`,
    );
  }
  for (const said of [fromTree, fromSource]) {
    if (said?.fixed && said.version !== inputs.version) {
      throw new CheckError(
        'version',
        `${setting}: is ${inputs.version}, but ${said.from} says ${said.version}; set ${setting} to that, or give another source`,
      );
    }
  }
  return inputs.version;
}

async function complete(inputs: SourceInputs): Promise<SourceInputs> {
  const sources = await resolve(inputs);
  const main = sources.folders.find(({ name }) => name === '');
  const [listed, git] = await Promise.all([
    listFolders(sources, inputs),
    main ? describeFolder(main.folder) : { revision: '', isEdited: false, date: undefined },
  ]);
  const { sources: hashed, patches } = mergePatches(listed);
  const parts = hashParts(hashed, inputs.layout.sourceParts);
  return {
    ...inputs,
    version: await findVersion(inputs, sources, git),
    epoch: inputs.epoch || git.date || CONSTANT_EPOCH,
    revision: git.revision,
    isEdited: git.isEdited ?? false,
    // A patch may touch anything, so it counts as recipe.
    parts: main ? { ...parts, recipe: hashOf(parts.recipe, patches) } : undefined,
    treeParts: sources.tree?.parts,
  };
}

async function archive(
  inputs: SourceInputs,
  name: string,
  root: string,
  files: Parameters<typeof writeTar>[1],
): Promise<Blob> {
  const store = openStore(inputs.bucket);
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'artifacts-source-'));
  try {
    const file = path.join(folder, 'archive.tar');
    await writeTar(root, files, inputs.epoch, file);
    const sha256 = await hashFile(file);
    const key = `${inputs.prefix}/${name}/${sha256}.tar`;
    await store.putImmutable(key, { file });
    return { key, sha256, size: (await fs.stat(file)).size };
  } finally {
    await fs.rm(folder, { recursive: true });
  }
}

async function archiveAll(inputs: SourceInputs): Promise<SourceOutputs> {
  const sources = await resolve(inputs);
  const listed = await listFolders(sources, inputs);
  const { sources: hashed, patches } = mergePatches(listed);
  const parts = hashParts(hashed, inputs.layout.sourceParts);
  if (inputs.parts && hashOf({ ...parts, recipe: hashOf(parts.recipe, patches) }) !== hashOf(inputs.parts)) {
    throw new Error(`the source changed while it was read; run the update again`);
  }
  const outputs: SourceOutputs = { extraArchives: {} };
  for (const { name, folder, files } of listed) {
    const blob = await archive(inputs, name === '' ? 'source' : name, folder, files);
    if (name === '') outputs.sourceArchive = blob;
    else if (name === 'patches') outputs.patchesArchive = blob;
    else outputs.extraArchives[name] = blob;
  }
  if (sources.tree)
    outputs.treeArchive = await archive(inputs, 'tree', sources.tree.folder, sources.tree.files);
  return outputs;
}

export const source: Resource<SourceInputs, SourceOutputs> = {
  async check(news) {
    const inputs = known<SourceInputs>(news);
    if (!inputs) return news;
    return await complete(inputs);
  },

  diff(olds, news) {
    return {
      changes: changed(olds, news, [
        'bucket',
        'prefix',
        'version',
        'revision',
        'isEdited',
        'epoch',
        'parts',
        'treeParts',
      ]),
    };
  },

  async create(inputs) {
    return { id: inputs.prefix, outs: await archiveAll(inputs) };
  },

  update(_olds, news) {
    return archiveAll(news);
  },

  /** A lost archive is made anew by the next update. */
  async read(state) {
    const store = openStore(state.bucket);
    const blobs = [
      state.sourceArchive,
      state.treeArchive,
      state.patchesArchive,
      ...Object.values(state.extraArchives),
    ];
    for (const blob of blobs) {
      if (blob && (await store.head(blob.key))?.size !== blob.size) return undefined;
    }
    return state;
  },

  async delete(state) {
    const store = openStore(state.bucket);
    for (const key of await store.list(`${state.prefix}/`)) await store.delete(key);
  },
};
