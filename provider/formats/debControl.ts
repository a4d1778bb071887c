/** Reads a deb's control paragraph (deb(5), deb-control(5)) without dpkg. */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import * as tar from 'tar-stream';

const MAGIC = '!<arch>\n';
const HEADER = 60;

/** The `control` file of a deb, without a trailing newline. Throws for what is no deb, or a truncated one. */
export async function readControl(file: string): Promise<string> {
  const member = await findControl(file);
  const plain = await decompress(member.name, member.data, file);
  const extract = tar.extract();
  const found: Buffer[] = [];
  extract.end(plain);
  for await (const entry of extract) {
    const isControl = entry.header.name.replace(/^\.\//, '') === 'control';
    for await (const chunk of entry) if (isControl) found.push(chunk as Buffer);
  }
  if (found.length === 0) throw new Error(`${file} has no control file; build the package again`);
  return Buffer.concat(found).toString('utf8').trimEnd();
}

/** The member `control.tar.*` of the ar archive; the data member behind it is not read. */
async function findControl(file: string): Promise<{ name: string; data: Buffer }> {
  const { name, start, size } = await findMember(file, 'control.tar');
  const handle = await fs.open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size), 0, size, start);
    if (bytesRead < size) throw truncated(file);
    return { name, data: buffer };
  } finally {
    await handle.close();
  }
}

const truncated = (file: string) => new Error(`${file} is truncated or no deb; build the package again`);

/** Where the first member of the ar archive lies whose name begins so: offset and size in bytes. */
export async function findMember(
  file: string,
  prefix: 'control.tar' | 'data.tar',
): Promise<{ name: string; start: number; size: number }> {
  const handle = await fs.open(file);
  try {
    const read = async (length: number, position: number) => {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
      if (bytesRead < length) throw truncated(file);
      return buffer;
    };
    if ((await read(MAGIC.length, 0)).toString('latin1') !== MAGIC) throw new Error(`${file} is no deb`);
    for (let at = MAGIC.length; ;) {
      const header = (await read(HEADER, at)).toString('latin1');
      const name = header.slice(0, 16).trim().replace(/\/$/, '');
      const size = Number(header.slice(48, 58).trim());
      if (!Number.isInteger(size)) throw new Error(`${file} is damaged; build the package again`);
      if (name.startsWith(prefix)) return { name, start: at + HEADER, size };
      at += HEADER + size + (size % 2);
    }
  } finally {
    await handle.close();
  }
}

async function decompress(name: string, data: Buffer, file: string): Promise<Buffer> {
  if (name === 'control.tar') return data;
  if (name.endsWith('.gz')) return gunzipSync(data);
  if (name.endsWith('.xz')) return filter('xz', ['--decompress', '--stdout'], data);
  if (name.endsWith('.zst')) return filter('zstd', ['--decompress', '--stdout'], data);
  throw new Error(`${file}: ${name} is compressed in a way that is not known here`);
}

/** Runs bytes through a program. */
export function filter(program: string, args: string[], input: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', (error) => reject(new Error(`${program} cannot be started: ${error.message}`)));
    child.on('close', (status) => {
      if (status === 0) resolve(Buffer.concat(chunks));
      else reject(new Error(`${program} failed with status ${status}`));
    });
    child.stdin.on('error', () => {}); // The status says it.
    child.stdin.end(input);
  });
}
