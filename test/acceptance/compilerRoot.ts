/** A Debian with compilers and kernel headers, as a machine that runs Debian's own kernel. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { run } from '../unit/packaging/fixture';
import { makePackageRoot, PackageRoot } from './packageRoot';

const INCLUDE = ['clang', 'dkms', 'kmod', 'linux-headers-amd64', 'llvm', 'make'];

export interface CompilerRoot {
  root: PackageRoot;
  /** Release of the kernel whose headers it has, and that it believes to run. */
  kernel: string;
  /** Unpacks a tarball into the root and gives its top folder there. */
  unpack(file: string): Promise<string>;
  /** Runs a shell command in a folder of the root; throws with its output when it fails. */
  sh(folder: string, command: string): Promise<string>;
  remove(): Promise<void>;
}

/** The first on a machine takes a minute or two: its root file system is made from packages, and cached. */
export async function makeCompilerRoot(): Promise<CompilerRoot> {
  const root = await makePackageRoot({
    ...{ systemd: false, dkms: false, headers: false },
    include: INCLUDE,
    limit: 180_000,
  });
  const inside = (file: string) => path.join(root.folder, file);
  const kernels = await fs.readdir(inside('usr/lib/modules'));
  const withHeaders = await Promise.all(
    kernels.map(async (name) => ((await root.exists(`usr/lib/modules/${name}/build`)) ? [name] : [])),
  );
  const [kernel] = withHeaders.flat();
  // This machine runs another kernel, whose folder packageRoot made.
  if (root.kernel !== kernel)
    await fs.rm(inside(`usr/lib/modules/${root.kernel}`), { recursive: true, force: true });
  await root.write(
    'usr/local/bin/uname',
    `#!/bin/sh\ncase $* in -r) echo ${kernel} ;; *) exec /usr/bin/uname "$@" ;; esac\n`,
    0o755,
  );
  await fs.mkdir(inside('proc'), { recursive: true });
  await run('mount', ['-t', 'proc', 'proc', inside('proc')]);
  await root.link('/proc/self/fd', 'dev/fd');
  return {
    root,
    kernel,
    unpack: async (file) => {
      await fs.mkdir(inside('unpacked'), { recursive: true });
      await run('tar', ['-xzf', file, '-C', inside('unpacked'), '--no-same-owner']);
      return `/unpacked/${path.basename(file).replace(/\.tar\.gz$/, '')}`;
    },
    sh: async (folder, command) => {
      const { status, text } = await root.chroot('sh', '-c', `cd '${folder}' && ${command}`);
      if (status !== 0) throw new Error(`${command} failed (${status}):\n${text}`);
      return text;
    },
    remove: async () => {
      await run('umount', [inside('proc')]);
      await root.remove();
    },
  };
}

/** The commands of a text, which are the lines that are indented by four spaces. */
export async function commandsOf(file: string): Promise<string[]> {
  const text = await fs.readFile(file, 'utf8');
  return [...text.matchAll(/^ {4}(\S.*)$/gm)].map(([, command]) => command);
}
