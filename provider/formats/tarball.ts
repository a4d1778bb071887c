/**
 * tar.gz files: one top folder, sorted entries, owner root (0:0), one mtime, modes 0755 and 0644, and a gzip
 * header without time and name. Streams: no file is held in memory.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import * as fs from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import * as tar from 'tar-stream';
import { segmentedGzip } from './segmentedGzip';
import type { DiskCache } from '../diskCache';
import { largeFilesOf } from './tarExtents';
import { byPath, PackageEntry } from './treeSelection';

type TarHeader = Partial<tar.Header> & Pick<tar.Header, 'name'>;
type Source = tar.Extract extends AsyncIterable<infer Entry> ? Entry : never;

export interface TarOptions {
  /** Name of the top folder. */
  folder: string;
  /** mtime of every entry, seconds since 1970-01-01 UTC. */
  epoch: number;
}

const common = (epoch: number) => ({
  uid: 0,
  gid: 0,
  uname: 'root',
  gname: 'root',
  mtime: new Date(epoch * 1000),
});

/** Writes to `outFile` what `fill` packs; a failure removes the file. */
async function writeArchive(
  outFile: string,
  fill: (pack: tar.Pack) => Promise<void>,
  segments?: DiskCache,
): Promise<void> {
  const pack = tar.pack();
  const plain = `${outFile}.plain`;
  const written = pipeline(pack, createWriteStream(plain));
  const filled = fill(pack).then(
    () => pack.finalize(),
    (error: Error) => pack.destroy(error),
  );
  try {
    await Promise.all([written, filled]);
    const whole = { start: 0, size: (await fs.stat(plain)).size };
    const large = await largeFilesOf(plain, whole);
    await pipeline(segmentedGzip(plain, whole, large, segments), createWriteStream(outFile));
  } catch (error) {
    await fs.rm(outFile, { force: true });
    throw error;
  } finally {
    await fs.rm(plain, { force: true });
  }
}

/** Entry without content, or with a text. Resolves once the pack has taken it. */
function put(pack: tar.Pack, header: TarHeader, text?: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null) => (error ? reject(error) : resolve());
    if (text) pack.entry(header, text, done);
    else pack.entry(header, done);
  });
}

function putEntry(pack: tar.Pack, entry: PackageEntry, options: TarOptions): Promise<void> {
  const header = { ...common(options.epoch), name: `${options.folder}/${entry.path}`, mode: entry.mode };
  const { content } = entry;
  if (entry.type === 'directory') return put(pack, { ...header, name: `${header.name}/`, type: 'directory' });
  if (content && 'target' in content)
    return put(pack, { ...header, type: 'symlink', linkname: content.target });
  if (content && 'text' in content) return put(pack, { ...header, size: content.text.length }, content.text);
  return putFile(pack, header, (content as { file: string }).file);
}

async function putFile(pack: tar.Pack, header: TarHeader, file: string): Promise<void> {
  const { size } = await fs.stat(file);
  await pipeline(createReadStream(file), pack.entry({ ...header, size }));
}

/** A tarball of the entries, which are sorted by path. */
export async function writeTarball(
  entries: PackageEntry[],
  options: TarOptions,
  outFile: string,
  segments?: DiskCache,
): Promise<void> {
  const fill = async (pack: tar.Pack) => {
    await put(pack, topDirectory(options));
    for (const entry of [...entries].sort(byPath)) await putEntry(pack, entry, options);
  };
  await writeArchive(outFile, fill, segments);
}

function topDirectory({ folder, epoch }: TarOptions): TarHeader {
  return { ...common(epoch), name: `${folder}/`, type: 'directory', mode: 0o755 };
}

/**
 * A tarball of the sources in `sourceTar` (uncompressed, sorted by path, no top folder) and of the texts. A file
 * of the sources keeps its name: a text of the same name stays out.
 */
export async function writeSourceTarball(
  sourceTar: string,
  texts: PackageEntry[],
  options: TarOptions,
  outFile: string,
): Promise<void> {
  const own = new Set(await names(sourceTar));
  const waiting = texts.filter((text) => !own.has(text.path)).sort(byPath);
  await writeArchive(outFile, async (pack) => {
    await put(pack, topDirectory(options));
    const extract = tar.extract();
    const read = pipeline(createReadStream(sourceTar), extract);
    read.catch(() => undefined); // Reported below, also when the loop ends early.
    for await (const entry of extract) {
      const name = entry.header.name.replace(/\/$/, '');
      while (waiting.length > 0 && waiting[0].path < name)
        await putEntry(pack, waiting.shift() as PackageEntry, options);
      await putSource(pack, entry, name, options);
    }
    await read;
    for (const text of waiting) await putEntry(pack, text, options);
  });
}

async function putSource(pack: tar.Pack, entry: Source, name: string, options: TarOptions): Promise<void> {
  const { type, mode = 0, linkname, size = 0 } = entry.header;
  const header = { ...common(options.epoch), name: `${options.folder}/${name}` };
  const executable = type === 'directory' || (mode & 0o111) !== 0;
  switch (type) {
    case 'directory':
      await put(pack, { ...header, name: `${header.name}/`, type, mode: 0o755 });
      break;
    case 'symlink':
      await put(pack, { ...header, type, linkname, mode: 0o777 });
      break;
    case 'link':
      await put(pack, {
        ...header,
        type,
        linkname: `${options.folder}/${linkname}`,
        mode: executable ? 0o755 : 0o644,
      });
      break;
    case 'file':
    case 'contiguous-file':
      await pipeline(entry, pack.entry({ ...header, mode: executable ? 0o755 : 0o644, size }));
      return;
    case 'block-device':
    case 'character-device':
    case 'fifo':
      throw new Error(
        `the source archive holds ${name}, a ${type}; only files, links and folders go into a tarball`,
      );
  }
  entry.resume();
}

async function names(archive: string): Promise<string[]> {
  const found: string[] = [];
  const extract = tar.extract();
  extract.on('entry', (header, stream, next) => {
    found.push(header.name.replace(/\/$/, ''));
    stream.on('end', next);
    stream.resume();
  });
  await pipeline(createReadStream(archive), extract);
  return found;
}
