/** The files of a source folder or install tree: listed, hashed, archived. Owner and mtime are never read. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGunzip } from 'node:zlib';
import pLimit from 'p-limit';
import * as tar from 'tar-stream';

const run = promisify(execFile);
/** Files that are read at the same time: a preview waits for all of a source. */
const reading = pLimit(16);
/** Bytes of a file that is not worth a stream. */
const SMALL = 64 * 1024;

/** A file, symbolic link or empty directory; `path` has no leading slash. */
export interface SourceFile {
  path: string;
  type: 'file' | 'symlink' | 'directory';
  /** 0o755 when anyone may execute it, else 0o644. */
  mode: number;
  /** Of the content, of a link's target, or of nothing. */
  sha256: string;
}

const byPath = (a: { path: string }, b: { path: string }) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0);
const hash = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');

/**
 * Every file below `directory`: what git would track, so ignored files are left out and uncommitted ones are in.
 *
 * @param look gets the paths before any file is read; what it throws ends the listing
 */
export async function listSource(
  directory: string,
  look: (paths: string[]) => void = () => {},
): Promise<SourceFile[]> {
  let names: string[];
  try {
    names = await gitList(['-C', directory]);
  } catch (error) {
    if (!/not a git repository/.test((error as Error).message)) throw error;
    // An empty repository makes git apply the folder's own .gitignore files.
    const empty = await fs.mkdtemp(path.join(os.tmpdir(), 'artifacts-git-'));
    try {
      await run('git', ['init', '--quiet', '--bare', empty]);
      names = await gitList([`--git-dir=${empty}`, `--work-tree=${directory}`, '-C', directory]);
    } finally {
      await fs.rm(empty, { recursive: true });
    }
  }
  const found = await collect(directory, names);
  look(found.map((entry) => entry.path));
  return hashed(directory, found);
}

async function gitList(where: string[]): Promise<string[]> {
  const args = [
    '-c',
    'safe.directory=*',
    ...where,
    'ls-files',
    '-z',
    '--cached',
    '--others',
    '--exclude-standard',
  ];
  const { stdout } = await run('git', args, { maxBuffer: 1 << 28, env: { ...process.env, LC_ALL: 'C' } });
  return [...new Set(stdout.split('\0').filter(Boolean))];
}

/** Every file below `directory`, empty directories too. */
export async function listTree(directory: string): Promise<SourceFile[]> {
  return hashed(directory, await collect(directory, await fs.readdir(directory), true));
}

/** Bytes, of a file. */
type Entry = Omit<SourceFile, 'sha256'> & { size: number };

async function collect(root: string, names: string[], emptyDirectories = false): Promise<Entry[]> {
  const found = await Promise.all(names.map((name) => entriesAt(root, name, emptyDirectories)));
  return found.flat().sort(byPath);
}

async function entriesAt(root: string, name: string, emptyDirectories: boolean): Promise<Entry[]> {
  const stat = await fs.lstat(path.join(root, name)).catch(() => undefined);
  if (!stat) return []; // Tracked by git but deleted in the work tree.
  const { size } = stat;
  if (stat.isSymbolicLink()) return [{ path: name, type: 'symlink', mode: 0o644, size }];
  if (stat.isDirectory()) {
    // An untracked nested repository or a submodule stands as one entry in git's list.
    const inner = (await fs.readdir(path.join(root, name))).filter((entry) => entry !== '.git');
    if (inner.length === 0 && emptyDirectories)
      return [{ path: name, type: 'directory', mode: 0o755, size: 0 }];
    const below = inner.map((entry) => `${name.replace(/\/$/, '')}/${entry}`);
    return collect(root, below, emptyDirectories);
  }
  return stat.isFile() ? [{ path: name, type: 'file', mode: stat.mode & 0o111 ? 0o755 : 0o644, size }] : [];
}

async function hashed(root: string, entries: Entry[]): Promise<SourceFile[]> {
  return Promise.all(
    entries.map(async ({ size, ...entry }) => ({
      ...entry,
      sha256: await contentOf(path.join(root, entry.path), entry.type, size),
    })),
  );
}

async function contentOf(file: string, type: SourceFile['type'], size: number): Promise<string> {
  if (type === 'symlink') return hash(await fs.readlink(file));
  if (type === 'directory') return hash('');
  return reading(async () =>
    size > SMALL ? hashFile(file) : hash(await fs.readFile(file).catch((error) => unreadable(file, error))),
  );
}

/** What fails while a file is read does not say where. */
function unreadable(file: string, error: unknown): never {
  throw new Error(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
}

/** SHA-256 of a file's content, hex. */
export async function hashFile(file: string): Promise<string> {
  const sum = createHash('sha256');
  await pipeline(createReadStream(file), sum).catch((error) => unreadable(file, error));
  return sum.digest('hex');
}

/** Writes the files as an uncompressed ustar archive: sorted, owner 0:0, one mtime (epoch, seconds). */
export async function writeTar(root: string, files: SourceFile[], epoch: number, out: string): Promise<void> {
  const pack = tar.pack();
  const written = pipeline(pack, createWriteStream(out));
  for (const file of files) {
    const full = path.join(root, file.path);
    const header = {
      name: file.path,
      mode: file.mode,
      mtime: new Date(epoch * 1000),
      uid: 0,
      gid: 0,
      uname: 'root',
      gname: 'root',
    };
    if (file.type === 'symlink') {
      pack.entry({ ...header, type: 'symlink', linkname: await fs.readlink(full) });
    } else if (file.type === 'directory') {
      pack.entry({ ...header, type: 'directory' });
    } else {
      const { size } = await fs.stat(full);
      const entry = pack.entry({ ...header, size });
      await pipeline(createReadStream(full), entry);
    }
  }
  pack.finalize();
  await written;
}

/**
 * Unpacks a tar or tar.gz below `directory`; an entry that would leave it is an error.
 *
 * @param wanted tells of the path of anything but a directory whether it is unpacked. Default: all
 */
export async function unpackTar(
  archive: string,
  directory: string,
  wanted: (name: string) => boolean = () => true,
): Promise<void> {
  const extract = tar.extract();
  const work = (async () => {
    for await (const entry of extract) {
      const name = path.posix.normalize(entry.header.name).replace(/^\/+/, '');
      if (name.startsWith('..')) throw new Error(`${archive}: the entry ${entry.header.name} points outside`);
      if (entry.header.type !== 'directory' && !wanted(name)) {
        entry.resume();
        continue;
      }
      const target = path.join(directory, name);
      if (path.relative(directory, target) === '') {
        // The folder itself, with which dpkg and tar begin.
        await fs.mkdir(directory, { recursive: true });
        entry.resume();
        continue;
      }
      await fs.mkdir(path.dirname(target), { recursive: true });
      // A link that came before may lead its followers elsewhere.
      await checkInside(path.dirname(target), directory, archive, entry.header.name);
      if (entry.header.type === 'directory') {
        await fs.mkdir(target, { recursive: true });
      } else if (entry.header.type === 'symlink') {
        await fs.symlink(entry.header.linkname ?? '', target);
      } else if (entry.header.type === 'link') {
        const linked = path.join(directory, entry.header.linkname ?? '');
        await checkInside(linked, directory, archive, entry.header.name);
        await fs.link(linked, target);
      } else if (entry.header.type === 'file') {
        const mode = (entry.header.mode ?? 0) & 0o111 ? 0o755 : 0o644;
        // Not through a link of that name; an archive may have an entry twice.
        await fs.rm(target, { force: true });
        await pipeline(entry, createWriteStream(target, { mode }));
        continue;
      }
      entry.resume();
    }
  })();
  const input = createReadStream(archive);
  const zipped = await isGzip(archive);
  await Promise.all([zipped ? pipeline(input, createGunzip(), extract) : pipeline(input, extract), work]);
}

async function checkInside(target: string, directory: string, archive: string, name: string): Promise<void> {
  const [real, root] = [await fs.realpath(target), await fs.realpath(directory)];
  if (real !== root && !real.startsWith(`${root}${path.sep}`))
    throw new Error(`${archive}: the entry ${name} points outside`);
}

async function isGzip(file: string): Promise<boolean> {
  const handle = await fs.open(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await handle.close();
  }
}
