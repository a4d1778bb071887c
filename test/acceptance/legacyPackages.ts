/** Packages as users have them of before this project: made with dpkg-deb and rpmbuild, without our code. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { run, temporaryFolder } from '../unit/packaging/fixture';

const VERSION = '0.23.0';
const INIT = `#!/bin/sh
### BEGIN INIT INFO
# Provides: falco
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
# Required-Start:
# Required-Stop:
### END INIT INFO
`;
/** Its driver is zzz. The configuration is not the one of the fixture. */
const FILES: [string, string, number?][] = [
  ['etc/falco/falco.yaml', 'json_output: maybe\n'],
  ['etc/falco/falco_rules.yaml', '- list: older\n'],
  ['etc/init.d/falco', INIT, 0o755],
  ['usr/src/falco-zzz/dkms.conf', ''],
  ['usr/bin/falco', '#!/bin/sh\n', 0o755],
];

async function writeAll(folder: string, files: [string, string, number?][]): Promise<void> {
  for (const [file, text, mode = 0o644] of files) {
    await fs.mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await fs.writeFile(path.join(folder, file), text);
    await fs.chmod(path.join(folder, file), mode);
  }
}

/** falco-0.23.0-x86_64.deb, whose service is a sysvinit script. */
export async function legacyDeb(): Promise<string> {
  const folder = await temporaryFolder();
  await writeAll(folder, [
    ...FILES,
    [
      'DEBIAN/control',
      `Package: falco\nVersion: ${VERSION}\nArchitecture: amd64\nMaintainer: x <x@x>\nDepends: dkms\nDescription: x\n`,
    ],
    ['DEBIAN/conffiles', '/etc/falco/falco.yaml\n/etc/falco/falco_rules.yaml\n/etc/init.d/falco\n'],
    ['DEBIAN/postinst', '#!/bin/sh\ndkms add -m falco -v zzz\nupdate-rc.d falco defaults\n', 0o755],
    ['DEBIAN/postrm', '#!/bin/sh\n[ "$1" != purge ] || update-rc.d falco remove\n', 0o755],
    // It leaves the service running, as 0.32's does.
    ['DEBIAN/prerm', '#!/bin/sh\ndkms remove -m falco -v zzz --all\n', 0o755],
  ]);
  await fs.chmod(folder, 0o755);
  const deb = path.join(await temporaryFolder(), `falco-${VERSION}-x86_64.deb`);
  await run('dpkg-deb', ['--root-owner-group', '-b', folder, deb]);
  return deb;
}

/** falco-0.23.0-x86_64.rpm, whose script takes all versions of the module out. */
export async function legacyRpm(): Promise<string> {
  const work = await temporaryFolder();
  const spec = `
Name: falco
Version: ${VERSION}
Release: 1
Summary: x
License: MIT
AutoReqProv: no
Provides: falco = ${VERSION}
%description
x
%preun
echo "falco-driver-loader --clean" >>/recorded
%files
%dir /usr/src/falco-zzz
${FILES.map(([file]) => `${file.startsWith('etc/') ? '%config(noreplace) ' : ''}/${file}`).join('\n')}
`;
  const buildroot = path.join(work, 'root');
  await writeAll(buildroot, FILES);
  await fs.writeFile(path.join(work, 'falco.spec'), spec);
  const defines = {
    ...{ _topdir: `${work}/build`, _dbpath: `${work}/db`, _rpmdir: work },
    ...{ _build_name_fmt: `falco-${VERSION}-x86_64.rpm`, __os_install_post: '%{nil}' },
  };
  const args = Object.entries(defines).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
  // Without %install, the files would be looked for in an emptied folder.
  const rpmbuild = ['-bb', '--quiet', '--target', 'x86_64', '--noclean', '--buildroot', buildroot, ...args];
  await run('rpmbuild', [...rpmbuild, path.join(work, 'falco.spec')]);
  return path.join(work, `falco-${VERSION}-x86_64.rpm`);
}
