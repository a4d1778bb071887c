/** Secrets that a test plants, and the search for them: in every form in which one could come out, packed or not. */
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import pLimit from 'p-limit';

const run = promisify(execFile);

/** Letters and digits, as tokens have them. */
export const token = () => `Planted${randomBytes(12).toString('hex')}`;

/** Two tokens around characters that URLs, JSON, shells, XML and Go's `%q` each write in another way. */
export const password = () => `${token()}/+ &<"\\'%=${token()}`;

/** Text at any of the three offsets that it can have in base64, without what its neighbours have a part in. */
function base64(bytes: Buffer): string[] {
  return [0, 1, 2].map((before) => {
    const bits = (before + bytes.length) * 8;
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    return text.slice(Math.ceil((before * 8) / 6), Math.floor(bits / 6));
  });
}

/** Bytes: short enough to stand in one line of an armor, mostly. */
const WINDOW = 12;
/** Of a key, at most. */
const WINDOWS = 12;

/**
 * What stays of a value whatever quotes it. Of bytes, such as a private key has, some windows: a part that comes out is
 * as bad as the whole; none has a line break, which ends a pattern, or a NUL.
 */
function cores(value: string | Buffer): Buffer[] {
  if (typeof value === 'string')
    return value
      .split(/[^A-Za-z0-9]+/)
      .filter((part) => part.length >= 16)
      .map((part) => Buffer.from(part));
  const windows: Buffer[] = [];
  const step = Math.max(WINDOW, Math.floor(value.length / WINDOWS));
  for (let at = 0; at + WINDOW <= value.length; at += step) {
    const window = value.subarray(at, at + WINDOW);
    if (!window.includes(0) && !window.includes(10)) windows.push(window);
  }
  return windows;
}

/** One place where a secret was found; says which, never its value. */
export interface Hit {
  file: string;
  secret: string;
}

/** Programs that write the contents of a packed file, by its first bytes. */
const PACKED: { magic: string; commands: string[][] }[] = [
  { magic: '1f8b', commands: [['gzip', '-dc', '--']] },
  { magic: 'fd377a585a00', commands: [['xz', '-dc', '--']] },
  { magic: '28b52ffd', commands: [['zstd', '-dcq', '--']] },
  {
    magic: Buffer.from('!<arch>\ndebian-binary').toString('hex'),
    commands: [
      ['dpkg-deb', '--fsys-tarfile'],
      ['dpkg-deb', '--ctrl-tarfile'],
    ],
  },
  { magic: 'edabeedb', commands: [['rpm2cpio']] },
];

export class Search {
  private readonly secrets = new Map<string, string>();

  /** @param patterns file that gets what grep looks for; not in a place that is searched */
  private constructor(private readonly patterns: string) {}

  static async of(secrets: Record<string, string | Buffer>, patterns: string): Promise<Search> {
    const search = new Search(patterns);
    for (const [name, value] of Object.entries(secrets)) {
      const found = cores(value);
      if (found.length === 0) throw new Error(`${name} is too short to be looked for`);
      for (const core of found) {
        const hex = core.toString('hex');
        for (const form of [core.toString('latin1'), hex, hex.toUpperCase(), ...base64(core)])
          search.secrets.set(form, name);
      }
    }
    await fs.writeFile(patterns, Buffer.from([...search.secrets.keys(), ''].join('\n'), 'latin1'));
    return search;
  }

  /**
   * Every file below a folder, as it is and unpacked. Others may work in the folder meanwhile, as they do in the store of
   * BuildKit: what they delete or write during the search is theirs, and does not stop it.
   *
   * @param newerThan only files changed since this one
   * @throws Error where there is no file: nothing would have been looked at
   */
  async folder(folder: string, newerThan?: string): Promise<Hit[]> {
    const start = Date.now();
    const newer = newerThan === undefined ? [] : ['-newer', newerThan];
    const listed = await listing([folder, '-type', 'f', ...newer, '-print0']);
    const files = listed.toString().split('\0').filter(Boolean);
    if (files.length === 0) throw new Error(`there is nothing to search in ${folder}`);
    const hits = this.hits(await this.grep('xargs -0 -r grep -aoFHZsf "$1" --', listed));
    const unpacked = async (file: string) => {
      for (const command of await unpackingOf(file)) {
        const script = 'f=$2; shift 2; "$@" "$f" | grep -aoFf "$0"';
        const said = await this.grep(script, undefined, file, command).catch(async (error: unknown) => {
          if (await staysAsItWas(file, start)) throw error;
          return '';
        });
        hits.push(...this.hits(said.replace(/^(?=.)/gm, `${file}\0`)));
      }
    };
    const limit = pLimit(os.availableParallelism());
    await Promise.all(files.map((file) => limit(unpacked, file)));
    return unique(hits.map(({ file, secret }) => ({ file: path.relative(folder, file), secret })));
  }

  private hits(said: string): Hit[] {
    return said
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [file = '', form = ''] = line.split('\0');
        return { file, secret: this.secrets.get(form) ?? 'something' };
      });
  }

  /** What a pipeline that ends in grep prints; nothing found is no failure. */
  private grep(script: string, input?: Buffer, file = '', command: string[] = []): Promise<string> {
    return new Promise((resolve, reject) => {
      // Its standard input is a socket, as under sshd, so it would read ~/.bashrc, which may have its own complaints.
      const bash = ['--norc', '-c', `set -o pipefail; ${script}`];
      const args = [...bash, this.patterns, this.patterns, file, ...command];
      const child = spawn('bash', args, { env: { ...process.env, LC_ALL: 'C' } });
      const out: Buffer[] = [];
      let complaint = '';
      child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
      child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
      child.on('error', reject);
      child.on('close', () => {
        if (complaint !== '') reject(new Error(`${file} cannot be searched: ${complaint}`));
        else resolve(Buffer.concat(out).toString('latin1'));
      });
      child.stdin.on('error', () => {});
      child.stdin.end(input);
    });
  }
}

/** What find lists; a folder that is deleted while find is on its way is no failure. */
async function listing(args: string[]): Promise<Buffer> {
  const env = { ...process.env, LC_ALL: 'C' };
  const options = { maxBuffer: 1 << 28, encoding: 'buffer', env } as const;
  try {
    return (await run('find', args, options)).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: Buffer; stderr?: Buffer };
    const complaints = stderr?.toString().split('\n').filter(Boolean) ?? [];
    const areOfDeleted = complaints.every((line) => line.endsWith(': No such file or directory'));
    if (stdout === undefined || complaints.length === 0 || !areOfDeleted) throw error;
    return stdout;
  }
}

/** How long another may take from one write of a file to the next. */
const SECONDS_OF_SILENCE = 10;

/** @param start of the search, in milliseconds since 1970 */
async function staysAsItWas(file: string, start: number): Promise<boolean> {
  for (let second = 0; ; second++) {
    const found = await fs.stat(file).catch(() => undefined);
    if (found === undefined || found.mtimeMs >= start) return false;
    if (second === SECONDS_OF_SILENCE) return true;
    await setTimeout(1000);
  }
}

async function unpackingOf(file: string): Promise<string[][]> {
  const handle = await fs.open(file).catch(() => undefined);
  if (!handle) return [];
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(32), 0, 32, 0);
    const start = buffer.subarray(0, bytesRead).toString('hex');
    return PACKED.find(({ magic }) => start.startsWith(magic))?.commands ?? [];
  } finally {
    await handle.close();
  }
}

function unique(hits: Hit[]): Hit[] {
  return [...new Map(hits.map((hit) => [`${hit.file}\0${hit.secret}`, hit])).values()];
}
