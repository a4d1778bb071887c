/**
 * The rpms under the real dnf and rpm of this machine, which know the signed repository by its .repo file. What an
 * rpm distribution provides is a stand-in. No program has a terminal, and stdin never ends. Needs root.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { createLocalKey, openSigner, signRpm } from '../../provider/gpg';
import { EPOCH, removeFolders, run, temporaryFolder } from '../unit/packaging/fixture';
import { testSigner } from '../unit/publish/bench';
import { DnfClient, dnfClient, DnfOptions } from './clients';
import { legacyRpm } from './legacyPackages';
import { forgetPackages, moduleIn, moduleOut, NEW, OLD, packageOf, Release } from './packageFiles';
import { makePackageRoot, PackageRoot, WANTS } from './packageRoot';
import { Made, ServedRepository, serveRepository } from './servedRepository';

const CONFIG = 'etc/falco/falco.yaml';

const rpmsOf = async (release: Release): Promise<Made[]> =>
  Promise.all(
    ['rpm-module', 'rpm-bpf'].map(async (key) => ({
      key,
      version: release.version,
      file: await packageOf(key, release),
    })),
  );

describe('rpms by dnf', () => {
  let repository: ServedRepository;

  before(async function () {
    this.timeout(180_000); // The first root on a machine is made from packages.
    await (await makePackageRoot()).remove();
    repository = await serveRepository(await rpmsOf(OLD), await rpmsOf(NEW));
  });
  after(async () => {
    await repository.close();
    forgetPackages();
    await removeFolders();
  });

  const withoutIndexCheck = (repo: string) => repo.replace('repo_gpgcheck=1', 'repo_gpgcheck=0');

  /** A client for one test, in an empty root unless there is another. */
  async function withClient(
    options: DnfOptions,
    use: (client: DnfClient, work: string) => Promise<void>,
    of = repository,
  ): Promise<void> {
    const work = await temporaryFolder();
    const client = await dnfClient(of.outputs, work, options);
    try {
      await use(client, work);
    } finally {
      await client.remove();
    }
  }
  const installed = async (client: DnfClient) =>
    (await client.query('-qa', '--qf', '%{name} %{version}\n', 'falco*')).split('\n').filter(Boolean);

  describe('in an empty root', () => {
    for (const [asked, name, edit] of [
      ['falco', 'falco'],
      ['falco-module', 'falco'],
      ['falco-bpf', 'falco-bpf'],
      ['falco', 'falco', withoutIndexCheck],
    ] as const) {
      it(`install by the name ${asked} and verify clean, with gpgcheck=1 and repo_gpgcheck=${edit ? 0 : 1}`, () =>
        withClient({ edit }, async (client, work) => {
          const repo = await fs.readFile(path.join(work, 'repos/release.repo'), 'utf8');
          assert.match(repo, new RegExp(`^gpgcheck=1\nrepo_gpgcheck=${edit ? 0 : 1}$`, 'm'));
          await client.install(asked);
          assert.deepEqual(await installed(client), [`${name} 0.25.0`]);
          assert.equal(await client.query('-V', '--nodeps', name), '');
          const { stdout } = await run('chroot', [path.join(work, 'root'), '/usr/bin/falco']);
          assert.equal(stdout, 'falco version 0.25.0\n');
        }));
    }

    it('install as a downloaded file with what they require, under the name without a driver', () =>
      withClient({}, async (client) => {
        await client.install(await repository.download('falco-0.24.0-x86_64.rpm'));
        assert.deepEqual(await installed(client), ['falco 0.24.0']);
        assert.match(await client.query('-qa'), /^kernel-devel-1\.0\.0/m);
      }));

    it('are refused without a signature and with one of another key, whoever has signed the index', async () => {
      const home = path.join(await temporaryFolder(), 'keys');
      await createLocalKey({ home, uid: 'Somebody else' });
      const other = await openSigner({ home, setting: 'test:key' });
      const folder = await temporaryFolder();
      const file = path.join(folder, 'falco-bpf.rpm');
      // The user's .repo file, but for the place of the packages.
      const edit = (repo: string) =>
        withoutIndexCheck(repo).replace(/^mirrorlist=.*$/m, `baseurl=file://${folder}`);
      for (const [sign, message] of [
        [() => signRpm(file, other, EPOCH), /not correct|not installed|GPG check FAILED/],
        [() => run('rpmsign', ['--delsign', file]), /is not signed/],
      ] as const) {
        await fs.copyFile(await repository.download('falco-0.25.0-bpf-x86_64.rpm'), file);
        await sign();
        await run('createrepo_c', ['--quiet', folder]);
        await withClient({ edit }, async (client) => {
          await assert.rejects(client.install('falco-bpf'), message);
          assert.deepEqual(await installed(client), []);
        });
      }
    });

    it('are refused when the index was edited, and with repo_gpgcheck=0 when a package was', async () => {
      const changed = await serveRepository(await rpmsOf(OLD));
      try {
        const all = (await fs.readdir(changed.bucket, { recursive: true })).map((name) =>
          path.join(changed.bucket, name),
        );
        for (const name of all.filter((one) => one.endsWith('/repomd.xml'))) await fs.appendFile(name, '\n');
        await withClient(
          {},
          (client) => assert.rejects(client.install('falco'), /repomd\.xml GPG signature verification error/),
          changed,
        );
        const pooled = all.filter((one) => one.includes('/pool/') && one.endsWith('-module-x86_64.rpm'));
        assert.equal(pooled.length, 1);
        await run('rpmsign', ['--delsign', pooled[0]]);
        await withClient(
          { edit: withoutIndexCheck },
          (client) => assert.rejects(client.install('falco'), /Error downloading packages|checksum/),
          changed,
        );
      } finally {
        await changed.close();
      }
    });
  });

  describe('on a machine with systemd and dkms', () => {
    let root: PackageRoot;
    let client: DnfClient;
    let clean: string[];

    beforeEach(async () => {
      root = await makePackageRoot();
      client = await dnfClient(repository.outputs, await temporaryFolder(), { root });
      clean = await listing();
    });
    afterEach(async () => {
      await client.remove();
      await root.remove();
    });

    /** Without the databases of rpm and dnf. */
    const listing = async (of = root) =>
      (await of.listing()).filter((file) => !/^\/(root\/\.rpmdb|var\/lib\/dnf|etc\/dnf|tmp)/.test(file));
    const added = async () => (await listing()).filter((file) => !clean.includes(file));
    /** The distribution's presets leave the unit disabled, and an administrator turns it on. */
    async function turnOn(): Promise<void> {
      await root.link('/usr/lib/systemd/system/falco.service', WANTS);
      await root.write('active', '');
      await root.recorded();
    }

    it('upgrade: stop, old module out, new in, started once; edited configuration kept', async () => {
      await client.install('falco-0.24.0');
      await turnOn();
      await root.write(CONFIG, 'mine: true\n');
      await root.write('proc/modules', 'falco 1 0\n');
      await client.dnf('upgrade');
      assert.deepEqual(await installed(client), ['falco 0.25.0']);
      assert.deepEqual(await root.recorded(), [
        'systemctl stop falco.service',
        'rmmod falco',
        moduleOut('aaa'),
        ...moduleIn('bbb', root.kernel),
        'systemctl start falco.service',
      ]);
      assert.equal(await root.read(CONFIG), 'mine: true\n');
      assert.deepEqual(
        (await added()).filter((file) => /aaa|\.rpm(new|save)/.test(file)),
        [],
      );
    });

    it('upgrade a falco-0.23.0-x86_64.rpm of before, with its edited configuration', async () => {
      await client.dnf('install', await legacyRpm());
      await turnOn();
      await root.write(CONFIG, 'mine: true\n');
      await client.dnf('upgrade');
      assert.deepEqual(await installed(client), ['falco 0.25.0']);
      assert.deepEqual(await root.recorded(), [
        'systemctl stop falco.service',
        'falco-driver-loader --clean',
        ...moduleIn('bbb', root.kernel),
        'systemctl start falco.service',
      ]);
      assert.equal(await root.read(CONFIG), 'mine: true\n');
      assert.deepEqual(
        (await added()).filter((file) => /init\.d\/falco|falco-zzz/.test(file)),
        [],
      );
    });

    it('are switched by dnf swap and back, with service and configuration as they were', async () => {
      await client.install('falco');
      await turnOn();
      await root.write(CONFIG, 'mine: true\n');
      const withModule = await listing();
      await client.dnf('swap', 'falco', 'falco-bpf');
      assert.deepEqual(await installed(client), ['falco-bpf 0.25.0']);
      assert.deepEqual(await root.recorded(), [
        'systemctl stop falco.service',
        moduleOut('bbb'),
        'systemctl start falco.service',
      ]);
      assert.deepEqual(
        (await added()).filter((file) => /main\.c|dkms\/falco|falco\.ko|doc\/falco$|\.rpm/.test(file)),
        [],
      );
      await client.dnf('swap', 'falco-bpf', 'falco');
      assert.deepEqual(await installed(client), ['falco 0.25.0']);
      assert.deepEqual(await root.recorded(), [
        'systemctl stop falco.service',
        ...moduleIn('bbb', root.kernel),
        'systemctl start falco.service',
      ]);
      assert.deepEqual([await root.exists(WANTS), await root.exists('active')], [true, true]);
      assert.equal(await root.read(CONFIG), 'mine: true\n');
      assert.deepEqual(await listing(), withModule);
      const { text } = await root.here('rpm', '--root', root.folder, '-V', '--nodeps', 'falco');
      assert.equal(text, 'S.5....T.  c /etc/falco/falco.yaml\n');
    });

    it('leave nothing when they are erased, and install again after it and over themselves', async () => {
      await client.install('falco');
      await turnOn();
      const whole = await listing();
      await client.dnf('remove', 'falco');
      assert.deepEqual(await root.recorded(), [
        'systemctl stop falco.service',
        'systemctl disable falco.service',
        moduleOut('bbb'),
      ]);
      // Of the administrator's own making; systemd has removed the link that was in it.
      assert.deepEqual(
        (await added()).filter((file) => file !== '/etc/systemd/system/multi-user.target.wants'),
        [],
      );
      await client.install('falco');
      await turnOn();
      await client.dnf('reinstall', 'falco');
      assert.equal((await root.recorded()).filter((line) => line.startsWith('systemctl start')).length, 1);
      assert.equal(await root.exists('active'), true);
      assert.deepEqual(await listing(), whole);
      assert.equal(await client.query('-V', '--nodeps', 'falco'), '');
    });
  });

  describe('from the repository', () => {
    const FORMAT = {
      'header signature': '%{RSAHEADER:pgpsig}',
      'signature over header and payload': '%|SIGPGP?{yes}:{no}|',
      'header digest': '%{SHA256HEADER}',
      'payload digest': '%{PAYLOADDIGEST}',
      'algorithm of the payload digest': '%{PAYLOADDIGESTALGO}',
      'algorithm of the file digests': '%{FILEDIGESTALGO}',
    };

    it('have a signature that holds for who has imported the key, and for nobody else', async () => {
      const key = path.join(await temporaryFolder(), 'key.asc');
      const response = await fetch(repository.outputs.yum.key);
      await fs.writeFile(key, await response.text());
      const [with_, without] = [await temporaryFolder(), await temporaryFolder()];
      await run('rpmkeys', ['--dbpath', with_, '--import', key]);
      for (const name of ['falco-0.25.0-module-x86_64.rpm', 'falco-0.25.0-bpf-x86_64.rpm']) {
        const file = await repository.download(name);
        assert.equal(
          (await run('rpm', ['-K', '--dbpath', with_, file])).stdout,
          `${file}: digests signatures OK\n`,
        );
        await assert.rejects(run('rpm', ['-K', '--dbpath', without, file]), ({ code, stdout }) => {
          assert.equal(stdout, `${file}: digests SIGNATURES NOT OK\n`);
          return code === 1;
        });
        await run('rpmsign', ['--delsign', file]);
        assert.equal((await run('rpm', ['-K', '--dbpath', with_, file])).stdout, `${file}: digests OK\n`);
      }
    });

    it('carry an OpenPGP v4 signature of the header, and SHA-256 digests of header, payload and files', async () => {
      const { fingerprint } = await testSigner();
      for (const name of ['falco-0.25.0-module-x86_64.rpm', 'falco-0.25.0-bpf-x86_64.rpm']) {
        const file = await repository.download(name);
        const query = async (format: string) =>
          (await run('rpm', ['-qp', '--nosignature', '--qf', format, file])).stdout;
        const found: Record<string, string> = {};
        for (const [what, format] of Object.entries(FORMAT)) found[what] = await query(format);
        assert.match(
          found['header signature'],
          new RegExp(`^RSA/SHA256, .*, Key ID ${fingerprint.slice(-16).toLowerCase()}$`),
        );
        assert.equal(found['signature over header and payload'], 'no');
        assert.match(found['header digest'], /^[0-9a-f]{64}$/);
        assert.match(found['payload digest'], /^[0-9a-f]{64}$/);
        // OpenPGP's number of SHA-256 (RFC 4880, 9.4).
        assert.equal(found['algorithm of the payload digest'], '8');
        assert.equal(found['algorithm of the file digests'], '8');
        const signature = path.join(await temporaryFolder(), 'signature');
        await fs.writeFile(signature, Buffer.from((await query('%{RSAHEADER}')).trim(), 'hex'));
        const { stdout } = await run('gpg', ['--list-packets', signature]);
        assert.match(stdout, /version 4, /);
        assert.match(stdout, /digest algo 8, /);
      }
    });
  });
});
