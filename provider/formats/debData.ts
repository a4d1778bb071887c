/**
 * Compresses a deb's data.tar, which nfpm is told to leave as it is: so that what several packages hold is compressed
 * once (segmentedGzip.ts). A deb is an ar archive of three members (deb(5)).
 */
import { createReadStream, createWriteStream } from 'node:fs';
import * as fs from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { meter } from './meter';
import { segmentedGzip } from './segmentedGzip';
import type { DiskCache } from '../diskCache';
import { largeFilesOf } from './tarExtents';

const MAGIC = '!<arch>\n';
/** ar(5): a header's length, and where in it name and size are, padded with blanks. */
const AR = { header: 60, name: [0, 16], size: [48, 58] } as const;

/** Rewrites the file. Throws when its last member is no data.tar. */
export async function compressData(file: string, segments?: DiskCache): Promise<void> {
  const { at, header, size } = await lastMember(file);
  const data = { start: at + AR.header, size };
  const packed = meter();
  const rewritten = `${file}.packed`;
  try {
    const large = await largeFilesOf(file, data);
    await pipeline(
      segmentedGzip(file, data, large, segments),
      packed.stream,
      createWriteStream(rewritten, { start: data.start }),
    );
    put(header, AR.name, 'data.tar.gz');
    put(header, AR.size, String(packed.found.size));
    const front = createReadStream(file, { end: at - 1 });
    await pipeline(front, createWriteStream(rewritten, { flags: 'r+' }));
    const handle = await fs.open(rewritten, 'r+');
    await handle.write(header, 0, AR.header, at);
    await handle.close();
    // Members begin at even bytes.
    if (packed.found.size % 2 === 1) await fs.appendFile(rewritten, '\n');
    await fs.rename(rewritten, file);
  } catch (error) {
    await fs.rm(rewritten, { force: true });
    throw error;
  }
}

function put(header: Buffer, [start, end]: readonly [number, number], text: string): void {
  header.write(text.padEnd(end - start), start, 'latin1');
}

async function lastMember(file: string): Promise<{ at: number; header: Buffer; size: number }> {
  const handle = await fs.open(file);
  try {
    const end = (await handle.stat()).size;
    const read = async (at: number, length: number) =>
      (await handle.read(Buffer.alloc(length), 0, length, at)).buffer;
    if ((await read(0, MAGIC.length)).toString('latin1') !== MAGIC)
      throw new Error('nfpm made a deb that is no ar archive');
    for (let at = MAGIC.length; ;) {
      const header = await read(at, AR.header);
      const field = ([start, stop]: readonly [number, number]) =>
        header.toString('latin1', start, stop).trim();
      const size = Number(field(AR.size));
      const next = at + AR.header + size + (size % 2);
      if (next >= end) {
        if (field(AR.name).replace(/\/$/, '') !== 'data.tar')
          throw new Error('nfpm made a deb without data.tar; another version of nfpm?');
        return { at, header, size };
      }
      at = next;
    }
  } finally {
    await handle.close();
  }
}
