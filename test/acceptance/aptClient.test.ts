/** The debs under the real apt-get, from the signed repository, in a Debian that has what they depend on. Needs root. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { removeFolders } from '../unit/packaging/fixture';
import { AptClient, aptClient } from './clients';
import { legacyDeb } from './legacyPackages';
import { forgetPackages, moduleIn, moduleOut, NEW, OLD } from './packageFiles';
import { WANTS } from './packageRoot';
import { Published, publishReleases } from './publishedPackages';

const CONFIG = 'etc/falco/falco.yaml';

describe('apt-get, with signed-by', function () {
  this.timeout(300_000); // The first root on a machine is made from packages.
  let published: Published;
  let client: AptClient;
  let clean: string[];

  before(async () => {
    published = await publishReleases(OLD, NEW);
  });
  beforeEach(async () => {
    client = await aptClient(published, { include: ['dkms'] });
    // All that they depend on is there: the distribution's own lists need not be fetched each time.
    await fs.rm(path.join(client.root.folder, 'etc/apt/sources.list'));
    clean = await client.root.listing();
  });
  afterEach(() => client.remove());
  after(async () => {
    forgetPackages();
    await removeFolders();
  });

  const added = async () =>
    (await client.root.listing()).filter((file) => !clean.includes(file) && !/^\/etc\/apt\//.test(file));
  const installed = async () =>
    (await client.chroot('dpkg-query', '-W', '-f', '${Package} ${Version} ${Status}\n', 'falco*'))
      .split('\n')
      .filter((line) => line.endsWith(' ok installed'));
  const purge = () => client.chroot('apt-get', 'purge', '-q', '-y', 'falco*');

  for (const [asked, found] of [
    ['falco', 'falco'],
    ['falco-module', 'falco'],
    ['falco-bpf', 'falco-bpf'],
  ]) {
    it(`installs ${found} by the name ${asked}, which dpkg -V finds clean, and purge leaves nothing`, async () => {
      await client.install(asked);
      assert.deepEqual(await installed(), [`${found} 0.25.0 install ok installed`]);
      assert.equal(await client.chroot('dpkg', '-V', found), '');
      assert.equal(await client.chroot('falco'), 'falco version 0.25.0\n');
      await purge();
      assert.deepEqual(await added(), []);
    });
  }

  it('installs the version that is asked for, and upgrades it: configuration kept, rules new, started once', async () => {
    await client.install('falco=0.24.0');
    assert.deepEqual(await installed(), ['falco 0.24.0 install ok installed']);
    await client.root.write(CONFIG, 'mine: true\n');
    await client.root.recorded();
    await client.chroot('apt-get', 'upgrade', '-q', '-y', '-o', 'Dpkg::Options::=--force-confold');
    assert.deepEqual(await installed(), ['falco 0.25.0 install ok installed']);
    assert.equal(await client.root.read(CONFIG), 'mine: true\n');
    assert.equal(await client.root.read('etc/falco/falco_rules.yaml'), '- list: new\n');
    const { kernel } = client.root;
    assert.deepEqual(await client.root.recorded(), [
      'systemctl stop falco.service',
      moduleOut('aaa'),
      ...moduleIn('bbb', kernel),
      'systemctl start falco.service',
    ]);
  });

  it('installs the downloaded file by its path, under each of its names', async () => {
    for (const name of ['falco-0.25.0-bpf-amd64.deb', 'falco-0.25.0-amd64.deb']) {
      await fs.copyFile(published.fileOf(name), path.join(client.root.folder, name));
      await client.chroot('apt-get', 'install', '-q', '-y', '--no-install-recommends', `/${name}`);
      assert.equal((await installed()).length, 1);
      await purge();
      await fs.rm(path.join(client.root.folder, name));
    }
    assert.deepEqual(await added(), []);
  });

  it('switches module, bpf, module without leftovers, and keeps edited configuration', async () => {
    await client.install('falco');
    await client.root.write(CONFIG, 'mine: true\n');
    const withModule = await added();
    await client.install('falco-bpf');
    assert.deepEqual(await installed(), ['falco-bpf 0.25.0 install ok installed']);
    assert.equal(await client.root.exists('usr/src/falco-bbb/main.c'), false);
    assert.equal(await client.root.read(CONFIG), 'mine: true\n');
    await client.install('falco');
    assert.deepEqual(await installed(), ['falco 0.25.0 install ok installed']);
    assert.deepEqual(await added(), withModule);
    assert.equal(await client.root.read(CONFIG), 'mine: true\n');
    assert.deepEqual([await client.root.exists(WANTS), await client.root.exists('active')], [true, true]);
  });

  it('upgrades a falco-0.23.0-x86_64.deb that was made without our code', async () => {
    const deb = await legacyDeb();
    await client.root.dpkg('-i', deb);
    await client.root.write('active', '');
    await client.root.write(CONFIG, 'mine: true\n');
    await client.root.recorded();
    await client.chroot('apt-get', 'update', '-q');
    const keep = ['-o', 'Dpkg::Options::=--force-confold'];
    await client.chroot('apt-get', 'install', '-q', '-y', '--no-install-recommends', ...keep, 'falco');
    assert.deepEqual(await installed(), ['falco 0.25.0 install ok installed']);
    assert.equal(await client.root.read(CONFIG), 'mine: true\n');
    const recorded = await client.root.recorded();
    assert.deepEqual(
      recorded.filter((line) => line.startsWith('systemctl start')),
      ['systemctl start falco.service'],
    );
    await purge();
    assert.deepEqual(await added(), []);
  });

  it('runs maintainer scripts that may run again: the second time nothing is other than after the first', async () => {
    const script = (name: string, ...args: string[]) =>
      client.chroot(
        ...['env', 'DPKG_MAINTSCRIPT_PACKAGE=falco', `DPKG_MAINTSCRIPT_NAME=${name}`],
        ...[`/var/lib/dpkg/info/falco.${name}`, ...args],
      );
    await client.install('falco');
    const once = await added();
    for (const again of ['first', 'second']) {
      await script('postinst', 'configure', '0.25.0');
      assert.deepEqual(await added(), once, again);
    }
    await client.chroot('apt-get', 'remove', '-q', '-y', 'falco');
    for (const again of ['first', 'second']) {
      await script('postrm', 'remove');
      assert.equal(await client.root.exists(CONFIG), true, again);
    }
    await client.install('falco');
    assert.deepEqual(await added(), once);
    assert.equal(await client.root.exists('active'), true);
  });
});
