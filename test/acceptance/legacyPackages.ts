/** Packages as Falco's users have them from before, made by the distributions' own tools and without our code. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { run, temporaryFolder } from '../unit/packaging/fixture';

const INIT = `#!/bin/sh
### BEGIN INIT INFO
# Provides: falco
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
# Required-Start:
# Required-Stop:
### END INIT INFO
`;

/** A falco-0.23.0-x86_64.deb: sysvinit, module zzz by dkms, no unit (`falco-facts.md`, "Package metadata"). */
export async function legacyDeb(): Promise<string> {
  const root = await temporaryFolder();
  const write = async (file: string, text: string, mode = 0o644) => {
    await fs.mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await fs.writeFile(path.join(root, file), text);
    await fs.chmod(path.join(root, file), mode);
  };
  const conffiles = ['/etc/falco/falco.yaml', '/etc/falco/falco_rules.yaml', '/etc/init.d/falco'];
  await write(
    'DEBIAN/control',
    'Package: falco\nVersion: 0.23.0\nArchitecture: amd64\nMaintainer: x <x@x>\nDepends: dkms\nDescription: x\n',
  );
  await write('DEBIAN/conffiles', conffiles.map((file) => `${file}\n`).join(''));
  await write('DEBIAN/postinst', '#!/bin/sh\ndkms add -m falco -v zzz\nupdate-rc.d falco defaults\n', 0o755);
  // It leaves the service running, as 0.32's does.
  await write('DEBIAN/prerm', '#!/bin/sh\ndkms remove -m falco -v zzz --all\n', 0o755);
  await write('etc/falco/falco.yaml', 'json_output: maybe\n');
  await write('etc/falco/falco_rules.yaml', '- list: older\n');
  await write('etc/init.d/falco', INIT, 0o755);
  await write('usr/src/falco-zzz/dkms.conf', '');
  await write('usr/bin/falco', '#!/bin/sh\n', 0o755);
  const deb = path.join(await temporaryFolder(), 'falco-0.23.0-x86_64.deb');
  await run('dpkg-deb', ['--root-owner-group', '-b', root, deb]);
  return deb;
}
