/** The rpms under the real dnf and rpm, from the signed repository, in an empty root with a stand-in distribution. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { createLocalKey, openSigner } from '../../provider/gpg';
import { removeFolders, run, temporaryFolder } from '../unit/packaging/fixture';
import { DnfClient, dnfClient } from './clients';
import { forgetPackages, NEW, OLD } from './packageFiles';
import { PROJECT } from './imageSet';
import { Published, publishReleases } from './publishedPackages';

const CONFIG = 'etc/falco/falco.yaml';

describe('dnf', function () {
  this.timeout(120_000);
  let published: Published;
  let client: DnfClient;

  before(async () => {
    published = await publishReleases(OLD, NEW);
  });
  beforeEach(async () => {
    client = await dnfClient(published, await temporaryFolder());
  });
  afterEach(() => client.remove());
  after(async () => {
    forgetPackages();
    await removeFolders();
  });

  const inside = (file: string) => path.join(client.root, file);
  const installed = async () =>
    (await client.query('-qa', '--qf', '%{NAME} %{VERSION}\n', 'falco*')).split('\n').filter(Boolean);
  const listing = async () => {
    const { stdout } = await run('find', [client.root, '-printf', '/%P\n'], { maxBuffer: 1 << 26 });
    return stdout
      .split('\n')
      .filter((file) => /falco/.test(file) && !/^\/var\/(cache|log|lib\/dnf)/.test(file));
  };
  const failure = (work: Promise<unknown>) =>
    work.then(
      () => assert.fail('it went well'),
      (error: Error & { stdout?: string; stderr?: string }) =>
        `${error.message}${error.stdout ?? ''}${error.stderr ?? ''}`,
    );

  for (const [asked, found] of [
    ['falco', 'falco'],
    ['falco-module', 'falco'],
    ['falco-bpf', 'falco-bpf'],
  ]) {
    it(`installs ${found} by the name ${asked}, which rpm -V finds clean, and leaves nothing when it is removed`, async () => {
      await client.install(asked);
      assert.deepEqual(await installed(), [`${found} 0.25.0`]);
      assert.equal(await client.query('-V', found), '');
      assert.equal((await run('chroot', [client.root, '/usr/bin/falco'])).stdout, 'falco version 0.25.0\n');
      await client.dnf('remove', found);
      assert.deepEqual(await listing(), []);
      await client.install(asked);
      assert.deepEqual(await installed(), [`${found} 0.25.0`]);
    });
  }

  it('installs the version that is asked for, and upgrades it, with edited configuration kept', async () => {
    await client.install('falco-0.24.0');
    await fs.writeFile(inside(CONFIG), 'mine: true\n');
    await client.dnf('upgrade');
    assert.deepEqual(await installed(), ['falco 0.25.0']);
    assert.equal(await fs.readFile(inside(CONFIG), 'utf8'), 'mine: true\n');
    assert.equal(await fs.readFile(inside('etc/falco/falco_rules.yaml'), 'utf8'), '- list: new\n');
    const { stdout } = await run('rpm', ['--root', client.root, '-V', 'falco']).catch(
      (error: unknown) => error as { stdout: string },
    );
    assert.equal(stdout, 'S.5....T.  c /etc/falco/falco.yaml\n');
    await client.dnf('remove', 'falco');
    assert.equal(await fs.readFile(inside(`${CONFIG}.rpmsave`), 'utf8'), 'mine: true\n');
  });

  it('installs the downloaded file, under each of its names', async () => {
    for (const name of ['falco-0.25.0-bpf-x86_64.rpm', 'falco-0.25.0-x86_64.rpm']) {
      await client.install(published.fileOf(name));
      const [one] = await installed();
      assert.match(one, / 0\.25\.0$/);
      await client.dnf('remove', one.split(' ')[0]);
    }
    assert.deepEqual(await listing(), []);
  });

  it('swaps falco for falco-bpf and back', async () => {
    await client.install('falco');
    const withModule = await listing();
    await client.dnf('swap', 'falco', 'falco-bpf');
    assert.deepEqual(await installed(), ['falco-bpf 0.25.0']);
    await client.dnf('swap', 'falco-bpf', 'falco');
    assert.deepEqual(await installed(), ['falco 0.25.0']);
    assert.deepEqual(await listing(), withModule);
  });

  for (const repoCheck of ['0', '1']) {
    it(`checks the packages' signatures with repo_gpgcheck=${repoCheck}, and refuses one that is not ours`, async () => {
      const text = await fs.readFile(client.repo, 'utf8');
      assert.match(text, /^gpgcheck=1$/m);
      await fs.writeFile(client.repo, text.replace(/^repo_gpgcheck=.*$/m, `repo_gpgcheck=${repoCheck}`));
      await client.install('falco-bpf');
      assert.deepEqual(await installed(), ['falco-bpf 0.25.0']);
      await client.dnf('remove', 'falco-bpf');
      const [bare, work] = [path.join(await temporaryFolder(), 'bare.rpm'), await temporaryFolder()];
      await fs.copyFile(published.fileOf('falco-0.25.0-bpf-x86_64.rpm'), bare);
      await run('rpmsign', ['--delsign', bare]);
      await fs.copyFile(bare, path.join(work, 'bare.rpm'));
      await run('createrepo_c', ['--quiet', work]);
      const unsigned = [`--repofrompath=unsigned,${work}`, '--repo=unsigned', '--repo=distribution'];
      assert.match(
        await failure(client.dnf(...unsigned, '--setopt=unsigned.gpgcheck=1', 'install', 'falco-bpf')),
        /is not signed/,
      );
      assert.deepEqual(await installed(), []);
    });
  }

  it('takes no index that another key signed', async () => {
    const text = await fs.readFile(client.repo, 'utf8');
    const home = path.join(await temporaryFolder(), 'gnupg');
    await createLocalKey({ home, uid: 'somebody else' });
    const other = path.join(await temporaryFolder(), 'other.asc');
    await fs.writeFile(other, await (await openSigner({ home, setting: 'test' })).publicKey());
    await fs.writeFile(
      client.repo,
      text
        .replace(/^gpgkey=.*$/m, `gpgkey=file://${other}`)
        .replace(/^repo_gpgcheck=.*$/m, 'repo_gpgcheck=1'),
    );
    assert.match(await failure(client.install('falco')), /repomd\.xml GPG signature verification error/);
    assert.deepEqual(await installed(), []);
  });

  it('upgrades a falco-0.23.0 rpm of before', async () => {
    const work = await temporaryFolder();
    const config = {
      name: 'falco',
      arch: 'x86_64',
      version: '0.23.0',
      maintainer: 'x <x@x>',
      description: 'x',
      license: 'x',
      contents: [
        { dst: '/etc/falco/falco.yaml', src: path.join(work, 'falco.yaml'), type: 'config|noreplace' },
      ],
    };
    await fs.writeFile(path.join(work, 'falco.yaml'), 'old: true\n');
    await fs.writeFile(path.join(work, 'nfpm.json'), JSON.stringify(config));
    const file = path.join(work, 'falco-0.23.0-x86_64.rpm');
    await run('nfpm', ['package', '-p', 'rpm', '-f', path.join(work, 'nfpm.json'), '-t', file]);
    await client.query('-i', '--nosignature', file);
    await fs.writeFile(inside(CONFIG), 'mine: true\n');
    await client.dnf('upgrade', 'falco');
    assert.deepEqual(await installed(), ['falco 0.25.0']);
    assert.equal(await fs.readFile(inside(CONFIG), 'utf8'), 'mine: true\n');
  });
});

describe('signed rpms', function () {
  this.timeout(60_000);
  let published: Published;

  before(async () => {
    published = await publishReleases(NEW);
  });
  after(async () => {
    forgetPackages();
    await removeFolders();
  });

  const RPMS = ['falco-0.25.0-module-x86_64.rpm', 'falco-0.25.0-bpf-x86_64.rpm'];

  it('are found good by rpm -K with the published key, and not without it', async () => {
    const database = await temporaryFolder();
    const check = (file: string) => run('rpm', ['--root', database, '-K', file]);
    for (const name of RPMS) {
      const { stdout } = await check(published.fileOf(name)).catch(
        (error: unknown) => error as { stdout: string },
      );
      assert.match(stdout, /SIGNATURES NOT OK/);
    }
    await run('rpm', ['--root', database, '--import', published.apt.key.replace(/^file:\/\//, '')]);
    for (const name of RPMS) {
      const file = published.fileOf(name);
      assert.equal((await check(file)).stdout, `${file}: digests signatures OK\n`);
    }
  });

  it('have one signature, OpenPGP v4 with SHA256, and SHA256 digests of header and payload', async () => {
    const format =
      '%{RSAHEADER:pgpsig}|%{SIGPGP:pgpsig}|%{SIGMD5}|%{SHA256HEADER}|%{PAYLOADDIGESTALGO}|%{FILEDIGESTALGO}';
    for (const name of RPMS) {
      const file = published.fileOf(name);
      const { stdout } = await run('rpm', ['-qp', '--nosignature', '--qf', format, file]);
      const [header, legacy, , sha256, payload, files] = stdout.split('|');
      assert.match(header, /^RSA\/SHA256, /);
      assert.equal(legacy, '(none)');
      assert.match(sha256, /^[0-9a-f]{64}$/);
      // RFC 4880, section 9.4: 8 is SHA256.
      assert.deepEqual([payload, files], ['8', '8']);
      const packets = await run('sh', [
        '-c',
        `rpm -qp --nosignature --qf '%{RSAHEADER:armor}' "$1" | gpg --list-packets`,
        'sh',
        file,
      ]);
      assert.match(packets.stdout, /version 4, created/);
      assert.match(packets.stdout, /digest algo 8/);
    }
  });

  it('have no rpmlint errors but those that packaging/rpm/rpmlint.toml justifies', async () => {
    for (const name of RPMS) {
      const config = path.join(PROJECT, 'packaging/rpm/rpmlint.toml');
      const { stdout } = await run('rpmlint', ['--config', config, published.fileOf(name)]).catch(
        (error: unknown) => error as { stdout: string },
      );
      assert.deepEqual(
        stdout.split('\n').filter((line) => /: E: /.test(line)),
        [],
      );
      assert.match(stdout, /\b0 errors, /);
    }
  });
});
