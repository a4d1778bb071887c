/**
 * The debs under the real apt-get, in a clean Debian root that knows the signed repository by URL and key. No program
 * has a terminal or DEBIAN_FRONTEND, and stdin never ends: what asks anything runs into the time limit. Needs root.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { createLocalKey, openSigner } from '../../provider/gpg';
import { removeFolders, temporaryFolder } from '../unit/packaging/fixture';
import { AptClient, aptClient } from './clients';
import { legacyDeb } from './legacyPackages';
import { ALL_TWICE, forgetPackages, KILLS_ITS_CALLER, moduleIn, moduleOut } from './packageFiles';
import { NEW, OLD, packageOf, Release } from './packageFiles';
import { PackageRoot, WANTS } from './packageRoot';
import { Made, ServedRepository, serveRepository } from './servedRepository';

const CONFIG = 'etc/falco/falco.yaml';
const OTHER_CONFIG = 'json_output: true\n';

const debsOf = async (release: Release): Promise<Made[]> =>
  Promise.all(
    ['deb-module', 'deb-bpf'].map(async (key) => ({
      key,
      version: release.version,
      file: await packageOf(key, release),
    })),
  );

describe('debs by apt-get from the signed repository', () => {
  let repository: ServedRepository;
  let client: AptClient;
  let root: PackageRoot;
  let kernel: string;
  let clean: string[];

  before(async function () {
    this.timeout(180_000); // The first root on a machine is made from packages.
    repository = await serveRepository(await debsOf(OLD), await debsOf(NEW));
    await (await aptClient(repository.outputs, { alone: true })).remove();
  });
  beforeEach(async () => {
    client = await aptClient(repository.outputs, { alone: true });
    ({ root } = client);
    ({ kernel } = root);
    clean = await listing();
  });
  afterEach(() => client.remove());
  after(async () => {
    await repository.close();
    forgetPackages();
    await removeFolders();
  });

  /** Without what apt keeps for itself. */
  const listing = async (of = root) =>
    (await of.listing()).filter((file) => !/^\/(var\/lib\/apt|tmp)\//.test(file));
  const added = async () => (await listing()).filter((file) => !clean.includes(file));
  const enabledAndRunning = async (of = root) => [await of.exists(WANTS), await of.exists('active')];
  const statusOf = (name: string, of = root) => of.chroot('dpkg-query', '-W', '-f', '${Status}', name);
  const installed = async () =>
    (await client.chroot('dpkg-query', '-W', '-f', '${db:Status-Abbrev}${Package} ${Version}\n'))
      .split('\n')
      .filter((line) => /^ii +falco/.test(line))
      .map((line) => line.replace(/^ii +/, ''));

  for (const [asked, name] of [
    ['falco', 'falco'],
    ['falco-module', 'falco'],
    ['falco-bpf', 'falco-bpf'],
  ]) {
    it(`install by the name ${asked}, verify clean and start once`, async () => {
      await client.install(asked);
      assert.deepEqual(await installed(), [`${name} 0.25.0`]);
      assert.equal(await client.chroot('dpkg', '-V', name), '');
      assert.equal(await client.chroot('falco'), 'falco version 0.25.0\n');
      const module = name === 'falco' ? moduleIn('bbb', kernel) : [];
      assert.deepEqual(await root.recorded(), [...module, 'systemctl start falco.service']);
      assert.deepEqual(await enabledAndRunning(), [true, true]);
    });
  }

  it('install from the .sources file alone, which has the key in it', async () => {
    await fs.rm(path.join(root.folder, 'etc/apt/sources.list.d/release.list'));
    const sources = await (await fetch(repository.outputs.apt.sources)).text();
    assert.match(sources, /^Signed-By:$/m);
    await root.write('etc/apt/sources.list.d/falco.sources', sources);
    await client.install('falco');
    assert.deepEqual(await installed(), ['falco 0.25.0']);
  });

  it('are refused where signed-by names another key', async () => {
    const home = path.join(await temporaryFolder(), 'keys');
    await createLocalKey({ home, uid: 'Somebody else' });
    const other = await openSigner({ home, setting: 'test:key' });
    await root.write('etc/apt/keyrings/release.asc', (await other.publicKey()).toString());
    await assert.rejects(client.apt('update', '--error-on=any'), /NO_PUBKEY|not signed/);
    await assert.rejects(client.apt('install', 'falco'), /Unable to locate package falco/);
    assert.deepEqual(await added(), []);
  });

  it('install as a downloaded file, under its name without a driver and its legacy name', async () => {
    for (const name of ['falco-0.24.0-amd64.deb', 'falco-0.24.0-x86_64.deb']) {
      await root.write('root/nothing', '');
      await fs.copyFile(await repository.download(name), path.join(root.folder, 'root', name));
      await client.chroot('sh', '-c', `cd /root && exec apt-get install -y ./${name}`);
      assert.deepEqual(await installed(), ['falco 0.24.0']);
      assert.equal(await client.chroot('dpkg', '-V', 'falco'), '');
      await client.apt('purge', 'falco');
    }
  });

  it('upgrade: stop, old module out, new in, started once; edited configuration kept', async () => {
    await client.install('falco=0.24.0');
    await root.write(CONFIG, 'mine: true\n');
    await root.write('proc/modules', 'falco 1 0\n');
    await root.recorded();
    await client.apt('upgrade');
    assert.deepEqual(await installed(), ['falco 0.25.0']);
    assert.deepEqual(await root.recorded(), [
      'systemctl stop falco.service',
      'rmmod falco',
      moduleOut('aaa'),
      ...moduleIn('bbb', kernel),
      'systemctl start falco.service',
    ]);
    assert.equal(await root.read(CONFIG), 'mine: true\n');
    assert.deepEqual(await enabledAndRunning(), [true, true]);
    assert.deepEqual(
      (await added()).filter((file) => /aaa|dpkg-/.test(file)),
      [],
    );
  });

  it('upgrade the driver that is installed, and never switch by themselves', async () => {
    await client.install('falco-bpf=0.24.0');
    await client.apt('dist-upgrade');
    assert.deepEqual(await installed(), ['falco-bpf 0.25.0']);
  });

  it('keep edited configuration beside another default, and take the default where nothing was edited', async () => {
    const changed = await serveRepository(await debsOf({ ...NEW, config: OTHER_CONFIG }));
    const list = await root.read('etc/apt/sources.list.d/release.list');
    const [before, next] = [repository, changed].map(({ outputs }) => outputs.apt.url);
    try {
      for (const [edited, expected, beside] of [
        ['mine: true\n', 'mine: true\n', true],
        [undefined, OTHER_CONFIG, false],
      ] as const) {
        await root.write('etc/apt/sources.list.d/release.list', list);
        await client.install('falco=0.24.0');
        if (edited) await root.write(CONFIG, edited);
        await root.write('etc/apt/sources.list.d/release.list', list.replace(before, next));
        await client.apt('update');
        await client.apt('-o', 'Dpkg::Options::=--force-confold', 'upgrade');
        assert.equal(await root.read(CONFIG), expected);
        assert.equal(await root.exists(`${CONFIG}.dpkg-dist`), beside);
        await client.apt('purge', 'falco');
        assert.deepEqual(await added(), []);
      }
    } finally {
      await changed.close();
    }
  });

  it('switch module, bpf, module without leftovers, with service and edited configuration as they were', async () => {
    await client.install('falco');
    const withModule = await listing();
    await root.write(CONFIG, 'mine: true\n');
    await root.recorded();
    await client.apt('install', 'falco-bpf');
    assert.deepEqual(await installed(), ['falco-bpf 0.25.0']);
    assert.deepEqual(await root.recorded(), [
      'systemctl stop falco.service',
      moduleOut('bbb'),
      'systemctl start falco.service',
    ]);
    assert.deepEqual(
      (await added()).filter((file) => /main\.c|dkms\/falco|falco\.ko|doc\/falco$|dpkg-/.test(file)),
      [],
    );
    await client.apt('install', 'falco');
    assert.deepEqual(await installed(), ['falco 0.25.0']);
    assert.deepEqual(await root.recorded(), [
      'systemctl stop falco.service',
      ...moduleIn('bbb', kernel),
      'systemctl start falco.service',
    ]);
    assert.equal(await root.read(CONFIG), 'mine: true\n');
    assert.deepEqual(await enabledAndRunning(), [true, true]);
    assert.deepEqual(await listing(), withModule);
    await client.apt('purge', 'falco', 'falco-bpf');
    assert.deepEqual(await added(), []);
  });

  it('leave the configuration when removed, nothing when purged, and install again after both', async () => {
    await client.install('falco');
    const whole = await listing();
    await root.write(CONFIG, 'mine: true\n');
    await client.apt('remove', 'falco');
    // Besides the configuration: whether the unit is enabled.
    assert.deepEqual(
      (await added()).filter(
        (file) => !/^\/(etc|var\/lib\/systemd\/deb-systemd-helper-enabled)\//.test(file),
      ),
      [],
    );
    assert.equal(await root.read(CONFIG), 'mine: true\n');
    await client.apt('install', 'falco');
    assert.deepEqual([await listing(), await root.read(CONFIG)], [whole, 'mine: true\n']);
    await root.write('etc/falco/rules.d/mine.yaml', '');
    await client.apt('purge', 'falco');
    assert.deepEqual(await added(), []);
    await client.apt('install', 'falco');
    await root.recorded();
    await client.apt('install', '--reinstall', 'falco');
    assert.deepEqual(await root.recorded(), [
      'systemctl stop falco.service',
      moduleOut('bbb'),
      ...moduleIn('bbb', kernel),
      'systemctl start falco.service',
    ]);
    assert.deepEqual(await listing(), whole);
    assert.equal(await client.chroot('dpkg', '-V', 'falco'), '');
  });

  it('upgrade a falco-0.23.0-x86_64.deb of before, with its sysvinit script and edited configuration', async () => {
    await root.dpkg('-i', await legacyDeb());
    await root.write('active', '');
    await root.write(CONFIG, 'mine: true\n');
    await root.recorded();
    await client.apt('update', '--error-on=any');
    await client.apt('-o', 'Dpkg::Options::=--force-confold', 'upgrade');
    assert.deepEqual(await installed(), ['falco 0.25.0']);
    assert.deepEqual(await root.recorded(), [
      moduleOut('zzz'),
      'systemctl stop falco.service',
      ...moduleIn('bbb', kernel),
      'systemctl start falco.service',
    ]);
    assert.equal(await root.read(CONFIG), 'mine: true\n');
    assert.equal(await root.read('etc/falco/falco_rules.yaml'), '- list: new\n');
    assert.equal((await enabledAndRunning())[0], true);
    assert.deepEqual(
      (await added()).filter((file) => /init\.d\/falco|rc\d\.d|falco-zzz/.test(file)),
      [],
    );
    await client.apt('purge', 'falco');
    assert.deepEqual(await added(), []);
  });

  it('upgrade a package of before to bpf too, without a question where nothing was edited', async () => {
    await root.dpkg('-i', await legacyDeb());
    await client.install('falco-bpf');
    assert.deepEqual(await installed(), ['falco-bpf 0.25.0']);
    assert.equal(await root.read(CONFIG), 'json_output: false\n');
    await client.apt('purge', 'falco-bpf', 'falco');
    assert.deepEqual(await added(), []);
  });

  it('leave a disabled service of before disabled when bpf comes in its place, and take no probe of before', async () => {
    await root.dpkg('-i', await legacyDeb());
    await client.chroot('update-rc.d', 'falco', 'disable');
    await root.write('root/.falco/falco_debian_6.1.0_1.o', '');
    await root.recorded();
    await client.install('falco-bpf');
    assert.deepEqual(await enabledAndRunning(), [false, false]);
    assert.ok(!(await root.recorded()).includes('systemctl start falco.service'));
    assert.equal(await root.exists('root/.falco'), false);
    await client.apt('purge', 'falco-bpf', 'falco');
    assert.deepEqual(await added(), []);
  });

  it('are configured again by dpkg-reconfigure, as often as one likes', async () => {
    await client.install('falco');
    const whole = await listing();
    for (const round of [1, 2]) {
      await client.chroot('dpkg-reconfigure', 'falco');
      assert.deepEqual(await enabledAndRunning(), [true, true], `round ${round}`);
      assert.deepEqual(await listing(), whole);
    }
    assert.equal((await statusOf('falco')).text, 'install ok installed');
  });

  it('come out the same when every maintainer script runs twice', async () => {
    const twice = await aptClient(repository.outputs, { alone: true });
    const both = async (args: string[], key?: string, release = OLD) => {
      await root.dpkg(...args, ...(key ? [await packageOf(key, release)] : []));
      const doubled = { ...release, scriptHeads: ALL_TWICE };
      await twice.root.dpkg(...args, ...(key ? [await packageOf(key, doubled)] : []));
      assert.deepEqual(await listing(twice.root), await listing());
      assert.deepEqual(await enabledAndRunning(twice.root), await enabledAndRunning());
    };
    try {
      await both(['-i'], 'deb-module', OLD);
      assert.equal((await twice.root.recorded()).filter((line) => line.startsWith('dkms add')).length, 2);
      await both(['-i'], 'deb-module', NEW);
      await both(['-i'], 'deb-bpf', NEW);
      await both(['-i'], 'deb-module', NEW);
      await both(['--remove', 'falco']);
      await both(['-i'], 'deb-module', NEW);
      await both(['--purge', 'falco', 'falco-bpf']);
      assert.deepEqual(await added(), []);
    } finally {
      await twice.remove();
    }
  });

  for (const moment of ['preremove', 'postinstall'] as const) {
    it(`finish an upgrade whose dpkg was killed in ${moment}, started once`, async () => {
      // The service is stopped by then in both: the old package's script has run, or the new one's.
      const heads = { scriptHeads: { [moment]: KILLS_ITS_CALLER } };
      const [before, next] =
        moment === 'preremove' ? [{ ...OLD, ...heads }, NEW] : [OLD, { ...NEW, ...heads }];
      await root.dpkg('-i', await packageOf('deb-module', before));
      await root.recorded();
      await root.write('kill-here', '');
      await assert.rejects(root.dpkg('-i', await packageOf('deb-module', next)), /failed \(-1\)/);
      // dpkg finishes a configuration by itself; a package whose unpacking was interrupted must come again.
      const { status } = await root.chroot('dpkg', '--configure', '-a');
      assert.equal(status, moment === 'postinstall' ? 0 : 1);
      await client.install('falco');
      assert.deepEqual(await installed(), ['falco 0.25.0']);
      const recorded = await root.recorded();
      assert.deepEqual(
        recorded.filter((line) => line.startsWith('systemctl')),
        ['systemctl stop falco.service', 'systemctl start falco.service'],
      );
      assert.deepEqual(recorded.slice(-4), [...moduleIn('bbb', kernel), 'systemctl start falco.service']);
      assert.equal(await client.chroot('dpkg', '-V', 'falco'), '');
      await client.apt('purge', 'falco');
      assert.deepEqual(await added(), []);
    });
  }
});
