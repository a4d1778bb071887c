/** The debs on a Debian with its own dkms, compiler and kernel headers, where nothing is recorded. Needs root. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { removeFolders, run } from '../unit/packaging/fixture';
import { AptClient, aptClient } from './clients';
import { packageFile, VERSION } from './imageSet';
import { forgetPackages, NEW, OLD, packageOf } from './packageFiles';
import { ServedRepository, serveRepository } from './servedRepository';

const MACHINE = {
  ...{ systemd: false, dkms: false, headers: false },
  include: ['dkms', 'linux-headers-amd64'],
};

describe('debs on a Debian with dkms and kernel headers', function () {
  this.timeout(600_000); // The first root on a machine is made from packages.
  let repository: ServedRepository;
  let client: AptClient;
  /** The kernel that there are headers of; another one runs. */
  let kernel: string;

  before(async () => {
    const file = await packageFile('deb-module');
    repository = await serveRepository([{ key: 'deb-module', version: VERSION, file }]);
  });
  beforeEach(async () => {
    client = await aptClient(repository.outputs, MACHINE);
    const modules = await fs.readdir(path.join(client.root.folder, 'lib/modules'));
    kernel = modules.find((one) => one !== client.root.kernel) ?? '';
  });
  afterEach(() => client.remove());
  after(async () => {
    await repository.close();
    forgetPackages();
    await removeFolders();
  });

  /** Without the lists of apt, mounts, and what depmod keeps of all modules. */
  const listing = async () =>
    (await client.root.listing()).filter(
      (file) => !/^\/(var\/lib\/apt|proc|tmp|root)\/|\/modules\.[^/]+$/.test(file),
    );
  const modules = async () => (await client.chroot('dkms', 'status')).trim().split('\n').filter(Boolean);

  it('installs a downloaded file with the libraries it names, builds the module, and leaves nothing', async () => {
    const { root } = client;
    await client.apt('update', '--error-on=any');
    const clean = await listing();
    const name = `falco-${VERSION}-amd64.deb`;
    await fs.copyFile(await repository.download(name), path.join(root.folder, 'root', name));
    await client.apt('install', `/root/${name}`);
    assert.equal(await client.chroot('dpkg', '-V', 'falco'), '');
    assert.match(await client.chroot('falco', '--version'), new RegExp(`^Falco version: ${VERSION}$`, 'm'));
    assert.match(
      await client.chroot('falco', '-V', '/etc/falco/falco_rules.yaml'),
      /^\/etc\/falco\/falco_rules.yaml: Ok$/m,
    );
    const [status, ...more] = await modules();
    assert.match(status, new RegExp(`^falco/[0-9a-f]{40}, ${kernel}, x86_64: installed$`));
    assert.deepEqual(more, []);
    const built = `lib/modules/${kernel}/updates/dkms/falco.ko`;
    assert.ok((await root.exists(built)) || (await root.exists(`${built}.xz`)));

    // What dpkg-shlibdeps says here, where the libraries are the released ones, is what the package says.
    await root.write('tmp/debian/control', 'Source: x\n\nPackage: x\nArchitecture: any\n');
    const found = await client.chroot('sh', '-c', 'cd /tmp && dpkg-shlibdeps -O /usr/bin/falco');
    const depends = (await client.chroot('dpkg-query', '-W', '-f', '${Depends}', 'falco')).split(', ');
    const libraries = depends.filter((one) => !one.startsWith('dkms '));
    assert.deepEqual(libraries.sort(), /^shlibs:Depends=(.*)$/m.exec(found)?.[1].split(', ').sort());
    // Each library that the binary names is a file of a package that the deb names.
    const needed = [
      ...(await run('objdump', ['-p', path.join(root.folder, 'usr/bin/falco')])).stdout.matchAll(
        /^ +NEEDED +(\S+)$/gm,
      ),
    ].map(([, soname]) => soname);
    assert.ok(needed.includes('libc.so.6'));
    for (const soname of needed) {
      const owner = (await client.chroot('dpkg', '-S', `*/${soname}`)).split('\n')[0].replace(/:.*/, '');
      assert.ok(
        libraries.some((one) => one.split(' ')[0] === owner),
        `${soname} is of ${owner}, which is not in Depends: ${depends.join(', ')}`,
      );
    }

    await client.apt('purge', 'falco');
    await client.apt('autoremove', '--purge');
    assert.deepEqual(await modules(), []);
    assert.deepEqual(
      (await listing()).filter((file) => !clean.includes(file)),
      [],
    );
  });

  it('installs a module that does not compile, says what to do, and builds the one of the upgrade', async () => {
    const { root } = client;
    const text = await root.dpkg('-i', await packageOf('deb-module', { ...OLD, brokenModule: true }));
    assert.match(text, new RegExp(`falco: the module does not build for kernel ${kernel}\n`));
    assert.match(text, /1\. find the reason in \/var\/lib\/dkms\/falco\/aaa\/build\/make\.log/);
    assert.match(text, new RegExp(`the headers of kernel ${root.kernel} are not installed`));
    assert.match(await root.read('var/lib/dkms/falco/aaa/build/make.log'), /too old for this kernel/);
    assert.equal(
      (await root.chroot('dpkg-query', '-W', '-f', '${Status}', 'falco')).text,
      'install ok installed',
    );
    await root.dpkg('-i', await packageOf('deb-module', NEW));
    assert.deepEqual(await modules(), [`falco/bbb, ${kernel}, x86_64: installed`]);
    await root.dpkg('-i', await packageOf('deb-bpf', NEW));
    assert.deepEqual(await modules(), []);
    assert.deepEqual(
      (await listing()).filter((file) => /\/falco\.ko|\/dkms\/falco/.test(file)),
      [],
    );
  });
});
