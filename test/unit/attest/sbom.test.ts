/** The real syft on real packages. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import type { Format } from '../../../model';
import { unpackPayload } from '../../../provider/attest/payload';
import { DiskCache } from '../../../provider/diskCache';
import { packageSbom } from '../../../provider/attest/sbom';
import type { SbomSubject } from '../../../provider/attest/spdx';
import { makePayloadRelative } from '../../../provider/formats/rpmPayload';
import { makeDeb, makeRpm } from '../publish/samples';
import { product } from './sampleProduct';

const run = promisify(execFile);

const subject: SbomSubject = {
  ...{ name: 'sample', version: '1.0.0', kind: 'package', identity: 'a'.repeat(64), epoch: 1589302426 },
  product,
};

interface Document {
  packages: { name: string; filesAnalyzed: boolean }[];
  files: { fileName: string; checksums: { algorithm: string; checksumValue: string }[] }[];
}

describe('the SBOM of a package', function () {
  this.timeout(120_000);
  let work: string;

  before(async () => {
    work = await fs.mkdtemp(path.join(os.tmpdir(), 'sbom-'));
  });
  after(() => fs.rm(work, { recursive: true, force: true }));

  const filesIn = async (file: string, format: Format) => {
    const { files } = JSON.parse(await packageSbom(file, format, subject)) as Document;
    return files.map(({ fileName }) => fileName).sort();
  };
  async function tarball(name: string, make: (folder: string) => Promise<void>): Promise<string> {
    const folder = await fs.mkdtemp(path.join(work, 'tree-'));
    await make(folder);
    const file = path.join(work, name);
    await run('tar', ['-C', folder, '-czf', file, '.']);
    return file;
  }

  it('lists the files of a deb, an rpm, a tarball and a single file with both digests', async () => {
    const deb = await makeDeb(work, { name: 'sample', version: '1.0.0' });
    assert.deepEqual(await filesIn(deb, 'deb'), ['./usr/share/sample/content']);
    const { files } = JSON.parse(await packageSbom(deb, 'deb', subject)) as Document;
    assert.deepEqual(files[0]?.checksums, [
      { algorithm: 'SHA1', checksumValue: '7fe70820e08a1aac0ef224d9c66ab66831cc4ab1' },
      {
        algorithm: 'SHA256',
        checksumValue: '434728a410a78f56fc1b5899c3593436e61ab0c731e9072d95e96db290205e53',
      },
    ]);
    const tar = await tarball('sample.tar.gz', async (folder) => {
      await fs.mkdir(path.join(folder, 'top'));
      await fs.writeFile(path.join(folder, 'top', 'README'), 'read me\n');
      await fs.writeFile(path.join(folder, 'top', 'empty'), '');
      await fs.symlink('/etc/passwd', path.join(folder, 'top', 'link'));
    });
    assert.deepEqual(await filesIn(tar, 'tar.gz'), ['./top/README', './top/empty']);
    const single = path.join(work, 'sample.debug');
    await fs.writeFile(single, 'debug\n');
    assert.deepEqual(await filesIn(single, 'debug'), ['./sample.debug']);
  });

  it('is made of what was found in the same contents before, and of what failed nothing is kept', async () => {
    const folder = path.join(work, 'scans');
    const scans = new DiskCache(folder);
    const single = path.join(work, 'once.debug');
    const gone = path.join(work, 'gone');
    const other = { ...subject, name: 'other', identity: 'b'.repeat(64) };
    await fs.writeFile(single, 'debug\n');
    await assert.rejects(packageSbom(gone, 'debug', subject, scans), /ENOENT.*gone/);
    assert.deepEqual(await fs.readdir(folder), []);
    const first = await packageSbom(single, 'debug', subject, scans);
    assert.equal(first, await packageSbom(single, 'debug', subject));
    assert.equal(await packageSbom(gone, 'debug', subject, scans), first);
    assert.equal((await fs.readdir(folder)).length, 1);
    await assert.rejects(packageSbom(gone, 'debug', other, scans), /ENOENT.*gone/);
    const named = { ...other, identity: subject.identity };
    assert.match(await packageSbom(gone, 'debug', named, scans), /^ "name": "other",?$/m);
  });

  it('unpacks an rpm as rpm2cpio does', async () => {
    const rpm = await makeRpm(work, { name: 'sample', version: '1.0.0' });
    // Debian's rpmbuild compresses with gzip, as nfpm does.
    await makePayloadRelative(rpm);
    const root = path.join(work, 'rpm-root');
    await unpackPayload(rpm, 'rpm', work, root);
    assert.equal(await fs.readFile(path.join(root, 'usr/share/sample/content'), 'utf8'), 'content\n');
  });

  it('lists the modules that a program in Go has inside', async () => {
    const crane = (await run('which', ['crane'])).stdout.trim();
    const tar = await tarball('go.tar.gz', (folder) => fs.copyFile(crane, path.join(folder, 'program')));
    const { packages } = JSON.parse(await packageSbom(tar, 'tar.gz', subject)) as Document;
    assert.ok(packages.some(({ name }) => name === 'github.com/google/go-containerregistry'));
  });

  it('is the same bytes in another folder, time zone and under another umask, whatever syft is told elsewhere', async () => {
    const deb = await makeDeb(work, { name: 'sample', version: '1.0.0' });
    const first = await packageSbom(deb, 'deb', subject);
    const before = { ...process.env };
    const umask = process.umask(0o077);
    try {
      const other = path.join(work, 'another', 'folder');
      await fs.mkdir(other, { recursive: true });
      Object.assign(process.env, {
        TMPDIR: other,
        TZ: 'Pacific/Kiritimati',
        LC_ALL: 'tr_TR.UTF-8',
        SYFT_FILE_METADATA_SELECTION: 'none',
      });
      assert.equal(await packageSbom(deb, 'deb', subject), first);
    } finally {
      process.umask(umask);
      for (const name of ['TMPDIR', 'TZ', 'LC_ALL', 'SYFT_FILE_METADATA_SELECTION']) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
    }
  });

  it('names syft where it is missing', async () => {
    const deb = await makeDeb(work, { name: 'sample', version: '1.0.0' });
    const { PATH } = process.env;
    process.env.PATH = '/nowhere';
    try {
      await assert.rejects(packageSbom(deb, 'deb', subject), /syft-scans is not on PATH/);
    } finally {
      process.env.PATH = PATH;
    }
  });
});
