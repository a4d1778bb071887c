/** The rpms under the real rpm of this machine, in a root that has a shell; dnfClient.test.ts has dnf. Needs root. */
import assert from 'node:assert/strict';
import { removeFolders, run } from '../unit/packaging/fixture';
import { legacyRpm } from './legacyPackages';
import { ALL_TWICE, forgetPackages, moduleIn, moduleOut, NEW, OLD, packageOf, Release } from './packageFiles';
import { makePackageRoot, PackageRoot, WANTS } from './packageRoot';

const CONFIG = 'etc/falco/falco.yaml';

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
  async function turnOn(of = root): Promise<void> {
    await of.link('/usr/lib/systemd/system/falco.service', WANTS);
    await of.write('active', '');
    await of.recorded();
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

  it('keep edited configuration beside another default, and take the default where nothing was edited', async () => {
    const changed = await packageOf('rpm-module', { ...NEW, config: 'json_output: true\n' });
    for (const [edited, expected, beside] of [
      [undefined, 'json_output: true\n', false],
      ['mine: true\n', 'mine: true\n', true],
    ] as const) {
      await rpm('-i', await packageOf('rpm-module'));
      if (edited) await root.write(CONFIG, edited);
      await rpm('-U', changed);
      assert.equal(await root.read(CONFIG), expected);
      assert.equal(await root.exists(`${CONFIG}.rpmnew`), beside);
      await rpm('-e', 'falco');
    }
    assert.equal(await root.read(`${CONFIG}.rpmsave`), 'mine: true\n');
  });

  it('come out the same when every script runs twice', async () => {
    const twice = await makePackageRoot();
    const files = async (of: PackageRoot) =>
      (await of.listing()).filter((file) => !file.startsWith('/root/.rpmdb'));
    const both = async (args: string[], key?: string, release: Release = OLD) => {
      await rpm(...args, ...(key ? [await packageOf(key, release)] : []));
      const file = key ? [await packageOf(key, { ...release, scriptHeads: ALL_TWICE })] : [];
      const { status, text } = await twice.here('rpm', '--root', twice.folder, '--nodeps', ...args, ...file);
      assert.equal(status, 0, text);
      assert.doesNotMatch(text, /scriptlet failed/);
      assert.deepEqual(await files(twice), await files(root));
      assert.equal(await twice.exists('active'), await running());
    };
    try {
      await both(['-i'], 'rpm-module');
      assert.equal((await twice.recorded()).filter((line) => line.startsWith('dkms add')).length, 2);
      await turnOn();
      await turnOn(twice);
      await both(['-U'], 'rpm-module', NEW);
      assert.equal(await running(), true);
      await both(['-e', 'falco']);
      await both(['-i'], 'rpm-bpf', NEW);
      await both(['-e', 'falco-bpf']);
    } finally {
      await twice.remove();
    }
  });

  it('leave a stopped and a masked service so', async () => {
    await rpm('-i', await packageOf('rpm-bpf'));
    await root.link('/dev/null', 'etc/systemd/system/falco.service');
    await root.recorded();
    await rpm('-U', await packageOf('rpm-bpf', NEW));
    assert.deepEqual(await root.recorded(), []);
  });

  it('bring the module in after a package of before, whose script takes all out', async () => {
    await rpm('-i', await legacyRpm());
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
    await root.write('root/.falco/5.0.1+driver/x86_64/falco_centos_4.18.0_1.o', '');
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
});
