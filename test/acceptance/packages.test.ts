/** The debs under the real dpkg, in a clean Debian root; aptClient.test.ts has them under apt-get. Needs root. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { removeFolders } from '../unit/packaging/fixture';
import { forgetPackages, moduleIn, moduleOut, NEW, packageOf } from './packageFiles';
import { makePackageRoot, PackageRoot, WANTS } from './packageRoot';

const CONFIG = 'etc/falco/falco.yaml';

before(async function () {
  this.timeout(180_000); // The first root on a machine is made from packages.
  await (await makePackageRoot()).remove();
});
after(async () => {
  forgetPackages();
  await removeFolders();
});

describe('deb packages', () => {
  let root: PackageRoot;
  let kernel: string;
  let clean: string[];

  beforeEach(async () => {
    root = await makePackageRoot();
    kernel = root.kernel;
    clean = await root.listing();
  });
  afterEach(() => root.remove());

  const added = async () => (await root.listing()).filter((file) => !clean.includes(file));
  const running = () => root.exists('active');
  const enabled = () => root.exists(WANTS);

  it('installs, verifies clean, and starts once', async () => {
    await root.dpkg('-i', await packageOf('deb-module'));
    assert.equal((await root.chroot('dpkg', '-V', 'falco')).text, '');
    assert.equal((await root.chroot('falco')).text, 'falco version 0.24.0\n');
    assert.deepEqual(await root.recorded(), [...moduleIn('aaa', kernel), 'systemctl start falco.service']);
    assert.deepEqual([await enabled(), await running()], [true, true]);
  });

  it('leaves nothing after a purge, also of what was compiled and edited', async () => {
    for (const key of ['deb-module', 'deb-bpf']) {
      const name = key === 'deb-bpf' ? 'falco-bpf' : 'falco';
      await root.dpkg('-i', await packageOf(key));
      const sources = key === 'deb-bpf' ? 'usr/src/falco-aaa/bpf' : 'usr/src/falco-aaa';
      for (const product of ['probe.o', '.probe.o.cmd', 'Module.symvers', '.tmp_versions/x.mod']) {
        await root.write(`${sources}/${product}`, '');
      }
      await root.write('root/.falco/falco_debian_6.1.0_1.o', '');
      // Where loaders since 2022 keep them.
      await root.write('root/.falco/5.0.1+driver/x86_64/falco_debian_6.1.0_1.o', '');
      await root.write('etc/falco/rules.d/mine.yaml', '');
      await root.write(CONFIG, 'mine: true\n');
      await root.dpkg('--remove', name);
      assert.equal(await running(), false);
      assert.equal(await root.read(CONFIG), 'mine: true\n');
      assert.equal(await root.exists('usr/src/falco-aaa'), false);
      await root.dpkg('--purge', name);
      assert.deepEqual(await added(), []);
    }
  });

  it('is installed again after it was removed, running and with its configuration', async () => {
    const file = await packageOf('deb-module');
    await root.dpkg('-i', file);
    await root.write(CONFIG, 'mine: true\n');
    await root.dpkg('--remove', 'falco');
    await root.recorded();
    await root.dpkg('-i', file);
    assert.deepEqual(await root.recorded(), [...moduleIn('aaa', kernel), 'systemctl start falco.service']);
    assert.equal(await root.read(CONFIG), 'mine: true\n');
  });

  it('upgrades: stop, old module out, new in, started once; edited configuration kept, rules new', async () => {
    await root.dpkg('-i', await packageOf('deb-module'));
    await root.write(CONFIG, 'mine: true\n');
    await root.write('proc/modules', 'falco 1 0\n');
    await root.recorded();
    await root.dpkg('-i', await packageOf('deb-module', NEW));
    assert.deepEqual(await root.recorded(), [
      'systemctl stop falco.service',
      'rmmod falco',
      moduleOut('aaa'),
      ...moduleIn('bbb', kernel),
      'systemctl start falco.service',
    ]);
    assert.equal(await root.read(CONFIG), 'mine: true\n');
    assert.equal(await root.read('etc/falco/falco_rules.yaml'), '- list: new\n');
    assert.deepEqual(
      (await added()).filter((file) => file.includes('aaa')),
      [],
    );
  });

  it('upgrades to the same driver version, whose module is built anew', async () => {
    await root.dpkg('-i', await packageOf('deb-module'));
    await root.recorded();
    await root.dpkg('-i', await packageOf('deb-module', { ...NEW, driverVersion: 'aaa' }));
    assert.deepEqual(await root.recorded(), [
      'systemctl stop falco.service',
      moduleOut('aaa'),
      ...moduleIn('aaa', kernel),
      'systemctl start falco.service',
    ]);
  });

  it('forgets compiled probes when the driver changes, and keeps them when it does not', async () => {
    const probe = 'root/.falco/falco_debian_6.1.0_1.o';
    await root.dpkg('-i', await packageOf('deb-bpf'));
    await root.write(probe, '');
    await root.dpkg('-i', await packageOf('deb-bpf', { ...NEW, driverVersion: 'aaa' }));
    assert.equal(await root.exists(probe), true);
    await root.dpkg('-i', await packageOf('deb-bpf', NEW));
    assert.equal(await root.exists('root/.falco'), false);
  });

  it('leaves a stopped, a disabled and a masked service so', async () => {
    const [before, next] = [await packageOf('deb-module'), await packageOf('deb-module', NEW)];
    await root.dpkg('-i', before);
    await root.systemctl('stop');
    await root.recorded();
    await root.dpkg('-i', next);
    assert.deepEqual(await root.recorded(), [moduleOut('aaa'), ...moduleIn('bbb', kernel)]);
    assert.equal(await enabled(), true);

    await root.systemctl('disable');
    await root.recorded();
    await root.dpkg('-i', before);
    assert.deepEqual(await root.recorded(), [moduleOut('bbb'), ...moduleIn('aaa', kernel)]);
    assert.equal(await enabled(), false);

    const mask = 'etc/systemd/system/falco.service';
    await root.link('/dev/null', mask);
    await root.dpkg('-i', next);
    await root.dpkg('--remove', 'falco');
    await root.dpkg('-i', next);
    assert.doesNotMatch((await root.recorded()).join('\n'), /systemctl start/);
    assert.equal(await fs.readlink(path.join(root.folder, mask)), '/dev/null');
  });

  it('starts again a service that runs although it is disabled', async () => {
    await root.dpkg('-i', await packageOf('deb-module'));
    await root.systemctl('disable');
    await root.recorded();
    await root.dpkg('-i', await packageOf('deb-module', NEW));
    assert.equal((await root.recorded()).at(-1), 'systemctl start falco.service');
    assert.deepEqual([await enabled(), await running()], [false, true]);
  });

  it('heeds a policy that forbids to start and stop services', async () => {
    await root.write('usr/sbin/policy-rc.d', '#!/bin/sh\nexit 101\n', 0o755);
    await root.dpkg('-i', await packageOf('deb-module'));
    assert.deepEqual(await root.recorded(), moduleIn('aaa', kernel));
    assert.equal(await enabled(), true);
  });

  it('switches module, bpf, module without leftovers, running all the while', async () => {
    const [module, bpf] = [await packageOf('deb-module'), await packageOf('deb-bpf')];
    await root.dpkg('-i', module);
    const withModule = await root.listing();
    await root.write(CONFIG, 'mine: true\n');
    await root.recorded();
    await root.dpkg('-i', bpf);
    assert.deepEqual(await root.recorded(), [
      'systemctl stop falco.service',
      moduleOut('aaa'),
      'systemctl start falco.service',
    ]);
    assert.deepEqual(
      (await added()).filter((file) => /main\.c|dkms\/falco|falco\.ko|doc\/falco$/.test(file)),
      [],
    );
    await root.dpkg('-i', module);
    assert.deepEqual(await root.recorded(), [
      'systemctl stop falco.service',
      ...moduleIn('aaa', kernel),
      'systemctl start falco.service',
    ]);
    assert.equal(await root.read(CONFIG), 'mine: true\n');
    assert.deepEqual([await enabled(), await running()], [true, true]);
    assert.deepEqual(await root.listing(), withModule);
    assert.equal((await root.chroot('dpkg', '-V', 'falco')).text.trim(), '??5?????? c /etc/falco/falco.yaml');
    // What is left of the other package is a line in dpkg's database; purging it takes nothing away.
    await root.dpkg('--purge', 'falco-bpf');
    assert.deepEqual(await root.listing(), withModule);
    await root.dpkg('--purge', 'falco');
    assert.deepEqual(await added(), []);
  });

  it('switches as apt does it, which removes the one before it unpacks the other', async () => {
    await root.dpkg('-i', await packageOf('deb-module'));
    await root.systemctl('disable');
    await root.dpkg('--remove', 'falco');
    await root.dpkg('-i', await packageOf('deb-bpf'));
    assert.equal(await enabled(), false);
    await root.dpkg('--remove', 'falco-bpf');
    await root.dpkg('-i', await packageOf('deb-module'));
    assert.deepEqual([await enabled(), await root.exists(CONFIG)], [false, true]);
    await root.dpkg('--purge', 'falco', 'falco-bpf');
    assert.deepEqual(await added(), []);
  });

  it('has its configuration again when it was purged with the other package', async () => {
    await root.dpkg('-i', await packageOf('deb-module'));
    await root.dpkg('-i', await packageOf('deb-bpf'));
    await root.dpkg('--purge', 'falco-bpf');
    await root.dpkg('-i', await packageOf('deb-module'));
    assert.equal(await root.read(CONFIG), 'json_output: false\n');
    assert.equal(await running(), true);
  });

  it('installs where the module does not build, and says what to do', async () => {
    await root.write('dkms-fails', '');
    const text = await root.dpkg('-i', await packageOf('deb-module'));
    assert.match(text, new RegExp(`falco: the module does not build for kernel ${kernel}\\n`));
    assert.match(text, /1\. find the reason in .*\/aaa\/build\/make\.log, and remove it/);
    assert.match(text, new RegExp(`dkms install -m falco -v aaa -k ${kernel}`));
    assert.match(text, /apt-get install falco-bpf/);
    assert.equal(
      (await root.chroot('dpkg-query', '-W', '-f', '${Status}', 'falco')).text,
      'install ok installed',
    );
    await root.dpkg('--purge', 'falco');
  });

  it('survives a lost dkms tree', async () => {
    await root.dpkg('-i', await packageOf('deb-module'));
    await fs.rm(path.join(root.folder, 'var/lib/dkms'), { recursive: true });
    await root.dpkg('-i', await packageOf('deb-module', NEW));
    await fs.rm(path.join(root.folder, 'var/lib/dkms/falco/bbb/source'));
    await root.dpkg('--purge', 'falco');
    assert.deepEqual(await added(), []);
  });

  it('finishes an installation that was interrupted', async () => {
    await root.dpkg('--unpack', await packageOf('deb-module'));
    await root.chroot('dkms', 'add', '-m', 'falco', '-v', 'aaa');
    await root.recorded();
    await root.dpkg('--configure', 'falco');
    assert.deepEqual(await root.recorded(), [
      moduleOut('aaa'),
      ...moduleIn('aaa', kernel),
      'systemctl start falco.service',
    ]);
  });
});

describe('deb packages on a machine without kernel headers, dkms and systemd', () => {
  it('install, upgrade, switch and purge', async () => {
    const root = await makePackageRoot({ systemd: false, dkms: false, headers: false });
    const clean = await root.listing();
    const text = await root.dpkg('-i', await packageOf('deb-module'));
    assert.match(text, /falco: dkms is not installed/);
    assert.equal(await root.exists(WANTS), true);
    await root.dpkg('-i', await packageOf('deb-module', NEW));
    await root.dpkg('-i', await packageOf('deb-bpf', NEW));
    await root.dpkg('-i', await packageOf('deb-module', NEW));
    await root.dpkg('--purge', 'falco', 'falco-bpf');
    assert.deepEqual(
      (await root.listing()).filter((file) => !clean.includes(file)),
      [],
    );
    assert.deepEqual(await root.recorded(), []);
    await root.remove();
  });

  it('say which headers are missing where dkms is there', async () => {
    const root = await makePackageRoot({ headers: false });
    const text = await root.dpkg('-i', await packageOf('deb-module'));
    assert.match(text, new RegExp(`the headers of kernel ${root.kernel} are not installed`));
    assert.match(
      text,
      new RegExp(`1\\. install the kernel's headers: apt-get install linux-headers-${root.kernel}\\n`),
    );
    assert.deepEqual(await root.recorded(), ['dkms add -m falco -v aaa', 'systemctl start falco.service']);
    await root.remove();
  });
});
