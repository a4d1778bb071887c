import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { buildPackage, PackageInput } from '../../../provider/formats/packageBuild';
import { makeTree, removeFolders, run, specFor, temporaryFolder } from './fixture';

const DATE = '2020-09-13 12:26';

async function build(key: string, input: PackageInput): Promise<string> {
  const spec = await specFor(key);
  const file = path.join(await temporaryFolder(), spec.fileName);
  await buildPackage(spec, input, file);
  return file;
}

/** `mode owner date name`, as tar lists them. */
async function listing(file: string): Promise<string[]> {
  const { stdout } = await run('tar', ['--utc', '--full-time', '-tvzf', file]);
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [, mode, owner, , , name] = /^(\S+) (\S+) +(\d+) (\S+ \S+) (.*)$/.exec(line) ?? [];
      assert.match(line, new RegExp(` ${DATE}:40 `));
      assert.equal(owner, 'root/root');
      return `${mode} ${name}`;
    });
}

async function sourceTar(files: Record<string, string>): Promise<string> {
  const folder = await temporaryFolder();
  const tree = path.join(folder, 'tree');
  for (const [name, text] of Object.entries(files)) {
    await fs.mkdir(path.dirname(path.join(tree, name)), { recursive: true });
    await fs.writeFile(path.join(tree, name), text);
  }
  await fs.symlink('falco.yaml', path.join(tree, 'link.yaml'));
  const names = (await run('find', ['.', '!', '-type', 'd', '-printf', '%P\\n'], { cwd: tree })).stdout;
  const list = path.join(folder, 'list');
  await fs.writeFile(list, names.split('\n').filter(Boolean).sort().join('\n'));
  await run('tar', ['-cf', path.join(folder, 'source.tar'), '-C', tree, '-T', list]);
  return path.join(folder, 'source.tar');
}

describe('tarballs', () => {
  let tree: string;

  before(async () => {
    tree = await makeTree();
  });
  after(removeFolders);

  it('has in bin the install tree, the carried libraries, INSTALL and Makefile below one folder', async () => {
    const top = 'falco-bin-0.24.0-x86';
    assert.deepEqual(await listing(await build('bin', { treeDir: tree })), [
      `drwxr-xr-x ${top}/`,
      `-rw-r--r-- ${top}/INSTALL`,
      `-rw-r--r-- ${top}/Makefile`,
      `drwxr-xr-x ${top}/etc/`,
      `drwxr-xr-x ${top}/etc/falco/`,
      `-rw-r--r-- ${top}/etc/falco/falco.yaml`,
      `-rw-r--r-- ${top}/etc/falco/falco_rules.local.yaml`,
      `-rw-r--r-- ${top}/etc/falco/falco_rules.yaml`,
      `drwxr-xr-x ${top}/etc/falco/rules.available/`,
      `-rw-r--r-- ${top}/etc/falco/rules.available/application_rules.yaml`,
      `drwxr-xr-x ${top}/etc/falco/rules.d/`,
      `drwxr-xr-x ${top}/usr/`,
      `drwxr-xr-x ${top}/usr/bin/`,
      `-rwxr-xr-x ${top}/usr/bin/falco`,
      `-rwxr-xr-x ${top}/usr/bin/falco-driver-loader`,
      `drwxr-xr-x ${top}/usr/lib/`,
      `drwxr-xr-x ${top}/usr/lib/falco/`,
      `-rwxr-xr-x ${top}/usr/lib/falco/libcarried.so.1`,
      `drwxr-xr-x ${top}/usr/share/`,
      `drwxr-xr-x ${top}/usr/share/falco/`,
      `drwxr-xr-x ${top}/usr/share/falco/plugins/`,
      `-rw-r--r-- ${top}/usr/share/falco/plugins/README`,
      `lrwxrwxrwx ${top}/usr/share/falco/plugins/README.link -> README`,
      `drwxr-xr-x ${top}/usr/src/`,
      `drwxr-xr-x ${top}/usr/src/falco-3aa7a83/`,
      `-rw-r--r-- ${top}/usr/src/falco-3aa7a83/Makefile`,
      `drwxr-xr-x ${top}/usr/src/falco-3aa7a83/bpf/`,
      `-rw-r--r-- ${top}/usr/src/falco-3aa7a83/bpf/Makefile`,
      `-rw-r--r-- ${top}/usr/src/falco-3aa7a83/bpf/maps.h`,
      `-rw-r--r-- ${top}/usr/src/falco-3aa7a83/bpf/probe.c`,
      `-rw-r--r-- ${top}/usr/src/falco-3aa7a83/dkms.conf`,
      `-rw-r--r-- ${top}/usr/src/falco-3aa7a83/driver_config.h`,
      `-rw-r--r-- ${top}/usr/src/falco-3aa7a83/main.c`,
    ]);
  });

  it('has in module-src the sources, with the driver’s Makefile as Kbuild beside ours', async () => {
    const file = await build('module-src', { treeDir: tree });
    const top = 'falco-module-src-0.24.0-x86';
    assert.deepEqual(
      (await listing(file)).map((line) => line.slice(11)),
      ['', 'INSTALL', 'Kbuild', 'Makefile', 'dkms.conf', 'driver_config.h', 'main.c'].map(
        (name) => `${top}/${name}`,
      ),
    );
    const { stdout } = await run('tar', ['-xzOf', file, `${top}/Kbuild`]);
    assert.match(stdout, /^obj-m := falco\.o$/m);
  });

  it('has in bpf-src the probe in bpf/ and the shared headers one level up', async () => {
    const top = 'falco-bpf-src-0.24.0-x86';
    assert.deepEqual(
      (await listing(await build('bpf-src', { treeDir: tree }))).map((line) => line.slice(11)),
      ['', 'INSTALL', 'Makefile', 'bpf/', 'bpf/Makefile', 'bpf/maps.h', 'bpf/probe.c', 'driver_config.h'].map(
        (name) => `${top}/${name}`,
      ),
    );
  });

  it('has in src the sources as given and INSTALL, sorted', async () => {
    const tar = await sourceTar({
      'CMakeLists.txt': 'project()\n',
      'falco.yaml': 'a\n',
      'z/deep/file': 'b\n',
    });
    const file = await build('src', { sourceTar: tar });
    const top = 'falco-src-0.24.0-x86';
    assert.deepEqual(await listing(file), [
      `drwxr-xr-x ${top}/`,
      `-rw-r--r-- ${top}/CMakeLists.txt`,
      `-rw-r--r-- ${top}/INSTALL`,
      `-rw-r--r-- ${top}/falco.yaml`,
      `lrwxrwxrwx ${top}/link.yaml -> falco.yaml`,
      `-rw-r--r-- ${top}/z/deep/file`,
    ]);
    assert.equal((await run('tar', ['-xzOf', file, `${top}/z/deep/file`])).stdout, 'b\n');
    const install = (await run('tar', ['-xzOf', file, `${top}/INSTALL`])).stdout;
    assert.match(install, /^ {4}cmake -S \. -B build .*-DFALCO_VERSION=0\.24\.0$/m);
  });

  it('leaves an INSTALL of the sources alone', async () => {
    const file = await build('src', {
      sourceTar: await sourceTar({ INSTALL: 'theirs\n', 'falco.yaml': 'a\n' }),
    });
    const top = 'falco-src-0.24.0-x86';
    assert.equal((await run('tar', ['-xzOf', file, `${top}/INSTALL`])).stdout, 'theirs\n');
    assert.equal((await listing(file)).filter((line) => line.endsWith('INSTALL')).length, 1);
  });

  it('has a gzip header without time and name', async () => {
    const head = (await fs.readFile(await build('bpf-src', { treeDir: tree }))).subarray(0, 10);
    assert.equal(head.subarray(0, 8).toString('hex'), '1f8b080000000000');
  });

  it('copies the debug symbols as they are', async () => {
    assert.equal(await fs.readFile(await build('debug', { treeDir: tree }), 'utf8'), 'symbols\n');
  });

  it('says what a package without its input lacks, and leaves no file', async () => {
    await assert.rejects(
      build('src', { treeDir: tree }),
      /package src .*: needs the sources, and there is only an install tree/,
    );
    await assert.rejects(build('bin', { sourceTar: 'x' }), /package bin .*: needs an install tree/);
    const spec = await specFor('bin');
    spec.texts[0].content = '@UNKNOWN@';
    const file = path.join(await temporaryFolder(), 'out.tar.gz');
    await assert.rejects(buildPackage(spec, { treeDir: tree }, file), /INSTALL: no value for @UNKNOWN@/);
    await assert.rejects(fs.stat(file), /ENOENT/);
  });

  it('refuses a text that the tree has already', async () => {
    const spec = await specFor('module-src');
    spec.select = [{ match: '^usr/src/[^/]+/(?!bpf/)', strip: '^usr/src/[^/]+/' }];
    await assert.rejects(
      buildPackage(spec, { treeDir: tree }, path.join(await temporaryFolder(), 'x')),
      /Makefile comes from the tree and from a second place/,
    );
  });
});
