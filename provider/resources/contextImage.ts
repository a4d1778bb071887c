/**
 * The files that an image build needs, as a scratch image by digest. docker-build hashes local folders on each
 * preview and skips missing ones, so built packages never enter a build as a folder (design, "Images").
 */
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import type { PartRule } from '../../model';
import { pushFiles } from '../oci';
import { changed, changedIfKnown, Resource } from '../resource';
import { listTree, unpackTar, writeTar } from '../source/files';
import { partOf } from '../source/parts';
import { openStore } from '../store/open';
import type { Blob } from './source';
import { readStored, withdrawStored } from '../storedImage';

/** Some files of one archive, or the archive itself. */
export interface ContextFile {
  /** Absent: an empty folder. */
  archive?: Blob;
  /** Path in the context: of the file, or of the folder to unpack into. */
  to: string;
  /** Unpack it: keep paths (below `root`) that match. Absent: the file as it is. */
  unpack?: string;
  /** Folder of the archive to start from; `*`: its only top folder. */
  root?: string;
  /** Keep paths of these parts only, by the rules. */
  parts?: { names: string[]; rules: PartRule[] };
  /** What the files come from, known in previews: input hashes, or the archive's digest. */
  identity: unknown;
}

export interface ContextImageInputs {
  bucket: string;
  /** `<registry>/<namespace>/<repository>` that gets it. */
  repository: string;
  files: ContextFile[];
  /** What `files` say of their identity; the only field that asks for an update. */
  identities: unknown[];
  /** Digests of the archives' parts that count, where the update knows them. */
  contents?: unknown[];
  /** Seconds since 1970, the mtime of everything. */
  epoch: number;
}

export interface ContextImageOutputs {
  digest: string;
  /** `<repository>@<digest>`. */
  ref: string;
}

async function put(bucket: string, file: ContextFile, root: string, work: string): Promise<void> {
  const target = path.join(root, file.to);
  const isFile = file.archive && file.unpack === undefined;
  await fs.mkdir(isFile ? path.dirname(target) : target, { recursive: true });
  if (!file.archive) return;
  if (file.unpack === undefined) return openStore(bucket).download(file.archive.key, target);
  const archive = path.join(work, 'archive');
  const unpacked = path.join(work, 'unpacked');
  await openStore(bucket).download(file.archive.key, archive);
  await fs.rm(unpacked, { recursive: true, force: true });
  await fs.mkdir(unpacked);
  const { root: start, unpack } = file;
  /** Folders that are not empty in the archive, though they may be here. */
  const filled = new Set<string>();
  // Most of a tree does not go into the context, and is not worth a file.
  await unpackTar(archive, unpacked, (name) => {
    const inside = below(start, name);
    if (inside === undefined) return false;
    filled.add(path.dirname(inside));
    return isWanted(file, unpack, inside);
  });
  const top = start === '*' ? ((await fs.readdir(unpacked))[0] ?? '') : (start ?? '');
  const from = path.join(unpacked, top);
  await fs.mkdir(from, { recursive: true });
  for (const entry of await listTree(from)) {
    if (entry.type === 'directory' && (filled.has(entry.path) || !isWanted(file, unpack, entry.path)))
      continue;
    const to = path.join(target, entry.path);
    await fs.mkdir(path.dirname(to), { recursive: true });
    await fs.rename(path.join(from, entry.path), to);
  }
}

/** The path below the folder to start from; undefined for what lies elsewhere. */
function below(root: string | undefined, name: string): string | undefined {
  if (root === undefined) return name;
  const top = root === '*' ? name.slice(0, name.indexOf('/') + 1) : `${root}/`;
  return top !== '' && name.startsWith(top) ? name.slice(top.length) : undefined;
}

function isWanted({ parts }: ContextFile, unpack: string, name: string): boolean {
  return new RegExp(unpack).test(name) && (!parts || parts.names.includes(partOf(name, parts.rules)));
}

async function push(inputs: ContextImageInputs): Promise<ContextImageOutputs> {
  const work = await fs.mkdtemp(path.join(os.tmpdir(), 'artifacts-context-'));
  try {
    const root = path.join(work, 'root');
    await fs.mkdir(root);
    for (const file of inputs.files) await put(inputs.bucket, file, root, work);
    const tar = path.join(work, 'context.tar');
    await writeTar(root, await listTree(root), inputs.epoch, tar);
    const pushed = await pushFiles(inputs.repository, tar);
    return { digest: pushed, ref: `${inputs.repository}@${pushed}` };
  } finally {
    await fs.rm(work, { recursive: true, force: true });
  }
}

export const contextImage: Resource<ContextImageInputs, ContextImageOutputs> = {
  diff(olds, news) {
    return {
      changes: [
        ...changed(olds, news, ['repository', 'identities', 'epoch']),
        ...changedIfKnown(olds, news, ['contents']),
      ],
    };
  },

  async create(inputs) {
    const outs = await push(inputs);
    return { id: outs.digest, outs };
  },

  /** The replaced context stays until the release that was built from it is taken away. */
  update(_olds, news) {
    return push(news);
  },

  read: readStored,
  delete: withdrawStored,
};
