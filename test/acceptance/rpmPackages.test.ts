/** The rpms under the real rpm and dnf of this machine, in a root that has a shell. Needs root. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { removeFolders, run, temporaryFolder } from '../unit/packaging/fixture';
import { forgetPackages, moduleIn, moduleOut, NEW, OLD, packageOf } from './packageFiles';
import { makePackageRoot, Output, PackageRoot, WANTS } from './packageRoot';

const CONFIG = 'etc/falco/falco.yaml';

/** What an rpm distribution provides, and none is to be had here. */
const STAND_IN = `name: stand-in
arch: x86_64
version: 1.0.0
maintainer: Nobody <nobody@localhost>
description: Stands for a distribution.
license: MIT
provides: [dkms, kernel-devel, systemd, /bin/sh, "libc.so.6()(64bit)", "libc.so.6(GLIBC_2.34)(64bit)"]
`;

describe('rpm packages', () => {
  let root: PackageRoot;
  let kernel: string;

  before(async function () {
    this.timeout(180_000); // The first root on a machine is made from packages.
    await (await makePackageRoot()).remove();
  });
  beforeEach(async () => {
    root = await makePackageRoot();
    kernel = root.kernel;
  });
  afterEach(() => root.remove());
  after(async () => {
    forgetPackages();
    await removeFolders();
  });

  async function rpm(...args: string[]): Promise<string> {
    // Dependencies are the business of dnf, below.
    const { status, text } = await root.here('rpm', '--root', root.folder, '--nodeps', ...args);
    if (status !== 0) throw new Error(`rpm ${args.join(' ')} failed (${status}):\n${text}`);
    return text;
  }
  const running = () => root.exists('active');
  /** The distribution's presets leave the unit disabled, and an administrator turns it on. */
  async function turnOn(): Promise<void> {
    await root.link('/usr/lib/systemd/system/falco.service', WANTS);
    await root.write('active', '');
    await root.recorded();
  }

  it('have digests that hold', async () => {
    for (const key of ['rpm-module', 'rpm-bpf']) {
      assert.match(
        (await run('rpm', ['-K', '--nosignature', await packageOf(key)])).stdout,
        /: digests OK$/m,
      );
    }
  });

  it('install and verify clean; the presets decide whether the unit is enabled', async () => {
    await rpm('-i', await packageOf('rpm-module'));
    assert.equal(await rpm('-V', 'falco'), '');
    assert.equal((await root.chroot('falco')).text, 'falco version 0.24.0\n');
    assert.deepEqual(await root.recorded(), ['systemctl preset falco.service', ...moduleIn('aaa', kernel)]);
    assert.equal(await running(), false);
  });

  it('upgrade: stop, old module out, new in, started once; edited configuration kept', async () => {
    await rpm('-i', await packageOf('rpm-module'));
    await turnOn();
    await root.write(CONFIG, 'mine: true\n');
    await root.write('proc/modules', 'falco 1 0\n');
    await rpm('-U', await packageOf('rpm-module', NEW));
    assert.deepEqual(await root.recorded(), [
      'systemctl stop falco.service',
      'rmmod falco',
      moduleOut('aaa'),
      ...moduleIn('bbb', kernel),
      'systemctl start falco.service',
    ]);
    assert.equal(await root.read(CONFIG), 'mine: true\n');
    assert.equal(await root.read('etc/falco/falco_rules.yaml'), '- list: new\n');
    assert.equal(await root.exists('usr/src/falco-aaa'), false);
  });

  it('upgrade to the same driver version, whose module is built anew', async () => {
    await rpm('-i', await packageOf('rpm-module'));
    await root.recorded();
    await rpm('-U', await packageOf('rpm-module', { ...NEW, driverVersion: 'aaa' }));
    assert.deepEqual(await root.recorded(), [moduleOut('aaa'), ...moduleIn('aaa', kernel)]);
    assert.equal(await root.exists('usr/src/falco-aaa/main.c'), true);
  });

  it('leave a stopped and a masked service so', async () => {
    await rpm('-i', await packageOf('rpm-bpf'));
    await root.link('/dev/null', 'etc/systemd/system/falco.service');
    await root.recorded();
    await rpm('-U', await packageOf('rpm-bpf', NEW));
    assert.deepEqual(await root.recorded(), []);
  });

  it('bring the module in after a package of before, whose script takes all out', async () => {
    const work = await temporaryFolder();
    await fs.writeFile(path.join(work, 'preun'), 'echo "falco-driver-loader --clean" >>/recorded\n');
    await fs.writeFile(
      path.join(work, 'nfpm.yaml'),
      `${STAND_IN.replace('stand-in', 'falco').replace('1.0.0', '0.23.0')}scripts:\n  preremove: ${work}/preun\n`,
    );
    const before = path.join(work, 'falco-0.23.0-x86_64.rpm');
    await run('nfpm', ['package', '-p', 'rpm', '-f', path.join(work, 'nfpm.yaml'), '-t', before]);
    await rpm('-i', before);
    await root.write('active', '');
    await rpm('-U', await packageOf('rpm-module', NEW));
    assert.deepEqual(await root.recorded(), [
      'systemctl stop falco.service',
      'falco-driver-loader --clean',
      ...moduleIn('bbb', kernel),
      'systemctl start falco.service',
    ]);
  });

  it('leave nothing when they are erased, but edited configuration as .rpmsave', async () => {
    const clean = await root.listing();
    await rpm('-i', await packageOf('rpm-bpf'));
    await turnOn();
    await root.write('usr/src/falco-aaa/bpf/probe.o', '');
    await root.write('root/.falco/falco_centos_4.18.0_1.o', '');
    await rpm('-e', 'falco-bpf');
    assert.deepEqual(await root.recorded(), [
      'systemctl stop falco.service',
      'systemctl disable falco.service',
    ]);
    await rpm('-i', await packageOf('rpm-module'));
    await root.write(CONFIG, 'mine: true\n');
    await rpm('-e', 'falco');
    const left = (await root.listing()).filter((file) => !clean.includes(file));
    assert.deepEqual(
      left.filter((file) => !/^\/etc\/systemd|^\/root\/\.rpmdb/.test(file)),
      ['/etc/falco', '/etc/falco/falco.yaml.rpmsave'],
    );
  });

  it('install where the module does not build, and say what to do', async () => {
    await root.write('dkms-fails', '');
    const text = await rpm('-i', await packageOf('rpm-module'));
    assert.match(text, new RegExp(`falco: the module does not build for kernel ${kernel}\\n`));
    assert.match(text, /dnf swap falco falco-bpf/);
  });

  it('install, upgrade and go on a machine without kernel headers, dkms and systemd', async () => {
    const bare = await makePackageRoot({ systemd: false, dkms: false, headers: false });
    const at = ['--root', bare.folder, '--nodeps'];
    for (const args of [
      ['-i', await packageOf('rpm-module')],
      ['-U', await packageOf('rpm-module', NEW)],
      ['-e', 'falco'],
      ['-i', await packageOf('rpm-bpf')],
      ['-e', 'falco-bpf'],
    ]) {
      const { status, text } = await bare.here('rpm', ...at, ...args);
      assert.equal(status, 0, text);
    }
    assert.equal(await bare.exists('usr/src/falco-bbb'), false);
    await bare.remove();
  });

  it('are switched by dnf swap, with service and configuration as they were', async () => {
    const repository = await temporaryFolder();
    for (const release of [OLD, NEW]) {
      for (const key of ['rpm-module', 'rpm-bpf']) {
        const file = await packageOf(key, release);
        await fs.copyFile(file, path.join(repository, path.basename(file)));
      }
    }
    const yaml = path.join(repository, 'nfpm.yaml');
    await fs.writeFile(yaml, STAND_IN);
    await run('nfpm', ['package', '-p', 'rpm', '-f', yaml, '-t', path.join(repository, 'stand-in.rpm')]);
    await run('createrepo_c', ['--quiet', repository]);
    const dnf = async (...args: string[]): Promise<Output> => {
      const where = [`--installroot=${root.folder}`, '--releasever=9', '--setopt=reposdir=/nonexistent'];
      const from = [`--repofrompath=test,${repository}`, '--repo=test', '--setopt=test.gpgcheck=0'];
      const done = await root.here(
        'dnf',
        '-y',
        ...where,
        ...from,
        `--setopt=cachedir=${repository}/cache`,
        ...args,
      );
      assert.equal(done.status, 0, done.text);
      return done;
    };
    const files = async () => (await root.here('rpm', '--root', root.folder, '-ql', 'falco')).text;
    await dnf('install', 'falco-0.24.0');
    await turnOn();
    await root.write(CONFIG, 'mine: true\n');
    await dnf('upgrade', 'falco');
    const withModule = await files();
    await root.recorded();

    await dnf('swap', 'falco', 'falco-bpf');
    assert.deepEqual(await root.recorded(), [
      'systemctl stop falco.service',
      moduleOut('bbb'),
      'systemctl start falco.service',
    ]);
    assert.deepEqual(
      [await root.exists('usr/src/falco-bbb/main.c'), await root.exists('usr/src/falco-bbb/bpf/probe.c')],
      [false, true],
    );

    await dnf('swap', 'falco-bpf', 'falco');
    assert.deepEqual(await root.recorded(), [
      'systemctl stop falco.service',
      ...moduleIn('bbb', kernel),
      'systemctl start falco.service',
    ]);
    assert.deepEqual([await root.exists(WANTS), await running()], [true, true]);
    assert.equal(await root.read(CONFIG), 'mine: true\n');
    assert.equal(await files(), withModule);
    const { text } = await root.here('rpm', '--root', root.folder, '-V', '--nodeps', 'falco');
    assert.equal(text, 'S.5....T.  c /etc/falco/falco.yaml\n');

    await root.recorded();
    await dnf('remove', 'falco');
    assert.deepEqual(await root.recorded(), [
      'systemctl stop falco.service',
      'systemctl disable falco.service',
      moduleOut('bbb'),
    ]);
  });
});
