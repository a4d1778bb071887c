/**
 * The payload of an rpm as rpmbuild writes it. nfpm (its rpmpack) names the files in the cpio archive by absolute
 * paths: `rpm2cpio x.rpm | cpio -id` and rpmlint, run as root, then unpack over the running system. There is no
 * setting for it, so the names are rewritten here to `./usr/…`, with the digests and sizes that depend on them.
 * It is compressed here, too: what several packages hold once (segmentedGzip.ts). Works on gzip payloads, on unsigned
 * rpms. Streams: no payload is held in memory.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import * as fs from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { GZIP_LEVEL, sha256 } from './compress';
import { CPIO, cpioEntry, paddingOf, portions } from './cpio';
import { meter } from './meter';
import { readRpm } from './rpmHeader';
import { Extent, LARGE, segmentedGzip } from './segmentedGzip';
import type { DiskCache } from '../diskCache';

const LEAD = 96;
/** rpm's manual, "RPM V4 Package format" and "RPM Tags". */
const SIGNATURE = { size: 1000, payloadSize: 1007, sha256: 273 };
const PAYLOAD = { digest: 5092, level: 1126 };

/** Rewrites the file. Throws when it is no rpm of the kind that nfpm makes. */
export async function makePayloadRelative(file: string, segments?: DiskCache): Promise<void> {
  const { end } = (await readRpm(file)).header;
  const front = await readFront(file, end);
  const signature = section(front, LEAD);
  const header = section(front, Math.ceil(signature.end / 8) * 8);
  const [archive, payload] = [meter(), meter()];
  const [plain, rewritten] = [`${file}.cpio`, `${file}.relative`];
  const large: Extent[] = [];
  try {
    await pipeline(
      createReadStream(file, { start: end }),
      createGunzip(),
      (stream: AsyncIterable<Buffer>) => relativeNames(stream, large),
      archive.stream,
      createWriteStream(plain),
    );
    await pipeline(
      segmentedGzip(plain, { start: 0, size: archive.found.size }, large, segments),
      payload.stream,
      createWriteStream(rewritten, { start: end }),
    );
    // All of the same length as what was there, so that no offset changes.
    front.write(payload.found.sha256(), header.valueAt(PAYLOAD.digest), 'latin1');
    front.write(String(GZIP_LEVEL), header.valueAt(PAYLOAD.level), 'latin1');
    const headerBytes = front.subarray(header.start, header.end);
    front.write(sha256(headerBytes), signature.valueAt(SIGNATURE.sha256), 'latin1');
    front.writeUInt32BE(headerBytes.length + payload.found.size, signature.valueAt(SIGNATURE.size));
    front.writeUInt32BE(archive.found.size, signature.valueAt(SIGNATURE.payloadSize));
    await pipeline([front], createWriteStream(rewritten, { flags: 'r+' }));
    await fs.rename(rewritten, file);
  } catch (error) {
    await fs.rm(rewritten, { force: true });
    throw error;
  } finally {
    await fs.rm(plain, { force: true });
  }
}

async function readFront(file: string, length: number): Promise<Buffer> {
  const handle = await fs.open(file);
  try {
    return (await handle.read(Buffer.alloc(length), 0, length, 0)).buffer;
  } finally {
    await handle.close();
  }
}

/** A header section that begins at `start`: 16 bytes, an index of 16 bytes an entry, the data. */
function section(rpm: Buffer, start: number) {
  const entries = rpm.readUInt32BE(start + 8);
  const data = start + 16 + entries * 16;
  const valueAt = (tag: number) => {
    for (let at = start + 16; at < data; at += 16) {
      if (rpm.readUInt32BE(at) === tag) return data + rpm.readUInt32BE(at + 8);
    }
    throw new Error(`nfpm made an rpm without tag ${tag}; another version of nfpm?`);
  };
  return { start, end: data + rpm.readUInt32BE(start + 12), valueAt };
}

const padding = (length: number) => Buffer.alloc(paddingOf(length));

/**
 * A cpio archive with its names made relative; what stands behind its trailer is left out.
 *
 * @param large gets where its large files are in the result
 */
async function* relativeNames(stream: AsyncIterable<Buffer>, large: Extent[]): AsyncGenerator<Buffer> {
  const archive = portions(stream);
  let at = 0;
  for (;;) {
    const { head, name, size } = await cpioEntry(archive);
    const last = name === CPIO.trailer;
    const renamed = Buffer.from(`${last || !name.startsWith('/') ? '' : '.'}${name}\0`);
    head.write(renamed.length.toString(16).padStart(8, '0'), CPIO.nameSizeAt, 'latin1');
    const entry = Buffer.concat([head, renamed, padding(head.length + renamed.length)]);
    yield entry;
    at += entry.length;
    if (size >= LARGE) large.push({ start: at, size });
    at += size + paddingOf(size);
    yield* archive.pass(size);
    await archive.take(paddingOf(size));
    if (size > 0) yield padding(size);
    if (last) return archive.drain();
  }
}
