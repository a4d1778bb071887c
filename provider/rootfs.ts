/** A clean Debian-like root file system, made by `mmdebstrap` and kept by its settings. */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as tar from 'tar-stream';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { progress } from './diagnostics';
import { plainEnvironment } from './environment';
import { hashFile } from './source/files';

export interface RootfsSettings {
  /** Such as `debian`; for messages, the suite tells mmdebstrap enough. */
  distribution: string;
  /** Such as `bookworm`. */
  suite: string;
  /** mmdebstrap's `--variant`, such as `minbase`. */
  variant: string;
  /** Seconds since 1970; no file is newer. Default: a constant, so that a root file system outlives releases. */
  epoch?: number;
  /** Packages besides the variant's. */
  include?: string[];
}

export interface Rootfs {
  /** The cached tar. */
  file: string;
  sha256: string;
  /** Beside it: one installed package a line, `name version architecture`, tab-separated and sorted. */
  packages: string;
}

export interface RootfsOptions {
  /** Default: {@link ROOTFS_CACHE}. */
  cacheDir?: string;
  /** Gets what mmdebstrap prints. Default: shown as progress. */
  onProgress?: (line: string) => void;
  /** Made with the packages that the mirror has now, also where one is cached. */
  isAnew?: boolean;
}

export const ROOTFS_CACHE = '.local/cache/rootfs';

const EPOCH = 1577836800;
/** mmdebstrap's. Goes into the key, as what is done afterwards does: another recipe is another file. */
const RECIPE = [
  '--architectures=amd64',
  '--format=tar',
  // BuildKit and runc bring their own devices. This leaves /dev itself out too, and `addDev` puts it back.
  '--skip=output/dev',
  // Copied from this machine, and neither reproducible nor of use.
  '--customize-hook=rm -f "$1/etc/resolv.conf" "$1/etc/hostname"',
];

/**
 * Puts the root file system at `outTar` (a hard link of the cached file where that is possible). Made by
 * mmdebstrap from the mirror that it takes for the suite; the result knows the same mirror, so that apt-get works
 * in it. A cached file whose SHA-256 is not the stored one is made anew. With the same state of the mirror the
 * bytes are the same. Throws when mmdebstrap is missing or fails, with its last lines.
 */
export async function makeRootfs(
  settings: RootfsSettings,
  outTar: string,
  { cacheDir = ROOTFS_CACHE, onProgress = progress, isAnew = false }: RootfsOptions = {},
): Promise<Rootfs> {
  const include = [...(settings.include ?? [])].sort();
  const wanted = { ...settings, include, epoch: settings.epoch ?? EPOCH };
  const key = createHash('sha256')
    .update(
      JSON.stringify([
        wanted.distribution,
        wanted.suite,
        wanted.variant,
        wanted.epoch,
        include,
        RECIPE,
        '/dev',
      ]),
    )
    .digest('hex')
    .slice(0, 16);
  const file = path.resolve(cacheDir, `${wanted.distribution}-${wanted.suite}-${wanted.variant}-${key}.tar`);
  const packages = `${file}.packages`;
  await fs.mkdir(path.dirname(file), { recursive: true });
  let sha256 = isAnew ? undefined : await verified(file, onProgress);
  if (!sha256) sha256 = await make(wanted, file, packages, onProgress);
  await place(file, outTar);
  return { file, sha256, packages };
}

/** The stored SHA-256, if the file still has it. */
async function verified(file: string, onProgress: (line: string) => void): Promise<string | undefined> {
  const stored = (await fs.readFile(`${file}.sha256`, 'utf8').catch(() => '')).trim();
  const found = await hashFile(file).catch(() => undefined);
  if (found !== undefined && found === stored) return stored;
  if (found !== undefined) onProgress(`${file} is not what was stored; making it anew`);
  return undefined;
}

async function make(
  settings: RootfsSettings & { epoch: number; include: string[] },
  file: string,
  packages: string,
  onProgress: (line: string) => void,
): Promise<string> {
  const temporary = `${file}.${process.pid}.part`;
  const include = settings.include.length > 0 ? [`--include=${settings.include.join(',')}`] : [];
  try {
    const args = [`--variant=${settings.variant}`, ...RECIPE, ...include, settings.suite, temporary];
    await mmdebstrap(args, settings, onProgress);
    await addDev(temporary, settings.epoch);
    const list = await packageList(temporary);
    const sha256 = await hashFile(temporary);
    // The checksum goes last: without it the file counts as broken.
    await fs.rm(`${file}.sha256`, { force: true });
    await fs.writeFile(packages, list);
    await fs.rename(temporary, file);
    await fs.writeFile(`${file}.sha256`, `${sha256}\n`);
    return sha256;
  } finally {
    await fs.rm(temporary, { force: true });
  }
}

function mmdebstrap(
  args: string[],
  settings: RootfsSettings & { epoch: number },
  onProgress: (line: string) => void,
): Promise<void> {
  const what = `the ${settings.distribution} ${settings.suite} root file system`;
  return new Promise((resolve, reject) => {
    const env = { ...plainEnvironment(), SOURCE_DATE_EPOCH: String(settings.epoch), TZ: 'UTC', LC_ALL: 'C' };
    const child = spawn('mmdebstrap', args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    const last: string[] = [];
    let rest = '';
    child.stderr.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines.map((text) => text.replace(/^I: /, '')).filter(Boolean)) {
        onProgress(`${settings.suite}: ${line}`);
        last.push(line);
        if (last.length > 15) last.shift();
      }
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      const missing = 'mmdebstrap is not installed; install the Debian package mmdebstrap';
      reject(error.code === 'ENOENT' ? new Error(`${what} cannot be made: ${missing}`) : error);
    });
    child.on('close', (code, signal) => {
      if (code === 0) return resolve();
      const end = signal ? `was ended by ${signal}` : `failed with status ${code}`;
      reject(
        new Error(`${what} was not made: mmdebstrap ${end}:\n${[...last, rest].filter(Boolean).join('\n')}`),
      );
    });
  });
}

/** Appends the folder /dev. Without it the first step of a build makes one, with the time of that build. */
async function addDev(tarFile: string, epoch: number): Promise<void> {
  const folder = `${tarFile}.dev`;
  const header = ['--owner=0', '--group=0', '--numeric-owner', '--mode=0755', `--mtime=@${epoch}`];
  try {
    await fs.mkdir(path.join(folder, 'dev'), { recursive: true });
    await promisify(execFile)('tar', ['--append', `--file=${tarFile}`, ...header, '-C', folder, './dev']);
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
}

/** What dpkg-query would list, read off dpkg's status file inside the tar. */
async function packageList(tarFile: string): Promise<string> {
  const extract = tar.extract();
  const reading = (async () => {
    let status = '';
    for await (const entry of extract) {
      if (/^(\.\/)?var\/lib\/dpkg\/status$/.test(entry.header.name)) {
        for await (const chunk of entry) status += String(chunk);
      } else {
        entry.resume();
      }
    }
    return status;
  })();
  await pipeline(createReadStream(tarFile), extract);
  const field = (stanza: string, name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1] ?? '';
  const lines = (await reading)
    .split('\n\n')
    .filter((stanza) => field(stanza, 'Status') === 'install ok installed')
    .map((stanza) => ['Package', 'Version', 'Architecture'].map((name) => field(stanza, name)).join('\t'));
  return `${lines.sort().join('\n')}\n`;
}

async function place(file: string, outTar: string): Promise<void> {
  await fs.rm(outTar, { force: true });
  // Another file system takes no link.
  await fs.link(file, outTar).catch(() => fs.copyFile(file, outTar));
}
