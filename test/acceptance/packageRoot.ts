/**
 * A clean Debian in which packages are installed for real, by the dpkg in it or the rpm of this machine.
 * What would reach the kernel or the init system (systemctl, dkms, rmmod) is a recorder with a state of its own:
 * it writes what it is asked to `/recorded` and behaves like the real one as far as packages can tell.
 */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { makeRootfs, ROOTFS_CACHE } from '../../provider/rootfs';
import { catalog } from '../../catalog';
import { run, temporaryFolder } from '../unit/packaging/fixture';

/** A client that takes longer than this waits for something, such as a terminal. One that downloads gets more. */
const LIMIT_MS = 60_000;

const SYSTEMCTL = `#!/bin/sh
# Knows enabled units by their links, running ones by /active.
unit=falco.service
for last; do :; done
case " $* " in
*' is-active '*)
    case " $* " in *' --quiet '*) exec >/dev/null ;; esac
    if [ -e /active ]; then echo active; else echo inactive; exit 3; fi ;;
*' is-enabled '*)
    if [ "$(readlink /etc/systemd/system/$unit)" = /dev/null ]; then echo masked; exit 1; fi
    if [ -L /etc/systemd/system/multi-user.target.wants/$unit ]; then echo enabled; else echo disabled; exit 1; fi ;;
*' start '*) echo "systemctl start $last" >>/recorded; : >/active ;;
*' stop '*) echo "systemctl stop $last" >>/recorded; rm -f /active ;;
*' disable '*) echo "systemctl disable $last" >>/recorded; rm -f /etc/systemd/system/multi-user.target.wants/$unit ;;
*' --preset-mode=enable-only preset '*) # Debian's presets enable what is new; it is deb-systemd-helper that asks.
    if [ "$(readlink /etc/systemd/system/$unit)" = /dev/null ]; then exit 1; fi
    mkdir -p /etc/systemd/system/multi-user.target.wants
    ln -sf /usr/lib/systemd/system/$unit /etc/systemd/system/multi-user.target.wants/ ;;
*' preset '*) echo "systemctl preset $last" >>/recorded ;;
*' daemon-reload '*) ;;
*) echo "systemctl $*" >>/recorded ;;
esac
`;

const DKMS = `#!/bin/sh
# Keeps the tree that dkms keeps. A file /dkms-fails makes every build fail.
verb=$1
echo "dkms $*" >>/recorded
while [ $# -gt 0 ]; do
    case $1 in -m) m=$2 ;; -v) v=$2 ;; -k) k=$2 ;; esac
    shift
done
tree=/var/lib/dkms/$m/$v
case $verb in
add) [ ! -e "$tree" ] || { echo 'already added' >&2; exit 3; }
    [ -e "/usr/src/$m-$v/dkms.conf" ] || { echo 'no dkms.conf' >&2; exit 2; }
    mkdir -p "$tree"; ln -s "/usr/src/$m-$v" "$tree/source" ;;
build) mkdir -p "$tree/build"; if [ -e /dkms-fails ]; then echo 'Error! Bad return status' >&2; exit 10; fi ;;
install) mkdir -p "/lib/modules/$k/updates/dkms"; echo "$v" >"/lib/modules/$k/updates/dkms/$m.ko" ;;
remove) [ -e "$tree/source/dkms.conf" ] || { echo 'no dkms.conf in source' >&2; exit 4; }
    rm -rf "$tree"; rm -f /lib/modules/*/updates/dkms/$m.ko; rmdir "/var/lib/dkms/$m" 2>/dev/null || : ;;
esac
`;

const RMMOD = `#!/bin/sh
echo "rmmod $*" >>/recorded
sed -i "/^$1 /d" /proc/modules
`;

export interface Output {
  status: number;
  /** stdout and stderr as they came. */
  text: string;
}

/** Link of the enabled unit. */
export const WANTS = 'etc/systemd/system/multi-user.target.wants/falco.service';

export interface PackageRoot {
  folder: string;
  /** Release of the running kernel, which the root has headers of. */
  kernel: string;
  /** Runs a program of the root in it. Its stdin never ends and is no terminal. */
  chroot(...command: string[]): Promise<Output>;
  /** The same for a program of this machine. */
  here(...command: string[]): Promise<Output>;
  /** dpkg in the root, on files of this machine. Throws with its output when it fails. */
  dpkg(...args: string[]): Promise<string>;
  /** What an administrator does. */
  systemctl(verb: 'stop' | 'disable'): Promise<void>;
  /** Every path, sorted, without those of the package manager's own data and the recorder. */
  listing(): Promise<string[]>;
  /** What was recorded since the last call. */
  recorded(): Promise<string[]>;
  read(file: string): Promise<string>;
  write(file: string, text: string, mode?: number): Promise<void>;
  exists(file: string): Promise<boolean>;
  link(target: string, file: string): Promise<void>;
  remove(): Promise<void>;
}

export interface RootOptions {
  systemd?: boolean;
  dkms?: boolean;
  headers?: boolean;
  /** Packages of the distribution besides the base's. */
  include?: string[];
  /** Milliseconds that a program may take. */
  limit?: number;
}

const templates = new Map<string, Promise<string>>();

/** The unpacked base, once in this process and until it ends. */
function templateOf(include: string[]): Promise<string> {
  const key = include.join();
  let template = templates.get(key);
  if (!template) templates.set(key, (template = unpackBase(include)));
  return template;
}

async function unpackBase(include: string[]): Promise<string> {
  const work = await fs.mkdtemp(path.join(os.tmpdir(), 'package-root-'));
  process.on('exit', () => rmSync(work, { recursive: true, force: true }));
  const [base, folder] = [path.join(work, 'base.tar'), path.join(work, 'root')];
  const settings = { ...catalog.bases.debian.rootfs, include };
  await makeRootfs(settings, base, { cacheDir: path.resolve(__dirname, '../..', ROOTFS_CACHE) });
  await fs.mkdir(path.join(folder, 'dev'), { recursive: true });
  await run('tar', ['-x', '--numeric-owner', '-p', '-f', base, '-C', folder]);
  await fs.rm(base);
  await run('mknod', ['-m', '666', path.join(folder, 'dev/null'), 'c', '1', '3']);
  return folder;
}

/** A new root. The first on a machine takes half a minute, the others a second. Needs root. */
export async function makePackageRoot(options: RootOptions = {}): Promise<PackageRoot> {
  const { systemd = true, dkms = true, headers = true, include = [] } = options;
  const folder = path.join(await temporaryFolder(), 'root');
  // Hard links: package managers replace files and do not write into them, but for their logs.
  await run('cp', ['-al', await templateOf(include), folder]);
  const kernel = (await run('uname', ['-r'])).stdout.trim();
  const root = packageRoot(folder, kernel, options.limit);
  await root.write('recorded', '');
  await root.write('usr/sbin/rmmod', RMMOD, 0o755);
  await root.write('proc/modules', 'ext4 1 0\n');
  const modules = `lib/modules/${kernel}`;
  // What the packages of kernel and dkms own.
  for (const owned of [`${modules}/updates/dkms`, 'var/lib/dkms']) {
    await fs.mkdir(path.join(folder, owned), { recursive: true });
  }
  if (headers) await root.write(`${modules}/build/include/linux/version.h`, '');
  if (systemd) {
    await fs.mkdir(path.join(folder, 'run/systemd/system'), { recursive: true });
    await root.write('usr/bin/systemctl', SYSTEMCTL, 0o755);
  }
  if (dkms) await root.write('usr/sbin/dkms', DKMS, 0o755);
  return root;
}

function packageRoot(folder: string, kernel: string, limit?: number): PackageRoot {
  const inside = (file: string) => path.join(folder, file);
  const here = (...command: string[]) => runProgram(command, limit);
  const chroot = (...command: string[]) => runProgram(['chroot', folder, ...command], limit);
  return {
    folder,
    kernel,
    here,
    chroot,
    async dpkg(...args) {
      const incoming = inside('incoming');
      await fs.mkdir(incoming, { recursive: true });
      const inRoot = await Promise.all(
        args.map(async (argument) => {
          if (!argument.endsWith('.deb')) return argument;
          await fs.copyFile(argument, path.join(incoming, path.basename(argument)));
          return `/incoming/${path.basename(argument)}`;
        }),
      );
      // Dependencies are another test's matter: dkms is a recorder here.
      const { status, text } = await chroot('dpkg', '--force-depends', ...inRoot);
      if (status !== 0) throw new Error(`dpkg ${args.join(' ')} failed (${status}):\n${text}`);
      return text;
    },
    async systemctl(verb) {
      await chroot('systemctl', verb, 'falco.service');
    },
    async listing() {
      const { stdout } = await run('find', [folder, '-xdev', '-printf', '/%P\\n'], { maxBuffer: 1 << 26 });
      const own =
        /^\/(var\/(lib\/(dpkg|rpm)|log|cache)|usr\/lib\/sysimage|recorded$|incoming|active$|proc\/modules)/;
      return stdout
        .split('\n')
        .filter((file) => file && !own.test(file))
        .sort();
    },
    async recorded() {
      const lines = (await fs.readFile(inside('recorded'), 'utf8')).split('\n').filter(Boolean);
      await fs.writeFile(inside('recorded'), '');
      return lines;
    },
    read: (file) => fs.readFile(inside(file), 'utf8'),
    async write(file, text, mode = 0o644) {
      await fs.mkdir(path.dirname(inside(file)), { recursive: true });
      await fs.rm(inside(file), { force: true });
      await fs.writeFile(inside(file), text);
      await fs.chmod(inside(file), mode);
    },
    exists: (file) =>
      fs.lstat(inside(file)).then(
        () => true,
        () => false,
      ),
    async link(target, file) {
      await fs.mkdir(path.dirname(inside(file)), { recursive: true });
      await fs.symlink(target, inside(file));
    },
    remove: () => fs.rm(folder, { recursive: true, force: true }),
  };
}

/** Runs a program of this machine, which has no terminal. */
export function runProgram([program, ...args]: string[], limit = LIMIT_MS): Promise<Output> {
  return new Promise((resolve, reject) => {
    // A session of its own has no terminal to open; the pipe to stdin stays open, so a read from it would hang.
    const child = spawn('setsid', ['--wait', program, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        LC_ALL: 'C.UTF-8',
        HOME: '/root',
      },
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${program} ${args.join(' ')} waits for something; so far:\n${text}`));
    }, limit);
    child.on('error', reject);
    child.on('close', (status) => {
      clearTimeout(timer);
      child.stdin.destroy();
      resolve({ status: status ?? -1, text });
    });
  });
}
