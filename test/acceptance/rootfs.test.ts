/** Root file systems made by the real mmdebstrap from the real mirror. Needs root. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { makeRootfs, RootfsSettings } from '../../provider/rootfs';
import { hashFile } from '../../provider/source/files';
import { Processes } from '../engine/processes';
import { removeFolders, run, temporaryFolder } from '../unit/packaging/fixture';

/** Smaller than what images start from, and made by the same code. */
const SMALL: RootfsSettings = { distribution: 'debian', suite: 'bookworm', variant: 'essential' };

describe('root file system', function () {
  this.timeout(300_000);
  let cache: string;
  let out: string;
  let first: Awaited<ReturnType<typeof makeRootfs>>;

  before(async () => {
    cache = await temporaryFolder();
    out = path.join(await temporaryFolder(), 'root.tar');
    first = await makeRootfs(SMALL, out, { cacheDir: cache });
  });
  after(removeFolders);

  it('is a tar with /dev and without traces of this machine', async () => {
    assert.equal(await hashFile(out), first.sha256);
    const { stdout } = await run('tar', ['-tf', out], { maxBuffer: 1 << 26 });
    const names = stdout.split('\n');
    assert.ok(names.includes('./etc/debian_version'));
    assert.ok(names.includes('./dev/'));
    for (const name of ['./etc/hostname', './etc/resolv.conf', './dev/null'])
      assert.ok(!names.includes(name), name);
  });

  it('has a list of its packages beside it', async () => {
    const lines = (await fs.readFile(first.packages, 'utf8')).trim().split('\n');
    assert.deepEqual(lines, [...lines].sort());
    const dpkg = lines.map((line) => line.split('\t')).find(([name]) => name === 'dpkg');
    assert.match(dpkg?.[1] ?? '', /^1\.21\./);
    assert.equal(dpkg?.[2], 'amd64');
  });

  it('comes from the cache the next time', async () => {
    const said: string[] = [];
    const again = await makeRootfs(SMALL, out, { cacheDir: cache, onProgress: (line) => said.push(line) });
    assert.deepEqual(again, first);
    assert.deepEqual(said, []);
    assert.equal(await hashFile(out), first.sha256);
  });

  it('is made anew when the cached file was damaged, with the same bytes, and its scripts see no credentials', async () => {
    const handle = await fs.open(first.file, 'r+');
    await handle.write('damage', 1_000_000);
    await handle.close();
    const said: string[] = [];
    const processes = new Processes();
    process.env.GITHUB_TOKEN = 'planted-0123456789';
    const again = await makeRootfs(SMALL, out, {
      cacheDir: cache,
      onProgress: (line) => said.push(line),
    }).finally(() => {
      processes.stop();
      delete process.env.GITHUB_TOKEN;
    });
    const seen = [...processes.environments];
    assert.ok(seen.some((environment) => environment.includes('DPKG_MAINTSCRIPT_NAME=')));
    assert.ok(!seen.some((environment) => environment.includes('planted-0123456789')));
    assert.equal(said[0], `${first.file} is not what was stored; making it anew`);
    assert.equal(again.sha256, first.sha256);
    assert.equal(await hashFile(out), first.sha256);
  });

  it('says what mmdebstrap said when there is no such suite, and leaves nothing behind', async () => {
    const empty = await temporaryFolder();
    await assert.rejects(
      makeRootfs({ ...SMALL, suite: 'no-such-suite' }, out, { cacheDir: empty }),
      /^Error: the debian no-such-suite root file system was not made: mmdebstrap failed with status \d+:\n[^]*no-such-suite/,
    );
    assert.deepEqual(await fs.readdir(empty), []);
  });

  it('names the package to install where there is no mmdebstrap', async () => {
    const { PATH } = process.env;
    process.env.PATH = await temporaryFolder();
    try {
      await assert.rejects(makeRootfs({ ...SMALL, suite: 'trixie' }, out, { cacheDir: cache }), {
        message:
          'the debian trixie root file system cannot be made: mmdebstrap is not installed; install the Debian package mmdebstrap',
      });
    } finally {
      process.env.PATH = PATH;
    }
  });
});
