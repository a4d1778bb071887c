/**
 * Reads rpm packages: lead, signature header and header (rpm's manual, "RPM V4 Package format").
 * Only the front of the file is read; the payload is left alone.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import * as fs from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

const LEAD = 96;
const HEADER_MAGIC = Buffer.from('8eade801', 'hex');
/** An rpm's headers are some hundred kilobytes at most; rpm itself allows 256 MB. */
const HEADER_LIMIT = 256 * 1024 * 1024;

/** Tag numbers of the header (rpm's manual, "RPM Tags"). */
export const TAG = {
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  summary: 1004,
  description: 1005,
  buildTime: 1006,
  buildHost: 1007,
  size: 1009,
  vendor: 1011,
  license: 1014,
  packager: 1015,
  group: 1016,
  url: 1020,
  arch: 1022,
  fileModes: 1030,
  fileFlags: 1037,
  sourceRpm: 1044,
  archiveSize: 1046,
  sourcePackage: 1106,
  changelogTime: 1080,
  changelogName: 1081,
  changelogText: 1082,
  dirIndexes: 1116,
  baseNames: 1117,
  dirNames: 1118,
  longSize: 5009,
} as const;

/** Tag numbers of the signature header. */
export const SIGNATURE_TAG = {
  sha256: 273,
  dsa: 267,
  rsa: 268,
  longArchiveSize: 271,
  payloadSize: 1007,
} as const;

/** Name, version and flags tags of each kind of dependency. */
export const DEPENDENCY_TAGS = {
  provides: [1047, 1113, 1112],
  requires: [1049, 1050, 1048],
  conflicts: [1054, 1055, 1053],
  obsoletes: [1090, 1115, 1114],
  recommends: [5046, 5047, 5048],
  suggests: [5049, 5050, 5051],
  supplements: [5052, 5053, 5054],
  enhances: [5055, 5056, 5057],
} as const;

export type DependencyKind = keyof typeof DEPENDENCY_TAGS;

export interface Dependency {
  name: string;
  /** `epoch:version-release`, or empty. */
  version: string;
  /** rpm's RPMSENSE bits. */
  flags: number;
}

type Value = string[] | number[] | bigint[] | Buffer;

export interface Header {
  /** Offset of the header in the file, and of the first byte after it. */
  start: number;
  end: number;
  values: Map<number, Value>;
}

export interface Rpm {
  signature: Header;
  header: Header;
  /** SHA-256 of the header as it stands in the file, hex. Signing does not change it. */
  headerSha256: string;
}

/** A string that is UTF-8, or else Latin-1: old packages say nothing of their encoding. */
function decode(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  return text.includes('\ufffd') && !bytes.includes('\ufffd') ? bytes.toString('latin1') : text;
}

function strings(data: Buffer, offset: number, count: number): string[] {
  const found: string[] = [];
  for (let at = offset; found.length < count;) {
    const end = data.indexOf(0, at);
    if (end < 0) throw new Error('a string of its header has no end');
    found.push(decode(data.subarray(at, end)));
    at = end + 1;
  }
  return found;
}

function value(data: Buffer, type: number, offset: number, count: number): Value {
  const numbers = (width: number, read: (at: number) => number) =>
    Array.from({ length: count }, (_, i) => read(offset + i * width));
  switch (type) {
    case 1:
    case 2:
      return numbers(1, (at) => data.readUInt8(at));
    case 3:
      return numbers(2, (at) => data.readUInt16BE(at));
    case 4:
      return numbers(4, (at) => data.readUInt32BE(at));
    case 5:
      return Array.from({ length: count }, (_, i) => data.readBigUInt64BE(offset + i * 8));
    case 6:
    case 8:
    case 9:
      return strings(data, offset, count);
    default:
      return data.subarray(offset, offset + count);
  }
}

function parseHeader(bytes: Buffer, start: number): Header {
  if (!bytes.subarray(start, start + 4).equals(HEADER_MAGIC))
    throw new Error('a header of it lacks the magic number');
  const entries = bytes.readUInt32BE(start + 8);
  const dataStart = start + 16 + entries * 16;
  const end = dataStart + bytes.readUInt32BE(start + 12);
  if (end > bytes.length) throw new Error('it ends inside its header');
  const data = bytes.subarray(dataStart, end);
  const values = new Map<number, Value>();
  for (let i = 0; i < entries; i++) {
    const at = start + 16 + i * 16;
    const [tag, type, offset, count] = [0, 4, 8, 12].map((field) => bytes.readUInt32BE(at + field));
    values.set(tag, value(data, type, offset, count));
  }
  return { start, end, values };
}

const aligned = (offset: number) => Math.ceil(offset / 8) * 8;

/** Parses the front of an rpm file, up to the payload. Throws when it is none. */
export function parseRpm(bytes: Buffer): Rpm {
  if (bytes.length < LEAD + 16 || bytes.readUInt32BE(0) !== 0xedabeedb)
    throw new Error('it is no rpm package');
  const signature = parseHeader(bytes, LEAD);
  const header = parseHeader(bytes, aligned(signature.end));
  const headerSha256 = createHash('sha256').update(bytes.subarray(header.start, header.end)).digest('hex');
  return { signature, header, headerSha256 };
}

/** Reads an rpm file's headers. Errors name the file. */
export async function readRpm(file: string): Promise<Rpm> {
  const handle = await fs.open(file, 'r');
  try {
    const read = async (start: number, length: number) => {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, start);
      if (bytesRead < length) throw new Error('it ends inside its header');
      return buffer;
    };
    const endOf = async (start: number) => {
      const intro = await read(start, 16);
      const end = start + 16 + intro.readUInt32BE(8) * 16 + intro.readUInt32BE(12);
      if (!intro.subarray(0, 4).equals(HEADER_MAGIC) || end - start > HEADER_LIMIT)
        throw new Error('it is no rpm package');
      return end;
    };
    const end = await endOf(aligned(await endOf(LEAD)));
    return parseRpm(await read(0, end));
  } catch (error) {
    throw new Error(`${file} cannot be read as an rpm: ${(error as Error).message}.`);
  } finally {
    await handle.close();
  }
}

/** First value of a tag as text; undefined when the tag is absent. */
export function text(header: Header, tag: number): string | undefined {
  const found = header.values.get(tag);
  return found === undefined || Buffer.isBuffer(found) ? undefined : found[0]?.toString();
}

/** All values of a string tag. */
export function texts(header: Header, tag: number): string[] {
  const found = header.values.get(tag);
  return found === undefined || Buffer.isBuffer(found) ? [] : found.map(String);
}

/** All values of an integer tag. */
export function integers(header: Header, tag: number): number[] {
  const found = header.values.get(tag);
  return found === undefined || Buffer.isBuffer(found)
    ? []
    : (found as (number | bigint | string)[]).map(Number);
}

export function dependencies(header: Header, kind: DependencyKind): Dependency[] {
  const [names, versions, flags] = DEPENDENCY_TAGS[kind];
  const all = { versions: texts(header, versions), flags: integers(header, flags) };
  return texts(header, names).map((name, i) => ({
    name,
    version: all.versions[i] ?? '',
    flags: all.flags[i] ?? 0,
  }));
}

/**
 * What makes two rpms the same package whatever their signatures: SHA-256 of the header and of the (compressed)
 * payload, hex. The whole file is read.
 */
export async function rpmDigests(file: string): Promise<{ header: string; payload: string }> {
  const { header, headerSha256 } = await readRpm(file);
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { start: header.end }), hash);
  return { header: headerSha256, payload: hash.digest('hex') };
}

/** Both digests as one word, `<header>:<payload>`: equal for equal packages. */
export async function rpmContents(file: string): Promise<string> {
  const { header, payload } = await rpmDigests(file);
  return `${header}:${payload}`;
}

/**
 * The signature of the header, an OpenPGP packet, and the bytes that it is made over; undefined for an unsigned rpm.
 * rpm keeps EdDSA signatures under the tag of DSA.
 */
export async function rpmSignature(file: string): Promise<{ packet: Buffer; signed: Buffer } | undefined> {
  const { signature, header } = await readRpm(file);
  const packet = signature.values.get(SIGNATURE_TAG.rsa) ?? signature.values.get(SIGNATURE_TAG.dsa);
  if (!Buffer.isBuffer(packet)) return undefined;
  const handle = await fs.open(file);
  try {
    const signed = Buffer.alloc(header.end - header.start);
    await handle.read(signed, 0, signed.length, header.start);
    return { packet, signed };
  } finally {
    await handle.close();
  }
}
