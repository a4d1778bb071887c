import * as assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { parseRpm, readRpm, rpmDigests } from '../../../provider/formats/rpmHeader';
import { yumFragment } from '../../../provider/formats/yumPackage';
import { Element, parseXml, plain } from './xmlTree';

const run = promisify(execFile);

/** A package with every kind of thing that the index tells of a package. */
const SPEC = `
Name: sample
Epoch: 2
Version: 1.2.3~rc1
Release: 4.el9
Summary: A "sample" <with> markup & ümlauts
License: Apache-2.0 AND MIT
Vendor: Some & Vendor
Packager: Jane Doe <jane@example.org>
Group: System/Tools
URL: https://example.org/?a=1&b=2
Provides: sample-module = %{version}
Provides: bundled(thing) = 1.0
Requires: dkms >= 2.1, kernel-devel
Requires: bash < 6, bash < 6, /bin/sh
Requires: /usr/bin/sample
Requires: sample-module = %{version}
Requires: libc.so.6(GLIBC_2.9)(64bit), libc.so.6()(64bit), libc.so.6(GLIBC_2.34)(64bit), libc.so.6(GLIBC_2.4)(64bit)
Requires(pre): shadow-utils
Requires(post): systemd > 1:250-3
Conflicts: sample-bpf <= 9
Obsoletes: oldsample < 1
Recommends: rec
Suggests: sug = 1
Supplements: sup
Enhances: enh >= 2-1
AutoReqProv: no

%description
First line
  second <line> & more

%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/etc/sample %{buildroot}/usr/share/sample %{buildroot}/var/log
echo a > %{buildroot}/usr/bin/sample
echo b > %{buildroot}/etc/sample/sample.yaml
echo c > "%{buildroot}/usr/share/sample/a & b"
touch %{buildroot}/var/log/sample.log

%pre
true
%post -p /sbin/ldconfig
%postun
true

%files
/usr/bin/sample
%config(noreplace) /etc/sample/sample.yaml
%dir /usr/share/sample
"/usr/share/sample/a & b"
%ghost /var/log/sample.log

%changelog
${Array.from(
  { length: 14 },
  (_, i) =>
    `* Mon Jan ${i < 3 ? 20 : 20 - (i % 14)} 2020 Jane <j@e.org> - 1.${14 - i}\n- Change <${14 - i}> & such\n`,
).join('\n')}
`;

async function make(folder: string, spec: string): Promise<string> {
  await fs.mkdir(folder, { recursive: true });
  await fs.writeFile(
    path.join(folder, 's.spec'),
    spec.replace(/Mon (Jan \d+ 2020)/g, (_, day: string) => {
      return `${['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'][new Date(`${day} UTC`).getUTCDay()]} ${day}`;
    }),
  );
  await run('rpmbuild', [
    '-bb',
    '--quiet',
    '--define',
    `_topdir ${folder}/build`,
    '--define',
    '_rpmdir %{_topdir}/out',
    '--define',
    `_dbpath ${folder}/db`,
    '--target',
    'x86_64',
    path.join(folder, 's.spec'),
  ]);
  const out = path.join(folder, 'build/out/x86_64');
  return path.join(out, (await fs.readdir(out))[0]);
}

const without = (elements: Element[], ...names: string[]) =>
  elements.filter(({ name }) => !names.includes(name));

describe('yum index entries of a package', () => {
  let folder: string;
  let file: string;
  before(async function () {
    this.timeout(60_000);
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'yum-'));
    file = await make(folder, SPEC);
  });
  after(() => fs.rm(folder, { recursive: true, force: true }));

  it('say the same as createrepo_c, field by field', async () => {
    const repo = path.join(folder, 'repo');
    await fs.mkdir(repo, { recursive: true });
    await fs.copyFile(file, path.join(repo, 'sample.rpm'));
    await fs.utimes(path.join(repo, 'sample.rpm'), 1600000000, 1600000000);
    await run('createrepo_c', ['--quiet', '--no-database', '--simple-md-filenames', repo]);
    const theirs = async (part: string) =>
      parseXml(gunzipSync(await fs.readFile(path.join(repo, 'repodata', `${part}.xml.gz`))).toString())
        .children[0];
    const bytes = await fs.readFile(file);
    const ours = yumFragment(await readRpm(file), {
      sha256: createHash('sha256').update(bytes).digest('hex'),
      size: bytes.length,
      href: 'sample.rpm',
      time: 1600000000,
    });
    for (const part of ['primary', 'filelists', 'other'] as const) {
      assert.deepEqual(plain(parseXml(ours[part])), plain(await theirs(part)), part);
    }
    const format = without(parseXml(ours.primary).children, '').find(({ name }) => name === 'format');
    assert.equal(format?.children.find(({ name }) => name === 'rpm:requires')?.children.length, 10);
  });

  it('are read from the front of the file alone', async () => {
    const bytes = await fs.readFile(file);
    const { header } = await readRpm(file);
    assert.equal(parseRpm(bytes.subarray(0, header.end)).header.end, header.end);
    assert.throws(() => parseRpm(bytes.subarray(0, header.end - 1)), /ends inside its header/);
  });

  it('name the header digest that rpm itself recorded', async () => {
    const { stdout } = await run('rpm', ['-qp', '--qf', '%{SHA256HEADER} %{PAYLOADDIGEST}', file]);
    const digests = await rpmDigests(file);
    assert.equal(`${digests.header} ${digests.payload}`, stdout);
  });

  it('refuse a file that is no rpm, by name', async () => {
    const other = path.join(folder, 'other.rpm');
    await fs.writeFile(other, 'x'.repeat(500));
    await assert.rejects(readRpm(other), /other\.rpm cannot be read as an rpm: it is no rpm package\.$/);
  });
});
