/** Small packages of no use, made with the real tools, for the tests of publishing. */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Sample {
  name: string;
  /** As it stands in the package: `~` for pre-releases. */
  version: string;
  /** Text of its only file; another text makes other bytes. */
  content?: string;
  architecture?: string;
  /** Of an rpm. Default: 1. */
  release?: string;
}

async function workFolder(folder: string): Promise<string> {
  await fs.mkdir(folder, { recursive: true });
  return fs.mkdtemp(path.join(folder, 'make-'));
}

/** A deb by dpkg-deb. */
export async function makeDeb(folder: string, sample: Sample): Promise<string> {
  const work = await workFolder(folder);
  const tree = path.join(work, 'tree');
  await fs.mkdir(path.join(tree, 'DEBIAN'), { recursive: true, mode: 0o755 });
  await fs.mkdir(path.join(tree, 'usr/share', sample.name), { recursive: true });
  await fs.writeFile(path.join(tree, 'usr/share', sample.name, 'content'), sample.content ?? 'content\n');
  const control = [
    `Package: ${sample.name}`,
    `Version: ${sample.version}`,
    `Architecture: ${sample.architecture ?? 'amd64'}`,
    'Maintainer: Jane Doe <jane@example.org>',
    'Installed-Size: 12',
    'Section: utils',
    'Priority: optional',
    `Provides: ${sample.name}-module (= ${sample.version})`,
    'Homepage: https://example.org',
    'Description: A sample – nothing more',
    ' Has a second line,',
    ' .',
    ' and a third one.',
  ];
  await fs.writeFile(path.join(tree, 'DEBIAN/control'), `${control.join('\n')}\n`);
  await fs.chmod(path.join(tree, 'DEBIAN'), 0o755);
  const file = path.join(work, `${sample.name}.deb`);
  const env = { ...process.env, SOURCE_DATE_EPOCH: '1600000000' };
  await run('dpkg-deb', ['--root-owner-group', '-Zgzip', '--build', tree, file], { env });
  return file;
}

/** An rpm by rpmbuild, unsigned. */
export async function makeRpm(folder: string, sample: Sample): Promise<string> {
  const work = await workFolder(folder);
  const spec = `
Name: ${sample.name}
Version: ${sample.version}
Release: ${sample.release ?? '1'}
Summary: A sample
License: Apache-2.0
Vendor: Samples & more
Provides: ${sample.name}-module = %{version}
%description
A sample <package>.
%install
mkdir -p %{buildroot}/usr/share/${sample.name}
echo "${sample.content ?? 'content'}" > %{buildroot}/usr/share/${sample.name}/content
find %{buildroot} -exec touch -d @1600000000 {} +
%files
/usr/share/${sample.name}
`;
  await fs.writeFile(path.join(work, 's.spec'), spec);
  const architecture = sample.architecture ?? 'x86_64';
  const defines = [
    `_topdir ${work}/b`,
    `_dbpath ${work}/db`,
    '_build_name_fmt sample.rpm',
    `_rpmdir ${work}`,
  ];
  const args = ['-bb', '--quiet', '--target', architecture, ...defines.flatMap((d) => ['--define', d])];
  const reproducible = ['use_source_date_epoch_as_buildtime 1', '_buildhost localhost'];
  await run(
    'rpmbuild',
    [...args, ...reproducible.flatMap((d) => ['--define', d]), path.join(work, 's.spec')],
    {
      env: { ...process.env, SOURCE_DATE_EPOCH: '1600000000' },
    },
  );
  return path.join(work, 'sample.rpm');
}
