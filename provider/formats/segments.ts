/** Files that were compressed before, in a folder: by their digest, so that an entry is right or is not there. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { warn } from '../diagnostics';
import { GZIP_LEVEL } from './compress';

/** Bytes that the folder keeps, those used last. A release of Falco's size has 30 MB of them. */
const KEPT = 512 * 1024 ** 2;
/** Length of a SHA-256, with which every entry ends: a disk may have lost some of it. */
const SUM = 32;
/** Milliseconds for which an entry that was just used stays, and a killed process's work. */
const SURE = 3_600_000;

export class Segments {
  /** Of this process: packages that are made at the same time have the same files. */
  private readonly made = new Map<string, Promise<void>>();
  private isTold = false;

  constructor(
    private readonly folder: string,
    private readonly kept = KEPT,
  ) {}

  /**
   * The compressed bytes.
   *
   * @param digest SHA-256 of what is compressed
   * @param compress makes them, where they are not there yet
   */
  async *get(digest: string, compress: () => AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    // Another zlib makes other bytes of the same.
    const file = path.join(this.folder, `${digest}-${GZIP_LEVEL}-${process.versions.zlib}`);
    const making = this.made.get(file) ?? this.make(file, compress);
    this.made.set(file, making);
    try {
      await making;
    } catch (error) {
      // A full disk, say. What is kept saves time; nothing depends on it.
      if (!this.isTold) await warn(`${this.folder} cannot be used: ${(error as Error).message}`);
      this.isTold = true;
      yield* compress();
      return;
    } finally {
      this.made.delete(file);
    }
    const handle = await fs.open(file);
    try {
      const { size } = await handle.stat();
      const stream = handle.createReadStream({ start: 0, end: size - SUM - 1, autoClose: false });
      yield* stream as AsyncIterable<Buffer>;
    } finally {
      await handle.close();
    }
  }

  private async make(file: string, compress: () => AsyncIterable<Buffer>): Promise<void> {
    if (await isSound(file)) {
      const now = new Date();
      return fs.utimes(file, now, now);
    }
    await fs.mkdir(this.folder, { recursive: true });
    const work = await fs.mkdtemp(path.join(this.folder, 'new-'));
    try {
      const fresh = path.join(work, 'segment');
      await pipeline(compress(), createWriteStream(fresh));
      await fs.appendFile(fresh, await sumOf(path.basename(file), fresh, (await fs.stat(fresh)).size));
      await fs.rename(fresh, file);
    } finally {
      await fs.rm(work, { recursive: true, force: true });
    }
    await this.prune();
  }

  /** Takes away what was not used for the longest time; what others may be reading stays. */
  private async prune(): Promise<void> {
    const old = Date.now() - SURE;
    const found = (await fs.readdir(this.folder)).map(async (name) => {
      const file = path.join(this.folder, name);
      const stat = await fs.stat(file).catch(() => undefined);
      return stat ? [{ file, size: stat.size, used: stat.mtimeMs, isWork: stat.isDirectory() }] : [];
    });
    let total = 0;
    for (const { file, size, used, isWork } of (await Promise.all(found))
      .flat()
      .sort((a, b) => b.used - a.used)) {
      total += size;
      if ((isWork || total > this.kept) && used < old) await fs.rm(file, { recursive: true, force: true });
    }
  }
}

/** SHA-256 of an entry's name and of the file's first `length` bytes: the bytes of another entry are not sound either. */
async function sumOf(name: string, file: string, length: number): Promise<Buffer> {
  const sum = createHash('sha256').update(name);
  if (length > 0)
    for await (const chunk of createReadStream(file, { end: length - 1 })) sum.update(chunk as Buffer);
  return sum.digest();
}

async function isSound(file: string): Promise<boolean> {
  const handle = await fs.open(file).catch(() => undefined);
  if (!handle) return false;
  try {
    const length = (await handle.stat()).size - SUM;
    if (length <= 0) return false;
    const { buffer } = await handle.read(Buffer.alloc(SUM), 0, SUM, length);
    return buffer.equals(await sumOf(path.basename(file), file, length));
  } finally {
    await handle.close();
  }
}
