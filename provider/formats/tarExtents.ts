/** Where the large files of an uncompressed tar are (POSIX pax and ustar, "ustar Interchange Format"). */
import * as fs from 'node:fs/promises';
import { Extent, LARGE } from './segmentedGzip';

const BLOCK = 512;

/**
 * @param file holds the tar
 * @param tar where in the file
 * @returns by where they are in the file
 * @throws Error for what is no tar, or one with a file of 8 GB
 */
export async function largeFilesOf(file: string, tar: Extent): Promise<Extent[]> {
  const found: Extent[] = [];
  const handle = await fs.open(file);
  try {
    const header = Buffer.alloc(BLOCK);
    for (let at = tar.start; at < tar.start + tar.size;) {
      await handle.read(header, 0, BLOCK, at);
      // Two empty blocks are the end.
      if (header.every((byte) => byte === 0)) return found;
      const size = parseInt(header.toString('latin1', 124, 136), 8);
      if (header.toString('latin1', 257, 262) !== 'ustar' || !Number.isInteger(size))
        throw new Error(`no tar header at byte ${at - tar.start} of an archive`);
      at += BLOCK;
      if (size >= LARGE) found.push({ start: at, size });
      at += Math.ceil(size / BLOCK) * BLOCK;
    }
    return found;
  } finally {
    await handle.close();
  }
}
