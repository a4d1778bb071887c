import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { gzipSync } from 'node:zlib';
import { Search, token } from './planted';

/** What builds do in the store of BuildKit: trees come and go, and a packed file is a beginning for a while. */
const OTHERS = `
while :; do
  for i in $(seq 30); do
    mkdir -p tree$i/a/b; touch tree$i/a/b/{1,2,3}
    printf '\\x1f\\x8b\\x08' > packed$i
    rm -rf tree$(((i + 15) % 30)) packed$(((i + 15) % 30))
  done
done`;

describe('the search for secrets', function () {
  this.timeout(120_000);
  const value = token();
  let work: string;
  let search: Search;
  before(async () => {
    work = await fs.mkdtemp(path.join(os.tmpdir(), 'planted-'));
    await fs.mkdir(path.join(work, 'searched'));
    search = await Search.of({ value }, path.join(work, 'patterns'));
  });
  after(() => fs.rm(work, { recursive: true, force: true }));

  it('goes on in a folder where others make, write and delete files meanwhile', async () => {
    const folder = path.join(work, 'searched');
    await fs.writeFile(path.join(folder, 'ours é.gz'), gzipSync(`x ${value} y`));
    const others = spawn('bash', ['-c', OTHERS], { cwd: folder, stdio: 'ignore' });
    const ended = once(others, 'close');
    try {
      for (let round = 0; round < 10; round++)
        assert.deepEqual(await search.folder(folder), [{ file: 'ours é.gz', secret: 'value' }]);
    } finally {
      others.kill();
      await ended;
    }
  });

  it('reads a file whose name is no UTF-8', async () => {
    const folder = path.join(work, 'names');
    await fs.mkdir(folder);
    await fs.writeFile(Buffer.from(`${folder}/caf\xe9`, 'latin1'), value);
    const [hit, ...more] = await search.folder(folder);
    assert.deepEqual([hit?.secret, more], ['value', []]);
  });

  it('stops at a packed file that was there before and cannot be read', async () => {
    const folder = path.join(work, 'broken');
    await fs.mkdir(folder);
    await fs.writeFile(path.join(folder, 'broken.gz'), gzipSync('x').subarray(0, 12));
    await fs.utimes(path.join(folder, 'broken.gz'), 1, 1);
    await assert.rejects(
      search.folder(folder),
      /broken\.gz cannot be searched: [\s\S]*unexpected end of file/,
    );
  });

  it('says that there is nothing to search, where there is no file or no folder', async () => {
    const empty = path.join(work, 'empty');
    await fs.mkdir(empty);
    await assert.rejects(search.folder(empty), /there is nothing to search in/);
    await assert.rejects(search.folder(path.join(work, 'none')), /there is nothing to search in/);
  });
});
