/**
 * gzip of an archive in which each large file is compressed for itself, so that it is compressed once for all the
 * packages, and all the releases, that hold it: their programs and libraries are most of their bytes and seldom change.
 * The result is one ordinary gzip member (RFC 1952) of one deflate stream: segments that end on a byte and refer to
 * nothing before them (RFC 1951 3.2.4; zlib's Z_FULL_FLUSH), as pigz makes them. Equal archives give equal bytes,
 * whatever was compressed before.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { constants, crc32, createDeflateRaw } from 'node:zlib';
import type { DiskCache } from '../diskCache';
import { GZIP_LEVEL } from './compress';

/** Part of a file. */
export interface Extent {
  /** Bytes from the file's beginning. */
  start: number;
  /** Bytes. */
  size: number;
}

/** Bytes from which on a file is a segment of its own: below, the bytes that it costs count for more. */
export const LARGE = 256 * 1024;

/** No flags, no time; the operating system is "unknown" everywhere. */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
/** A last block without contents. */
const LAST = Buffer.from([3, 0]);

/**
 * @param file holds the archive
 * @param archive where in the file
 * @param large files of the archive, sorted, by where they are in the file
 * @param segments keeps what was compressed; without one, everything is compressed here
 */
export async function* segmentedGzip(
  file: string,
  archive: Extent,
  large: Extent[],
  segments?: DiskCache,
): AsyncGenerator<Buffer> {
  yield HEADER;
  let crc = 0;
  const sum = (chunk: Buffer) => (crc = crc32(chunk, crc));
  let at = archive.start;
  for (const extent of large) {
    yield* compressed(file, { start: at, size: extent.start - at }, sum);
    yield* segments ? kept(file, extent, sum, segments) : compressed(file, extent, sum);
    at = extent.start + extent.size;
  }
  yield* compressed(file, { start: at, size: archive.start + archive.size - at }, sum);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc);
  trailer.writeUInt32LE(archive.size % 2 ** 32, 4);
  yield Buffer.concat([LAST, trailer]);
}

type Sum = (chunk: Buffer) => void;

/** @throws Error where the file ends before */
async function* read(file: string, { start, size }: Extent): AsyncGenerator<Buffer> {
  let left = size;
  for await (const chunk of createReadStream(file, {
    start,
    end: start + size - 1,
  }) as AsyncIterable<Buffer>) {
    left -= chunk.length;
    yield chunk;
  }
  if (left > 0) throw new Error(`${file} ends ${left} bytes too early`);
}

/** Ends on a byte, and is not the last block. */
const deflate = () => createDeflateRaw({ level: GZIP_LEVEL, finishFlush: constants.Z_FULL_FLUSH });

async function* compressed(file: string, extent: Extent, sum?: Sum): AsyncGenerator<Buffer> {
  if (extent.size === 0) return;
  const plain = async function* () {
    for await (const chunk of read(file, extent)) {
      sum?.(chunk);
      yield chunk;
    }
  };
  const out = deflate();
  const done = pipeline(plain(), out);
  // Whoever reads gets the error, too.
  done.catch(() => {});
  yield* out as AsyncIterable<Buffer>;
  await done;
}

async function* kept(file: string, extent: Extent, sum: Sum, segments: DiskCache): AsyncGenerator<Buffer> {
  const digest = createHash('sha256');
  for await (const chunk of read(file, extent)) {
    sum(chunk);
    digest.update(chunk);
  }
  // Another zlib makes other bytes of the same.
  const name = `${digest.digest('hex')}-${GZIP_LEVEL}-${process.versions.zlib}`;
  yield* segments.get(name, () => compressed(file, extent));
}
