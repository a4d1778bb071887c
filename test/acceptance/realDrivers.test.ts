/**
 * The driver sources of Falco itself, as Debian's falcosecurity-scap-dkms installs them, in an install tree beside the
 * example's programs: compiled by our packages with the real dkms and clang, against Debian's kernel headers.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { catalog } from '../../catalog';
import type { Facts } from '../../provider/buildkit';
import { buildInstallTree } from '../../provider/buildkit';
import { EPOCH, removeFolders, run, temporaryFolder } from '../unit/packaging/fixture';
import { CompilerRoot, makeCompilerRoot } from './compilerRoot';
import { image, packageOfTree, place, PROJECT, tree, VERSION } from './imageSet';

/** The example's tree with Debian's driver sources, through the pipeline as `--tree` does it. */
async function realTree(): Promise<{ folder: string; facts: Facts }> {
  const work = await temporaryFolder();
  await run('apt-get', ['download', '-q', 'falcosecurity-scap-dkms'], { cwd: work });
  const [deb] = (await fs.readdir(work)).filter((name) => name.endsWith('.deb'));
  await run('dpkg-deb', ['-x', path.join(work, deb), path.join(work, 'package')]);
  const given = path.join(work, 'tree');
  await fs.cp(path.join((await tree()).folder, 'tree'), given, { recursive: true, verbatimSymlinks: true });
  await fs.rm(path.join(given, 'usr/src'), { recursive: true });
  await fs.cp(path.join(work, 'package/usr/src'), path.join(given, 'usr/src'), { recursive: true });
  const tar = path.join(work, 'tree.tar');
  await run('tar', ['-cf', tar, '-C', given, '.']);
  const folder = path.join(work, 'out');
  const facts = await buildInstallTree({
    address: (await place()).buildkit,
    dockerfileDir: path.join(PROJECT, 'dockerfiles/install-tree'),
    builder: await image('falco-builder'),
    tree: tar,
    extra: {},
    cmakeArgs: [],
    version: VERSION,
    versionVariable: catalog.layout.versionVariable,
    binary: catalog.layout.binary,
    product: catalog.product.name,
    epoch: EPOCH,
    outDir: folder,
  });
  return { folder, facts };
}

describe('real drivers', function () {
  this.timeout(600_000);
  let machine: CompilerRoot;
  let real: { folder: string; facts: Facts };

  before(async () => {
    real = await realTree();
    machine = await makeCompilerRoot();
  });
  after(async () => {
    await machine.remove();
    await removeFolders();
  });

  it('are found under the name and version that they have', () => {
    assert.match(real.facts.driver?.dir ?? '', /^usr\/src\/scap-/);
    assert.equal(real.facts.driver?.dir, `usr/src/scap-${real.facts.driver?.version}`);
  });

  it('build by dkms when the module deb is installed, for the kernel of Debian', async () => {
    const file = await packageOfTree('deb-module', real);
    const { root, kernel } = machine;
    const before = await root.listing();
    const text = await root.dpkg('-i', file);
    assert.doesNotMatch(text, /does not build/, await makeLog());
    const version = real.facts.driver?.version ?? '';
    const status = await machine.sh('/', 'dkms status -m scap');
    assert.ok(status.includes(`scap/${version}, ${kernel}`) && status.includes('installed'), status);
    const module = (await machine.sh('/', `modinfo -k ${kernel} -F filename scap`)).trim();
    assert.match(module, /updates\/dkms\/scap\.ko(\.xz)?$/);
    await root.dpkg('--purge', 'falco');
    const left = (await root.listing()).filter((one) => !before.includes(one));
    assert.deepEqual(
      left.filter((one) => !/\/modules\.[a-z.]+$|^\/var\/lib\/dkms/.test(one)),
      [],
    );
  });

  /** Why dkms failed, in the compiler's own words. */
  async function makeLog(): Promise<string> {
    const log = path.join(
      machine.root.folder,
      `var/lib/dkms/scap/${real.facts.driver?.version}/build/make.log`,
    );
    const text = await fs.readFile(log, 'utf8').catch(() => 'dkms left no make.log');
    return text
      .split('\n')
      .filter((line) => /error/i.test(line))
      .slice(0, 10)
      .join('\n');
  }

  it('build from the module tarball', async () => {
    const folder = await machine.unpack(await packageOfTree('module-src', real));
    await machine.sh(folder, 'make');
    assert.match(
      (await run('modinfo', ['-F', 'vermagic', path.join(machine.root.folder, folder, 'scap.ko')])).stdout,
      new RegExp(`^${machine.kernel.replace(/\./g, '\\.')} `),
    );
  });

  it('build as a probe from the bpf tarball, by clang', async () => {
    const folder = await machine.unpack(await packageOfTree('bpf-src', real));
    await machine.sh(folder, 'make');
    const probe = path.join(machine.root.folder, folder, 'bpf/probe.o');
    assert.match((await run('readelf', ['-h', probe])).stdout, /Machine: +Linux BPF/);
  });

  it('build as a probe from the sources that the bpf deb installs', async () => {
    const { root, kernel } = machine;
    await root.dpkg('-i', await packageOfTree('deb-bpf', real));
    const folder = `/${real.facts.driver?.dir}/bpf`;
    await machine.sh(folder, `make KERNELDIR=/lib/modules/${kernel}/build`);
    assert.equal(await root.exists(`${folder}/probe.o`), true);
    await root.dpkg('--purge', 'falco-bpf');
    assert.equal(await root.exists(folder), false);
  });
});
