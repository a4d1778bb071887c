/** Ready install trees in tarballs, and the cache of what was unpacked. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { catalog } from '../../../catalog';
import { readTree } from '../../../provider/source/tree';

const ELF_X86_64 = 62;
const layout = { ...catalog.layout, treeShape: [] };

describe('a tree in a tarball', () => {
  let folder: string;
  let before: string;

  beforeEach(async () => {
    before = process.cwd();
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'tree-'));
    process.chdir(folder);
    await fs.mkdir('top/usr/bin', { recursive: true });
    await fs.copyFile('/bin/true', 'top/usr/bin/falco');
    execFileSync('tar', ['-czf', 'tree.tar.gz', 'top']);
  });
  afterEach(async () => {
    process.chdir(before);
    await fs.rm(folder, { recursive: true });
  });

  const read = () => readTree('tree.tar.gz', layout, ELF_X86_64, 'falco');

  it('is unpacked once', async () => {
    const first = await read();
    const { mtimeMs } = await fs.stat(first.folder);
    const second = await read();
    assert.equal(second.folder, first.folder);
    assert.equal((await fs.stat(second.folder)).mtimeMs, mtimeMs);
  });

  it('is unpacked again when the cached files are not what they were', async () => {
    const first = await read();
    await fs.appendFile(path.join(first.folder, 'usr/bin/falco'), 'x');
    assert.deepEqual(await read(), first);
    await fs.rm(path.join(first.folder, 'usr/bin/falco'));
    assert.deepEqual(await read(), first);
  });

  it('is refused when it holds no binary, naming the setting', async () => {
    await fs.rm('top/usr/bin/falco');
    execFileSync('tar', ['-czf', 'tree.tar.gz', 'top']);
    await assert.rejects(read(), /^Error: falco:tree: \S+ has no usr\/bin\/falco; give an installed tree/);
  });
});
