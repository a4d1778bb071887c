import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { catalog } from '../../../catalog';
import type { Product } from '../../../model';
import { buildPackage, PackageSpec } from '../../../provider/formats/packageBuild';
import { makePayloadRelative } from '../../../provider/formats/rpmPayload';
import { makeTree, removeFolders, run, specFor, SpecOptions, temporaryFolder } from './fixture';

const acme: Product = {
  ...catalog.product,
  name: 'acme-watch',
  title: 'Acme Watch',
  maintainer: 'Acme Builders <build@acme.example>',
  summary: 'Watches $HOME for $$',
  homepage: 'https://acme.example',
  vendor: 'Acme',
};

/** Names in a cpio archive of the "new ASCII" kind, without the trailer. */
function cpioNames(archive: Buffer): string[] {
  const names: string[] = [];
  const field = (at: number) => parseInt(archive.toString('latin1', at, at + 8), 16);
  const aligned = (at: number) => Math.ceil(at / 4) * 4;
  for (let at = 0; ;) {
    const end = at + 110 + field(at + 94);
    const name = archive.toString('utf8', at + 110, end - 1);
    if (name === 'TRAILER!!!') return names;
    names.push(name);
    at = aligned(aligned(end) + field(at + 54));
  }
}

describe('deb and rpm', () => {
  let tree: string;

  before(async () => {
    tree = await makeTree();
  });
  after(removeFolders);

  async function build(spec: PackageSpec, treeDir = tree): Promise<string> {
    const file = path.join(await temporaryFolder(), spec.fileName);
    await buildPackage(spec, { treeDir }, file);
    return file;
  }
  const make = async (key: string, options: SpecOptions = {}) => build(await specFor(key, options));
  const control = async (deb: string) =>
    (await run('dpkg-deb', ['-f', deb])).stdout.split('\n').filter(Boolean);
  const query = async (rpm: string, format: string) =>
    (await run('rpm', ['-qp', '--nosignature', '--qf', format, rpm])).stdout.split('\n').filter(Boolean);

  it('gives the module deb the name, version and relations that users’ commands need', async () => {
    assert.deepEqual(await control(await make('deb-module')), [
      'Package: falco',
      'Version: 0.24.0',
      'Section: utils',
      'Priority: optional',
      'Architecture: amd64',
      'Maintainer: Falco <cncf-falco-dev@lists.cncf.io>',
      'Installed-Size: 17',
      'Replaces: falco-bpf',
      'Provides: falco-module (= 0.24.0)',
      'Depends: dkms (>= 2.1.0.0), libc6 (>= 2.34)',
      'Conflicts: falco-bpf',
      'Homepage: https://www.falco.org',
      'Description: Container Native Runtime Security',
      ' Watches system calls with a kernel module or a BPF probe and reports what',
      ' breaks its rules.',
    ]);
  });

  it('gives the bpf deb a version of falco to stand for it', async () => {
    const fields = await control(await make('deb-bpf', { version: '0.24.0-rc1' }));
    const of = (name: string) => fields.find((line) => line.startsWith(`${name}: `));
    assert.deepEqual(['Package', 'Version', 'Provides', 'Conflicts', 'Replaces', 'Depends'].map(of), [
      'Package: falco-bpf',
      'Version: 0.24.0~rc1',
      'Provides: falco (= 0.24.0~rc1)',
      'Conflicts: falco',
      'Replaces: falco',
      'Depends: libc6 (>= 2.34)',
    ]);
  });

  it('marks the configuration of a deb, and gives every file an md5sum', async () => {
    const deb = await make('deb-module');
    assert.deepEqual((await run('dpkg-deb', ['-I', deb, 'conffiles'])).stdout.trim().split('\n'), [
      '/etc/falco/falco.yaml',
      '/etc/falco/falco_rules.local.yaml',
      '/etc/falco/rules.available/application_rules.yaml',
    ]);
    const root = await temporaryFolder();
    await run('dpkg-deb', ['-R', deb, root]);
    await run('md5sum', ['--quiet', '--strict', '-c', 'DEBIAN/md5sums'], { cwd: root });
    const files = (await run('find', ['.', '-type', 'f', '!', '-path', './DEBIAN/*'], { cwd: root })).stdout;
    const sums = await fs.readFile(path.join(root, 'DEBIAN/md5sums'), 'utf8');
    assert.equal(sums.split('\n').length, files.split('\n').length);
  });

  it('keeps empty folders, symbolic links and modes in a deb', async () => {
    const { stdout } = await run('dpkg-deb', ['-c', await make('deb-module')]);
    const lines = stdout.split('\n').map((line) => line.replace(/ +/g, ' '));
    for (const line of [
      'drwxr-xr-x root/root 0 2020-09-13 12:26 ./etc/falco/rules.d/',
      'lrwxrwxrwx root/root 0 2020-09-13 12:26 ./usr/share/falco/plugins/README.link -> README',
      '-rw-r--r-- root/root 19 2020-09-13 12:26 ./etc/falco/falco.yaml',
      '-rwxr-xr-x root/root 27 2020-09-13 12:26 ./usr/bin/falco-driver-loader',
    ]) {
      assert.ok(lines.includes(line), line);
    }
  });

  it('writes a changelog that names version and date', async () => {
    const root = await temporaryFolder();
    await run('dpkg-deb', ['-x', await make('deb-bpf'), root]);
    const changelog = gunzipSync(await fs.readFile(path.join(root, 'usr/share/doc/falco-bpf/changelog.gz')));
    assert.match(changelog.toString(), /^falco-bpf \(0\.24\.0\) stable; urgency=medium\n/);
    assert.match(changelog.toString(), / {2}Sun, 13 Sep 2020 12:26:40 \+0000\n$/);
  });

  it('gives the rpms the same relations, no Obsoletes, and what the binary requires', async () => {
    const format = '%{NAME} %{VERSION} %{RELEASE} %{ARCH} %{BUILDTIME} %{BUILDHOST} %{VENDOR}\n';
    const relations =
      '[P %{PROVIDENEVRS}\n][R %{REQUIRENEVRS}\n][C %{CONFLICTNEVRS}\n][O %{OBSOLETENEVRS}\n]';
    assert.deepEqual(await query(await make('rpm-module'), format + relations), [
      'falco 0.24.0 1 x86_64 1600000000 localhost Cloud Native Computing Foundation (CNCF) cncf.io.',
      'P falco-module = 0.24.0',
      'P falco = 0.24.0-1',
      'R dkms',
      'R kernel-devel',
      'R systemd',
      'R libc.so.6()(64bit)',
      'R libc.so.6(GLIBC_2.34)(64bit)',
      'R /bin/sh',
      'C falco-bpf',
    ]);
    assert.deepEqual(await query(await make('rpm-bpf', { version: '0.24.0-rc1' }), format + relations), [
      'falco-bpf 0.24.0~rc1 1 x86_64 1600000000 localhost Cloud Native Computing Foundation (CNCF) cncf.io.',
      'P falco = 0.24.0~rc1',
      'P falco-bpf = 0.24.0~rc1-1',
      'R systemd',
      'R libc.so.6()(64bit)',
      'R libc.so.6(GLIBC_2.34)(64bit)',
      'R /bin/sh',
      'C falco',
    ]);
  });

  it('owns in an rpm its own folders and no shared one, and keeps edited configuration', async () => {
    const lines = await query(
      await make('rpm-bpf'),
      '[%{FILEMODES:perms} %{FILEFLAGS:fflags} %{FILENAMES}\n]',
    );
    assert.deepEqual(lines, [
      'drwxr-xr-x  /etc/falco',
      '-rw-r--r-- cn /etc/falco/falco.yaml',
      '-rw-r--r-- cn /etc/falco/falco_rules.local.yaml',
      '-rw-r--r-- cn /etc/falco/falco_rules.yaml',
      'drwxr-xr-x  /etc/falco/rules.available',
      '-rw-r--r-- cn /etc/falco/rules.available/application_rules.yaml',
      'drwxr-xr-x  /etc/falco/rules.d',
      '-rwxr-xr-x  /usr/bin/falco',
      '-rwxr-xr-x  /usr/bin/falco-driver-loader',
      '-rw-r--r--  /usr/lib/systemd/system/falco.service',
      'drwxr-xr-x  /usr/share/doc/falco-bpf',
      '-rw-r--r-- d /usr/share/doc/falco-bpf/INSTALL',
      'drwxr-xr-x  /usr/share/falco',
      'drwxr-xr-x  /usr/share/falco/plugins',
      '-rw-r--r--  /usr/share/falco/plugins/README',
      'l---------  /usr/share/falco/plugins/README.link',
      'drwxr-xr-x  /usr/src/falco-3aa7a83',
      'drwxr-xr-x  /usr/src/falco-3aa7a83/bpf',
      '-rw-r--r--  /usr/src/falco-3aa7a83/bpf/Makefile',
      '-rw-r--r--  /usr/src/falco-3aa7a83/bpf/maps.h',
      '-rw-r--r--  /usr/src/falco-3aa7a83/bpf/probe.c',
      '-rw-r--r--  /usr/src/falco-3aa7a83/driver_config.h',
    ]);
  });

  it('writes an rpm whose digests hold and whose payload unpacks below the current folder', async () => {
    const rpm = await make('rpm-module');
    assert.match((await run('rpm', ['-K', '--nosignature', rpm])).stdout, /: digests OK$/m);
    assert.deepEqual(await query(rpm, '%{PAYLOADCOMPRESSOR} %{PAYLOADFLAGS}\n'), ['gzip 6']);
    const archive = path.join(await temporaryFolder(), 'payload.cpio');
    await run('sh', ['-c', 'rpm2cpio "$0" >"$1"', rpm, archive]);
    const names = cpioNames(await fs.readFile(archive));
    assert.equal(names.length, 21);
    assert.deepEqual(
      names.filter((name) => !name.startsWith('./')),
      [],
    );
  });

  it('leaves an rpm whose payload is cut off as it is, and nothing beside it', async () => {
    const file = path.join(await temporaryFolder(), 'cut.rpm');
    const whole = await fs.readFile(await make('rpm-module'));
    const cut = whole.subarray(0, whole.length - 100);
    await fs.writeFile(file, cut);
    await assert.rejects(makePayloadRelative(file), /unexpected end of file/);
    assert.deepEqual(await fs.readdir(path.dirname(file)), ['cut.rpm']);
    assert.ok((await fs.readFile(file)).equals(cut));
  });

  it('gives the bpf service the probe and the module service the module', async () => {
    const unit = async (key: string) => {
      const root = await temporaryFolder();
      await run('dpkg-deb', ['-x', await make(key), root]);
      const text = await fs.readFile(path.join(root, 'usr/lib/systemd/system/falco.service'), 'utf8');
      return text.split('\n').filter((line) => /^(Exec|Environment|Type)/.test(line));
    };
    assert.deepEqual(await unit('deb-module'), [
      'Type=simple',
      'ExecStartPre=-/sbin/modprobe falco',
      'ExecStart=/usr/bin/falco',
      'ExecStopPost=-/sbin/rmmod falco',
    ]);
    assert.deepEqual(await unit('deb-bpf'), [
      'Type=simple',
      'Environment=FALCO_BPF_PROBE=',
      'ExecStartPre=+/usr/bin/falco-driver-loader bpf',
      'ExecStart=/usr/bin/falco',
    ]);
  });

  it('packages a second product with the same texts', async () => {
    const options = { name: 'acme-watch', driverVersion: '7' };
    const acmeTree = await makeTree(options);
    for (const { key, from } of catalog.packages) {
      if (from === 'source') continue;
      const spec = await specFor(key, { product: acme, driverVersion: '7' });
      const file = await build(spec, acmeTree);
      assert.match(path.basename(file), /^acme-watch-/);
      if (spec.format !== 'deb') continue;
      const root = await temporaryFolder();
      await run('dpkg-deb', ['-R', file, root]);
      await assert.rejects(run('grep', ['-rqi', 'falco', root]), ({ code }: { code: number }) => code === 1);
      const fields = await control(file);
      // `$` has a meaning in nfpm's own file.
      assert.ok(fields.includes('Description: Watches $HOME for $$'));
      assert.ok(fields.includes('Maintainer: Acme Builders <build@acme.example>'));
      if (key === 'deb-bpf') {
        const unit = await fs.readFile(path.join(root, 'usr/lib/systemd/system/acme-watch.service'), 'utf8');
        assert.match(unit, /^Environment=ACME_WATCH_BPF_PROBE=$/m);
      }
    }
  });

  it('says what is wrong with a row', async () => {
    const replaced = { ...(await specFor('rpm-bpf')), replaces: ['falco'] };
    await assert.rejects(build(replaced), /rpm-bpf: "replaces" is for debs/);
    const nameless = { ...(await specFor('deb-bpf')), package: undefined };
    await assert.rejects(
      build(nameless),
      /deb-bpf.*: no value for @PACKAGE@|deb-bpf: a deb needs a package name/,
    );
    const late = await specFor('deb-bpf');
    late.scripts.posttransaction = 'true\n';
    await assert.rejects(build(late), /deb-bpf: "posttransaction" is a moment of rpm/);
    const driverless = { ...(await specFor('deb-module')), driver: undefined };
    await assert.rejects(build(driverless), /deb-module .*: no value for @MODULE@/);
    const misnamed = await specFor('deb-module');
    misnamed.driver = { dir: 'usr/src/falco-3aa7a83', version: '9' };
    await assert.rejects(
      build(misnamed),
      /the driver's folder usr\/src\/falco-3aa7a83 is not named <dkms name>-9/,
    );
    const wanting = await specFor('deb-module');
    wanting.select = [...wanting.select, { match: '^opt/plugin' }];
    await assert.rejects(build(wanting), /deb-module .*: the tree has nothing that matches \^opt\/plugin/);
  });
});
