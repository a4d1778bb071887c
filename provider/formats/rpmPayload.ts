/**
 * The payload of an rpm as rpmbuild writes it. nfpm (its rpmpack) names the files in the cpio archive by absolute
 * paths: `rpm2cpio x.rpm | cpio -id` and rpmlint, run as root, then unpack over the running system. There is no
 * setting for it, so the names are rewritten here to `./usr/…`, with the digests and sizes that depend on them.
 * Works on gzip payloads, on unsigned rpms.
 */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';

const LEAD = 96;
/** rpm's manual, "RPM V4 Package format" and "RPM Tags". */
const SIGNATURE = { size: 1000, payloadSize: 1007, sha256: 273 };
const PAYLOAD_DIGEST = 5092;
/** cpio(5), "New ASCII Format". */
const CPIO = { magic: '070701', header: 110, sizeAt: 54, nameSizeAt: 94, trailer: 'TRAILER!!!' };

/** Rewrites the file. Throws when it is no rpm of the kind that nfpm makes. */
export async function makePayloadRelative(file: string): Promise<void> {
  const rpm = await fs.readFile(file);
  const signature = section(rpm, LEAD);
  const header = section(rpm, Math.ceil(signature.end / 8) * 8);
  const archive = relativeNames(await promisify(gunzip)(rpm.subarray(header.end)));
  const payload = await promisify(gzip)(archive, { level: 9 });
  const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex');
  // All of the same length as what was there, so that no offset changes.
  rpm.write(sha256(payload), header.valueAt(PAYLOAD_DIGEST), 'latin1');
  const headerBytes = rpm.subarray(header.start, header.end);
  rpm.write(sha256(headerBytes), signature.valueAt(SIGNATURE.sha256), 'latin1');
  rpm.writeInt32BE(headerBytes.length + payload.length, signature.valueAt(SIGNATURE.size));
  rpm.writeInt32BE(archive.length, signature.valueAt(SIGNATURE.payloadSize));
  await fs.writeFile(file, Buffer.concat([rpm.subarray(0, header.end), payload]));
}

/** A header section that begins at `start`: 16 bytes, an index of 16 bytes an entry, the data. */
function section(rpm: Buffer, start: number) {
  if (rpm.readUInt32BE(start) !== 0x8eade801)
    throw new Error('nfpm made an rpm without a header where one should be');
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

function relativeNames(archive: Buffer): Buffer {
  const chunks: Buffer[] = [];
  const padding = (length: number) => Buffer.alloc((4 - (length % 4)) % 4);
  for (let at = 0; ;) {
    const head = Buffer.from(archive.subarray(at, at + CPIO.header));
    if (head.toString('latin1', 0, 6) !== CPIO.magic)
      throw new Error('nfpm made an rpm whose payload is no newc cpio');
    const field = (offset: number) => parseInt(head.toString('latin1', offset, offset + 8), 16);
    const nameEnd = at + CPIO.header + field(CPIO.nameSizeAt) - 1;
    const name = archive.toString('utf8', at + CPIO.header, nameEnd);
    const last = name === CPIO.trailer;
    const renamed = Buffer.from(`${last || !name.startsWith('/') ? '' : '.'}${name}\0`);
    head.write(renamed.length.toString(16).padStart(8, '0'), CPIO.nameSizeAt, 'latin1');
    const dataAt = at + Math.ceil((nameEnd + 1 - at) / 4) * 4;
    const data = archive.subarray(dataAt, dataAt + field(CPIO.sizeAt));
    chunks.push(head, renamed, padding(head.length + renamed.length), data, padding(data.length));
    if (last) return Buffer.concat(chunks);
    at = dataAt + data.length + padding(data.length).length;
  }
}
