/**
 * Real package managers that know a repository by the URL and the key that the stack's outputs give, and nothing
 * else of it. Needs root.
 */
import * as fs from 'node:fs/promises';
import { realpathSync } from 'node:fs';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';
import { temporaryFolder } from '../unit/packaging/fixture';
import { makePackageRoot, PackageRoot, RootOptions } from './packageRoot';
import type { Outputs } from './project';

const run = promisify(execFile);
const LARGE = { maxBuffer: 1 << 26 };

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

const fetchFile = async (url: string) => fs.readFile(url.replace(/^file:\/\//, ''));

interface Client {
  install(...names: string[]): Promise<void>;
  remove(): Promise<void>;
}

export interface AptClient extends Client {
  /** Runs a program in the root; throws with its output when it fails. */
  chroot(...command: string[]): Promise<string>;
  root: PackageRoot;
}

export interface DnfClient extends Client {
  /** Runs rpm on the root. */
  query(...args: string[]): Promise<string>;
  /** Runs dnf on the root; throws with its output when it, or a package's script, fails. */
  dnf(...args: string[]): Promise<string>;
  /** Folder of the root. */
  root: string;
  /** The client's copy of the published `.repo` file. */
  repo: string;
}

/** A clean Debian with its own mirror, and the published repository signed by the published key. */
export async function aptClient(
  { apt }: Pick<Outputs, 'apt'>,
  options: RootOptions = { systemd: false, dkms: false, headers: false },
): Promise<AptClient> {
  const root = await makePackageRoot(options);
  const inside = (file: string) => path.join(root.folder, file);
  const bucket = apt.url.replace(/^file:\/\//, '');
  for (const folder of [bucket, '/proc']) await fs.mkdir(inside(folder), { recursive: true });
  await run('mount', ['--bind', '-o', 'ro', bucket, inside(bucket)]);
  await run('mount', ['-t', 'proc', 'proc', inside('/proc')]);
  await root.link('/proc/self/fd', 'dev/fd');
  await fs.copyFile('/etc/resolv.conf', inside('etc/resolv.conf'));
  // Where systemctl is no recorder, nothing may be started: it would reach this machine.
  if (options.systemd === false) await root.write('usr/sbin/policy-rc.d', '#!/bin/sh\nexit 101\n', 0o755);
  await root.write('etc/apt/keyrings/release.asc', (await fetchFile(apt.key)).toString());
  await root.write(
    'etc/apt/sources.list.d/release.list',
    `deb [signed-by=/etc/apt/keyrings/release.asc] ${apt.url} ${apt.suite} ${apt.component}\n`,
  );
  const chroot = async (...command: string[]) => {
    const env = { PATH: process.env.PATH, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };
    const { stdout, stderr } = await run('chroot', [root.folder, ...command], { ...LARGE, env });
    return stdout + stderr;
  };
  return {
    root,
    chroot,
    install: async (...names) => {
      await chroot('apt-get', 'update', '-q', '--error-on=any');
      await chroot('apt-get', 'install', '-q', '-y', '--no-install-recommends', ...names);
    },
    remove: async () => {
      for (const folder of [bucket, '/proc']) await run('umount', [inside(folder)]);
      await root.remove();
    },
  };
}

/** An empty root for rpm, a repository of stand-ins for a distribution, and the published `.repo` file. */
export async function dnfClient(
  outputs: Pick<Outputs, 'packages' | 'yum'>,
  work: string,
): Promise<DnfClient> {
  const [root, repos] = ['root', 'repos'].map((name) => path.join(work, name));
  for (const folder of [root, repos]) await fs.mkdir(folder, { recursive: true });
  const glibc = { provides: await libraryNames(outputs), files: GLIBC_FILES };
  const distribution = await makeDistribution({ ...STAND_INS, glibc }, path.join(work, 'distribution'));
  await fs.writeFile(path.join(repos, 'release.repo'), await fetchFile(outputs.yum.repo));
  const options = [
    ...[`--installroot=${root}`, '--releasever=9', `--setopt=reposdir=${repos}`],
    ...[`--repofrompath=distribution,${distribution}`, '--setopt=distribution.gpgcheck=0'],
    `--setopt=cachedir=${work}/cache`,
  ];
  const dnf = async (...args: string[]) => {
    const { stdout, stderr } = await run('dnf', ['-y', ...options, ...args], LARGE);
    if (/scriptlet failed/.test(stdout + stderr)) throw new Error(stdout + stderr);
    return stdout + stderr;
  };
  return {
    query: async (...args) => (await run('rpm', ['--root', root, ...args])).stdout,
    root,
    repo: path.join(repos, 'release.repo'),
    dnf,
    install: async (...names) => void (await dnf('install', ...names)),
    remove: () => fs.rm(work, { recursive: true, force: true }),
  };
}

type StandIns = Record<string, { provides: string[]; files?: Record<string, string> }>;

async function makeDistribution(packages: StandIns, folder: string): Promise<string> {
  await fs.mkdir(folder, { recursive: true });
  for (const [name, one] of Object.entries(packages)) await standIn(name, one, folder);
  await run('createrepo_c', ['--quiet', folder]);
  return folder;
}

/** A repository of the same stand-ins by name alone, for a root that has what they stand for. */
export async function makeStandIns(outputs: Pick<Outputs, 'packages'>): Promise<string> {
  const provided = { ...STAND_INS, glibc: { provides: await libraryNames(outputs) } };
  const names = Object.entries(provided).map(([name, { provides }]) => [name, { provides }]);
  return makeDistribution(Object.fromEntries(names) as StandIns, await temporaryFolder());
}

async function standIn(
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
async function libraryNames({ packages }: Pick<Outputs, 'packages'>): Promise<string[]> {
  const rpms = Object.entries(packages).filter(([name, { aliasOf }]) => name.endsWith('.rpm') && !aliasOf);
  const files = rpms.map(([, { url }]) => url.replace(/^file:\/\//, ''));
  const { stdout } = await run('rpm', ['-qp', '--requires', '--nosignature', ...files]);
  return [...new Set(stdout.split('\n').filter((line) => /^(lib.*\.so|rtld)/.test(line)))];
}
