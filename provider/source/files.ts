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
import * as tar from 'tar-stream';

const run = promisify(execFile);

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

/** Every file below `directory`: what git would track, so ignored files are left out and uncommitted ones are in. */
export async function listSource(directory: string): Promise<SourceFile[]> {
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
  return collect(directory, names);
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
  return collect(directory, await fs.readdir(directory), true);
}

async function collect(root: string, names: string[], emptyDirectories = false): Promise<SourceFile[]> {
  const found: SourceFile[] = [];
  for (const name of names) {
    const full = path.join(root, name);
    const stat = await fs.lstat(full).catch(() => undefined);
    if (!stat) continue; // Tracked by git but deleted in the work tree.
    if (stat.isSymbolicLink()) {
      found.push({ path: name, type: 'symlink', mode: 0o644, sha256: hash(await fs.readlink(full)) });
    } else if (stat.isDirectory()) {
      // An untracked nested repository or a submodule stands as one entry in git's list.
      const inner = (await fs.readdir(full)).filter((entry) => entry !== '.git');
      if (inner.length === 0 && emptyDirectories) {
        found.push({ path: name, type: 'directory', mode: 0o755, sha256: hash('') });
      }
      found.push(
        ...(await collect(
          root,
          inner.map((entry) => `${name.replace(/\/$/, '')}/${entry}`),
          emptyDirectories,
        )),
      );
    } else if (stat.isFile()) {
      found.push({
        path: name,
        type: 'file',
        mode: stat.mode & 0o111 ? 0o755 : 0o644,
        sha256: await hashFile(full),
      });
    }
  }
  return found.sort(byPath);
}

/** SHA-256 of a file's content, hex. */
export async function hashFile(file: string): Promise<string> {
  const sum = createHash('sha256');
  await pipeline(createReadStream(file), sum);
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

/** Unpacks a tar or tar.gz below `directory`; an entry that would leave it is an error. */
export async function unpackTar(archive: string, directory: string): Promise<void> {
  const extract = tar.extract();
  const work = (async () => {
    for await (const entry of extract) {
      const name = path.posix.normalize(entry.header.name).replace(/^\/+/, '');
      if (name.startsWith('..')) throw new Error(`${archive}: the entry ${entry.header.name} points outside`);
      const target = path.join(directory, name);
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
