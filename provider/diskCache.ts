/**
 * What was made before and can be made again, in a folder of this machine: by names that say what it is, so that an
 * entry is right or is not there. It saves time; nothing depends on it.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { warn } from './diagnostics';

/** Bytes that the folder keeps, those used last. */
const KEPT = 512 * 1024 ** 2;
/** Length of a SHA-256, with which every entry ends: a disk may have lost some of it. */
const SUM = 32;
/** Milliseconds for which an entry that was just used stays, and a killed process's work. */
const SURE = 3_600_000;

export class DiskCache {
  /** Of this process: what is made at the same time needs the same. */
  private readonly made = new Map<string, Promise<void>>();
  private isTold = false;

  constructor(
    private readonly folder: string,
    private readonly kept = KEPT,
  ) {}

  /**
   * The bytes of an entry.
   *
   * @param name a file name that says all that they depend on
   * @param fresh makes them, where they are not there yet
   */
  async *get(name: string, fresh: () => AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    const file = path.join(this.folder, name);
    const making = this.made.get(file) ?? this.make(file, fresh);
    this.made.set(file, making);
    try {
      await making;
    } catch (error) {
      if (error instanceof FreshError) throw error.cause;
      // A full disk, say.
      if (!this.isTold) await warn(`${this.folder} cannot be used: ${(error as Error).message}`);
      this.isTold = true;
      yield* fresh();
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

  /** An entry that is a text. */
  async text(name: string, fresh: () => Promise<string>): Promise<string> {
    const chunks: Buffer[] = [];
    const once = async function* () {
      yield Buffer.from(await fresh());
    };
    for await (const chunk of this.get(name, once)) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  }

  private async make(file: string, fresh: () => AsyncIterable<Buffer>): Promise<void> {
    if (await isSound(file)) {
      const now = new Date();
      return fs.utimes(file, now, now);
    }
    await fs.mkdir(this.folder, { recursive: true });
    const work = await fs.mkdtemp(path.join(this.folder, 'new-'));
    try {
      const entry = path.join(work, 'entry');
      await pipeline(telling(fresh()), createWriteStream(entry));
      await fs.appendFile(entry, await sumOf(path.basename(file), entry, (await fs.stat(entry)).size));
      await fs.rename(entry, file);
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

/** What made the contents failed, not the keeping of them. */
class FreshError extends Error {}

async function* telling(contents: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* contents;
  } catch (cause) {
    throw new FreshError('', { cause });
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
