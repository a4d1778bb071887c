/** The tarballs of the example as a user has them: unpacked, and every command of their INSTALL run as it stands there. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { removeFolders, run, temporaryFolder } from '../unit/packaging/fixture';
import { CompilerRoot, commandsOf, makeCompilerRoot } from './compilerRoot';
import { runImage } from './imageRun';
import { image, packageFile, sourceTarball, VERSION } from './imageSet';

describe('tarballs', function () {
  this.timeout(600_000);
  let machine: CompilerRoot;

  before(async () => {
    machine = await makeCompilerRoot();
  });
  after(async () => {
    await machine.remove();
    await removeFolders();
  });

  /** What is in the root, but for what was unpacked. */
  const listing = async () =>
    (await machine.root.listing()).filter((file) => !/^\/(unpacked|proc)/.test(file));
  const unpackedWithCommands = async (file: string) => {
    const folder = await machine.unpack(file);
    return { folder, commands: await commandsOf(path.join(machine.root.folder, folder, 'INSTALL')) };
  };

  it('bin: installs, runs and leaves nothing, by the commands of INSTALL', async () => {
    const { folder, commands } = await unpackedWithCommands(await packageFile('bin'));
    assert.deepEqual(commands, ['make install', 'falco --version', 'make uninstall']);
    const before = await listing();
    await machine.sh(folder, commands[0]);
    assert.match(await machine.sh(folder, commands[1]), new RegExp(`^Falco version: ${VERSION}$`, 'm'));
    assert.equal(
      await machine.sh('/', 'falco -V /etc/falco/falco_rules.yaml'),
      '/etc/falco/falco_rules.yaml: Ok\n',
    );
    assert.ok((await listing()).includes('/usr/bin/falco-driver-loader'));
    await machine.sh(folder, commands[2]);
    assert.deepEqual(await listing(), before);
  });

  it('bin: installs below DESTDIR, runs from there, and leaves nothing', async () => {
    const folder = await machine.unpack(await packageFile('bin'));
    const before = await listing();
    await machine.sh(folder, 'make install DESTDIR=/some/root');
    assert.match(
      await machine.sh('/', '/some/root/usr/bin/falco --version'),
      new RegExp(`^Falco version: ${VERSION}$`, 'm'),
    );
    await machine.sh(folder, 'make uninstall DESTDIR=/some/root');
    const left = (await listing()).filter((file) => !before.includes(file));
    assert.deepEqual(
      left.filter((file) => !['/some', '/some/root'].includes(file)),
      [],
    );
    await fs.rm(path.join(machine.root.folder, 'some'), { recursive: true, force: true });
  });

  it('module-src: compiles against the kernel headers of Debian, installs with dkms, and leaves nothing', async () => {
    const { folder, commands } = await unpackedWithCommands(await packageFile('module-src'));
    assert.deepEqual(commands, ['make', 'make install', 'make uninstall']);
    const before = await listing();
    await machine.sh(folder, commands[0]);
    const module = path.join(machine.root.folder, folder, 'falco.ko');
    assert.match((await run('readelf', ['-h', module])).stdout, /Type: +REL/);
    assert.match(
      (await run('modinfo', ['-F', 'vermagic', module])).stdout,
      new RegExp(`^${machine.kernel.replace(/\./g, '\\.')} `),
    );
    await machine.sh(folder, commands[1]);
    assert.match(await machine.sh('/', 'dkms status -m falco'), new RegExp(`${machine.kernel}.*: installed`));
    assert.equal((await machine.sh('/', `modinfo -k ${machine.kernel} -F name falco`)).trim(), 'falco');
    await machine.sh(folder, commands[2]);
    assert.deepEqual(await withoutDepmod(), depmodless(before));
  });

  it('module-src: installs this one module where DKMS is empty, and leaves nothing', async () => {
    const folder = await machine.unpack(await packageFile('module-src'));
    const before = await listing();
    await machine.sh(folder, `make install DKMS= KERNELRELEASE=${machine.kernel}`);
    assert.equal(await machine.root.exists(`usr/lib/modules/${machine.kernel}/extra/falco.ko`), true);
    assert.equal(await machine.sh('/', 'dkms status'), '');
    await machine.sh(folder, `make uninstall DKMS= KERNELRELEASE=${machine.kernel}`);
    assert.deepEqual(await withoutDepmod(), depmodless(before));
  });

  it('bpf-src: compiles with clang, is put where falco looks for it, and leaves nothing', async () => {
    const { folder, commands } = await unpackedWithCommands(await packageFile('bpf-src'));
    assert.deepEqual(commands, ['make', 'make install', 'make uninstall']);
    const before = await listing();
    await machine.sh(folder, commands[0]);
    await machine.sh(folder, commands[1]);
    const probe = path.join(machine.root.folder, 'root/.falco/falco-bpf.o');
    assert.match((await run('readelf', ['-h', probe])).stdout, /Machine: +Linux BPF/);
    await machine.sh(folder, commands[2]);
    assert.deepEqual(await listing(), before);
  });

  it('src: is compiled in falco-builder by its own INSTALL', async () => {
    const folder = await temporaryFolder();
    await run('tar', ['-xzf', await sourceTarball(), '-C', folder]);
    const source = path.join(folder, `falco-src-${VERSION}-x86`);
    const commands = await commandsOf(path.join(source, 'INSTALL'));
    assert.deepEqual(
      commands.map((command) => command.split(' ').slice(0, 2).join(' ')),
      ['cmake -S', 'cmake --build', 'cmake --install'],
    );
    const script = ['set -e', 'cd /source', ...commands, 'falco --version'].join('\n');
    const { status, stdout, stderr } = await runImage(await image('falco-builder'), {
      args: ['bash', '-c', script],
      mounts: { '/source': source },
      limit: 300_000,
    });
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, new RegExp(`^Falco version: ${VERSION}$`, 'm'));
  });

  // depmod writes its indexes for the first time.
  const depmodless = (files: string[]) => files.filter((file) => !/\/modules\.[a-z.]+$/.test(file));
  const withoutDepmod = async () => depmodless(await listing());
});
