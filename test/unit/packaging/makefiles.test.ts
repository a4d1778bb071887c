import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { buildPackage } from '../../../provider/formats/packageBuild';
import { makeTree, removeFolders, run, specFor, temporaryFolder } from './fixture';

/** The kernel's build system as far as our Makefiles use it: it reads Kbuild before Makefile, and has three targets. */
const KERNEL = `ifneq ($(M),)
include $(firstword $(wildcard $(M)/Kbuild $(M)/Makefile))
modules:
	cd $(M) && cat $(patsubst %.o,%.c,$(falco-y)) > $(obj-m:.o=.ko)
modules_install:
	mkdir -p $(INSTALL_MOD_PATH)/lib/modules/6.0.0-test/$(INSTALL_MOD_DIR)
	cp $(M)/$(obj-m:.o=.ko) $(INSTALL_MOD_PATH)/lib/modules/6.0.0-test/$(INSTALL_MOD_DIR)/
endif
`;

/** Stand-in for dkms: its arguments, one call a line, go to the file that CALLS names. */
const DKMS = '#!/bin/sh\necho "$*" >>"$CALLS"\n';

/** Commands of an INSTALL text: its lines that are indented by four spaces. */
async function commands(folder: string): Promise<string[]> {
  const text = await fs.readFile(path.join(folder, 'INSTALL'), 'utf8');
  return text
    .split('\n')
    .filter((line) => line.startsWith('    '))
    .map((line) => line.trim());
}

const files = async (folder: string) =>
  (await run('find', [folder, '!', '-type', 'd', '-printf', '%P %m\\n'])).stdout
    .split('\n')
    .filter(Boolean)
    .sort();

describe('Makefiles of the tarballs', () => {
  let tree: string;

  before(async () => {
    tree = await makeTree();
  });
  after(removeFolders);

  async function unpack(key: string): Promise<string> {
    const spec = await specFor(key);
    const folder = await temporaryFolder();
    await buildPackage(spec, { treeDir: tree }, path.join(folder, spec.fileName));
    await run('tar', ['-xzf', spec.fileName], { cwd: folder });
    return path.join(folder, spec.fileName.replace('.tar.gz', ''));
  }

  async function kernel(): Promise<string> {
    const folder = await temporaryFolder();
    await fs.mkdir(path.join(folder, 'include/config'), { recursive: true });
    await fs.writeFile(path.join(folder, 'include/config/kernel.release'), '6.0.0-test\n');
    await fs.writeFile(path.join(folder, 'Makefile'), KERNEL);
    return folder;
  }

  const make = async (folder: string, ...args: string[]) =>
    (await run('make', ['--no-print-directory', '-C', folder, ...args])).stdout;

  describe('bin', () => {
    it('installs below DESTDIR and uninstalls all of it', async () => {
      const folder = await unpack('bin');
      const root = path.join(await temporaryFolder(), 'root');
      await make(folder, 'install', `DESTDIR=${root}`);
      assert.deepEqual(await files(root), [
        'etc/falco/falco.yaml 644',
        'etc/falco/falco_rules.local.yaml 644',
        'etc/falco/falco_rules.yaml 644',
        'etc/falco/rules.available/application_rules.yaml 644',
        'usr/bin/falco 755',
        'usr/bin/falco-driver-loader 755',
        'usr/lib/falco/libcarried.so.1 755',
        'usr/share/falco/plugins/README 644',
        'usr/share/falco/plugins/README.link 777',
        'usr/src/falco-3aa7a83/Makefile 644',
        'usr/src/falco-3aa7a83/bpf/Makefile 644',
        'usr/src/falco-3aa7a83/bpf/maps.h 644',
        'usr/src/falco-3aa7a83/bpf/probe.c 644',
        'usr/src/falco-3aa7a83/dkms.conf 644',
        'usr/src/falco-3aa7a83/driver_config.h 644',
        'usr/src/falco-3aa7a83/main.c 644',
      ]);
      assert.ok((await fs.stat(path.join(root, 'etc/falco/rules.d'))).isDirectory());
      assert.equal((await run(path.join(root, 'usr/bin/falco'), [])).stdout, 'falco version 0.24.0\n');
      // What a compilation leaves, and an edit, are no reason to stay.
      await fs.writeFile(path.join(root, 'usr/src/falco-3aa7a83/bpf/probe.o'), '');
      await fs.appendFile(path.join(root, 'etc/falco/falco.yaml'), 'mine: true\n');
      await make(folder, 'uninstall', `DESTDIR=${root}`);
      await assert.rejects(fs.readdir(path.join(root, 'usr')), /ENOENT/);
      assert.deepEqual(await fs.readdir(root), []);
      await make(folder, 'uninstall', `DESTDIR=${root}`);
    });

    it('takes PREFIX, and leaves what others put beside it', async () => {
      const folder = await unpack('bin');
      const root = await temporaryFolder();
      await fs.mkdir(path.join(root, 'opt/tool/bin'), { recursive: true });
      await fs.writeFile(path.join(root, 'opt/tool/bin/other'), '');
      const where = [`DESTDIR=${root}`, 'PREFIX=/opt/tool'];
      await make(folder, 'install', ...where);
      const present = (await files(root)).map((line) => line.split(' ')[0]);
      assert.ok(present.includes('opt/tool/bin/falco'));
      assert.ok(present.includes('opt/tool/lib/falco/libcarried.so.1'));
      assert.ok(present.includes('etc/falco/falco.yaml'));
      assert.ok(present.includes('usr/src/falco-3aa7a83/main.c'));
      await make(folder, 'uninstall', ...where);
      assert.deepEqual(await files(root), ['opt/tool/bin/other 644']);
      assert.deepEqual(await fs.readdir(root), ['opt']);
    });

    it('keeps a configuration file that is there, puts the new one beside it, and replaces rules', async () => {
      const folder = await unpack('bin');
      const root = await temporaryFolder();
      const etc = path.join(root, 'etc/falco');
      await make(folder, 'install', `DESTDIR=${root}`);
      await fs.writeFile(path.join(etc, 'falco.yaml'), 'mine: true\n');
      await fs.writeFile(path.join(etc, 'falco_rules.yaml'), 'old\n');
      const said = await make(folder, 'install', `DESTDIR=${root}`);
      assert.equal(said, `${etc}/falco.yaml is kept; the new one is ${etc}/falco.yaml.new\n`);
      assert.equal(await fs.readFile(path.join(etc, 'falco.yaml'), 'utf8'), 'mine: true\n');
      assert.equal(await fs.readFile(path.join(etc, 'falco.yaml.new'), 'utf8'), 'json_output: false\n');
      assert.equal(await fs.readFile(path.join(etc, 'falco_rules.yaml'), 'utf8'), '- list: one\n');
      await make(folder, 'uninstall', `DESTDIR=${root}`);
      assert.deepEqual(await fs.readdir(root), []);
    });

    it('is told by INSTALL in commands that can be run', async () => {
      assert.deepEqual(await commands(await unpack('bin')), [
        'make install',
        'falco --version',
        'make uninstall',
      ]);
    });
  });

  describe('module-src', () => {
    it('builds from the driver’s own Makefile, installs without dkms, and uninstalls', async () => {
      const folder = await unpack('module-src');
      const root = await temporaryFolder();
      const args = [`KERNELDIR=${await kernel()}`, `DESTDIR=${root}`];
      assert.deepEqual(await commands(folder), ['make', 'make install', 'make uninstall']);
      await make(folder, ...args);
      assert.match(await fs.readFile(path.join(folder, 'falco.ko'), 'utf8'), /MODULE_LICENSE/);
      await make(folder, 'install', ...args);
      assert.deepEqual(await files(root), ['lib/modules/6.0.0-test/extra/falco.ko 644']);
      await make(folder, 'uninstall', ...args);
      assert.deepEqual(await fs.readdir(root), []);
    });

    it('gives dkms the sources, without what a build left', async () => {
      const folder = await unpack('module-src');
      const root = await temporaryFolder();
      const tools = await temporaryFolder();
      const dkms = path.join(tools, 'dkms');
      await fs.writeFile(dkms, DKMS, { mode: 0o755 });
      const kernelDir = await kernel();
      const args = [`KERNELDIR=${kernelDir}`, `DESTDIR=${root}`];
      await make(folder, ...args);
      await run('make', ['-C', folder, 'install', `DKMS=${dkms}`, ...args], {
        env: { ...process.env, CALLS: path.join(tools, 'calls') },
      });
      assert.deepEqual(
        (await files(root)).map((line) => line.split(' ')[0]),
        ['INSTALL', 'Kbuild', 'Makefile', 'dkms.conf', 'driver_config.h', 'main.c'].map(
          (name) => `usr/src/falco-3aa7a83/${name}`,
        ),
      );
      assert.deepEqual((await fs.readFile(path.join(tools, 'calls'), 'utf8')).trim().split('\n'), [
        'add -m falco -v 3aa7a83',
        `build -m falco -v 3aa7a83 -k 6.0.0-test --kernelsourcedir ${kernelDir}`,
        `install --force -m falco -v 3aa7a83 -k 6.0.0-test --kernelsourcedir ${kernelDir}`,
      ]);
    });

    it('says what is missing where there are no headers', async () => {
      const folder = await unpack('module-src');
      await assert.rejects(
        make(folder, 'KERNELRELEASE=9.9.9'),
        /No headers of kernel 9\.9\.9 in \/lib\/modules\/9\.9\.9\/build: install them\n\(linux-headers-9\.9\.9 or kernel-devel-9\.9\.9\)/,
      );
    });
  });

  describe('bpf-src', () => {
    it('compiles by the probe’s own Makefile, installs where the program looks, and uninstalls', async () => {
      const folder = await unpack('bpf-src');
      const root = await temporaryFolder();
      const compiler = path.join(root, 'compiler');
      await fs.writeFile(compiler, '#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\necho probe >"$2"\n', {
        mode: 0o755,
      });
      const args = [`KERNELDIR=${await kernel()}`, `CLANG=${compiler}`, `DESTDIR=${root}/dest`, 'HOME=/root'];
      assert.deepEqual(await commands(folder), ['make', 'make install', 'make uninstall']);
      await make(folder, ...args);
      await make(folder, 'install', ...args);
      assert.deepEqual(await files(path.join(root, 'dest')), ['root/.falco/falco-bpf.o 644']);
      await make(folder, 'uninstall', ...args);
      assert.deepEqual(await fs.readdir(path.join(root, 'dest')), []);
    });
  });
});
