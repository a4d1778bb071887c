/**
 * Real package managers that know a repository by the URL and the key that the stack's outputs give, and nothing
 * else of it. Needs root.
 */
import * as fs from 'node:fs/promises';
import { realpathSync } from 'node:fs';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';
import { makePackageRoot, Output, PackageRoot, RootOptions, runProgram } from './packageRoot';
import type { Outputs } from './project';

const run = promisify(execFile);

/** What an rpm distribution would provide, and none is to be had here: names, and files of this machine. */
const STAND_INS: Record<string, { provides: string[]; files?: Record<string, string> }> = {
  dkms: { provides: ['dkms'] },
  'kernel-devel': { provides: ['kernel-devel'] },
  systemd: { provides: ['systemd'] },
  // The scripts of packages run in the root.
  dash: { provides: ['/bin/sh'], files: { '/bin/sh': '/usr/bin/dash', '/usr/bin/touch': '/usr/bin/touch' } },
};
const GLIBC_FILES = {
  '/lib64/ld-linux-x86-64.so.2': '/lib64/ld-linux-x86-64.so.2',
  '/lib/x86_64-linux-gnu/libc.so.6': '/lib/x86_64-linux-gnu/libc.so.6',
};

async function fetchFile(url: string): Promise<Buffer> {
  if (url.startsWith('file://')) return fs.readFile(url.replace(/^file:\/\//, ''));
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

/** Fails with what the client printed. */
function checked({ status, text }: Output, command: string[]): string {
  if (status !== 0) throw new Error(`${command.join(' ')} failed (${status}):\n${text}`);
  return text;
}

interface Client {
  /** By name from the repository, or a file that is in the root. */
  install(...names: string[]): Promise<void>;
  remove(): Promise<void>;
}

export interface AptClient extends Client {
  root: PackageRoot;
  /** Runs a program in the root; throws with its output when it fails. */
  chroot(...command: string[]): Promise<string>;
  /** apt-get, as `-y` users call it. */
  apt(...args: string[]): Promise<string>;
}

export interface DnfClient extends Client {
  /** Runs rpm on the root. */
  query(...args: string[]): Promise<string>;
  /** Returns the output; throws when it fails, or a script does. */
  dnf(...args: string[]): Promise<string>;
}

export interface AptOptions extends RootOptions {
  /** No mirror of the distribution is known; a package without contents stands for dkms. */
  alone?: boolean;
}

/** A mirror may be slow. */
const DOWNLOAD_MS = 300_000;
const BARE = { systemd: false, dkms: false, headers: false };

/** A clean Debian with its own mirror, and the published repository signed by the published key. */
export async function aptClient(
  { apt }: Pick<Outputs, 'apt'>,
  options: AptOptions = BARE,
): Promise<AptClient> {
  const root = await makePackageRoot(options.alone ? options : { limit: DOWNLOAD_MS, ...options });
  const inside = (file: string) => path.join(root.folder, file);
  const mounts: string[] = [];
  const mount = async (folder: string, ...args: string[]) => {
    await fs.mkdir(inside(folder), { recursive: true });
    await run('mount', [...args, inside(folder)]);
    mounts.push(folder);
  };
  const chroot = async (...command: string[]) => checked(await root.chroot(...command), command);
  const client: AptClient = {
    root,
    chroot,
    apt: (...args) => chroot('apt-get', '-q', '-y', '--no-install-recommends', ...args),
    install: async (...names) => {
      await client.apt('update', '--error-on=any');
      await client.apt('install', ...names);
    },
    remove: async () => {
      for (const folder of mounts) await run('umount', [inside(folder)]);
      await root.remove();
    },
  };
  try {
    if (apt.url.startsWith('file://')) {
      const bucket = apt.url.replace(/^file:\/\//, '');
      await mount(bucket, '--bind', '-o', 'ro', bucket);
    }
    if (options.alone) {
      await root.write('etc/apt/sources.list', '');
      await standInDeb(root);
    } else {
      await mount('/proc', '-t', 'proc', 'proc');
      await root.link('/proc/self/fd', 'dev/fd');
      await fs.copyFile('/etc/resolv.conf', inside('etc/resolv.conf'));
    }
    if (options.systemd === false) await root.write('usr/sbin/policy-rc.d', '#!/bin/sh\nexit 101\n', 0o755);
    await root.write('etc/apt/keyrings/release.asc', (await fetchFile(apt.key)).toString());
    await root.write(
      'etc/apt/sources.list.d/release.list',
      `deb [signed-by=/etc/apt/keyrings/release.asc] ${apt.url} ${apt.suite} ${apt.component}\n`,
    );
  } catch (error) {
    await client.remove();
    throw error;
  }
  return client;
}

/** dkms for the dependencies' sake; what is called is the root's recorder. */
async function standInDeb(root: PackageRoot): Promise<void> {
  await root.write(
    'incoming/dkms/DEBIAN/control',
    'Package: dkms\nVersion: 3.0.10-8\nArchitecture: all\nMaintainer: Nobody <nobody@localhost>\nDescription: x\n',
  );
  await root.chroot('dpkg-deb', '-b', '/incoming/dkms', '/incoming/dkms.deb');
  await root.dpkg('-i', path.join(root.folder, 'incoming/dkms.deb'));
}

export interface DnfOptions {
  /** Has programs, and stand-ins that are names only. Default: an empty one, where stand-ins bring a shell. */
  root?: PackageRoot;
  /** What the user writes into the .repo file. */
  edit?: (repo: string) => string;
}

/** A root for rpm, a repository of stand-ins for a distribution, and the published `.repo` file. */
export async function dnfClient(
  outputs: Pick<Outputs, 'yum' | 'packages'>,
  work: string,
  options: DnfOptions = {},
): Promise<DnfClient> {
  const [distribution, repos] = ['distribution', 'repos'].map((name) => path.join(work, name));
  const root = options.root?.folder ?? path.join(work, 'root');
  for (const folder of [root, repos, path.join(work, 'log')]) await fs.mkdir(folder, { recursive: true });
  await makeDistribution(outputs, distribution, options.root ? 'names' : 'files');
  const repo = (await fetchFile(outputs.yum.repo)).toString();
  await fs.writeFile(path.join(repos, 'release.repo'), options.edit?.(repo) ?? repo);
  const set = (name: string, value: string) => `--setopt=${name}=${value}`;
  const common = [
    // Without the plugins of this machine.
    ...['-y', '--noplugins', `--installroot=${root}`, '--releasever=9', set('reposdir', repos)],
    ...[`--repofrompath=distribution,${distribution}`, set('distribution.gpgcheck', '0')],
    ...[set('cachedir', `${work}/cache`), set('persistdir', `${work}/lib`), set('logdir', `${work}/log`)],
  ];
  const here = (...command: string[]) => runProgram(command);
  const dnf = async (...args: string[]) => {
    const text = checked(await here('dnf', ...common, ...args), ['dnf', ...args]);
    if (/scriptlet failed/.test(text)) throw new Error(text);
    return text;
  };
  return {
    dnf,
    query: async (...args) => (await run('rpm', ['--root', root, ...args])).stdout,
    install: async (...names) => void (await dnf('install', ...names)),
    remove: async () => {
      // dnf leaves an agent running for its copy of the key.
      for (const name of await fs.readdir(path.join(work, 'cache')).catch(() => [])) {
        const home = path.join(work, 'cache', name, 'pubring');
        await run('gpgconf', ['--homedir', home, '--kill', 'all']).catch(() => undefined);
      }
      await fs.rm(work, { recursive: true, force: true });
    },
  };
}

/** A repository of stand-ins for a distribution; by name alone for a root that has the files already. */
export async function makeDistribution(
  outputs: Pick<Outputs, 'packages'>,
  folder: string,
  what: 'names' | 'files',
): Promise<void> {
  await fs.mkdir(folder, { recursive: true });
  const glibc = { provides: await libraryNames(outputs, folder), files: GLIBC_FILES };
  await Promise.all(
    Object.entries({ ...STAND_INS, glibc }).map(([name, one]) =>
      standInRpm(name, what === 'names' ? { provides: one.provides } : one, folder),
    ),
  );
  await run('createrepo_c', ['--quiet', folder]);
}

async function standInRpm(
  name: string,
  { provides, files = {} }: { provides: string[]; files?: Record<string, string> },
  folder: string,
): Promise<void> {
  const contents = Object.entries(files).map(([dst, src]) => ({ dst, src: realpathSync(src) }));
  const stated = { name, arch: 'x86_64', version: '1.0.0', maintainer: 'Nobody <nobody@localhost>' };
  const text = { description: 'Stands for a distribution.', license: 'MIT' };
  const config = path.join(folder, `${name}.json`);
  await fs.writeFile(config, JSON.stringify({ ...stated, ...text, provides, contents }));
  await run('nfpm', ['package', '-p', 'rpm', '-f', config, '-t', path.join(folder, `${name}.rpm`)]);
}

/** The libraries that the rpms require, as a distribution's own packages provide them. */
async function libraryNames({ packages }: Pick<Outputs, 'packages'>, folder: string): Promise<string[]> {
  const rpms = Object.entries(packages).filter(([name, { aliasOf }]) => name.endsWith('.rpm') && !aliasOf);
  const names = new Set<string>();
  for (const [, { url }] of rpms) {
    const file = path.join(folder, 'package');
    await fs.writeFile(file, await fetchFile(url));
    const { stdout } = await run('rpm', ['-qp', '--requires', '--nosignature', file]);
    for (const line of stdout.split('\n')) if (/^(lib.*\.so|rtld)/.test(line)) names.add(line);
    await fs.rm(file);
  }
  return [...names];
}
