/** Large files are compressed once for all packages; the bytes do not tell. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createWriteStream } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { buildPackage } from '../../../provider/formats/packageBuild';
import { LARGE, segmentedGzip } from '../../../provider/formats/segmentedGzip';
import { DiskCache } from '../../../provider/diskCache';
import { makeTree, removeFolders, run, specFor, temporaryFolder } from './fixture';

const KEYS = ['deb-module', 'deb-bpf', 'rpm-module', 'rpm-bpf', 'bin'];
/** Text that does not repeat itself in a short distance. */
const text = (seed: string, size: number) => {
  const parts: string[] = [];
  for (let i = 0; parts.length * 64 < size; i++)
    parts.push(createHash('sha256').update(`${seed}${i}`).digest('hex'));
  return Buffer.from(parts.join('').slice(0, size));
};

describe('large files in packages', function () {
  this.timeout(120_000);
  let tree: string;
  const large = text('one', 3 * LARGE + 1);

  before(async () => {
    tree = await makeTree();
    await fs.writeFile(path.join(tree, 'tree/usr/share/falco/plugins/one'), large);
    await fs.writeFile(path.join(tree, 'tree/usr/share/falco/plugins/other'), text('other', LARGE));
    await fs.writeFile(path.join(tree, 'tree/usr/share/falco/plugins/small'), text('small', LARGE - 1));
  });
  after(removeFolders);

  async function packages(folder: string, segments?: DiskCache): Promise<Record<string, string>> {
    const made: Record<string, string> = {};
    await Promise.all(
      KEYS.map(async (key) => {
        const file = path.join(folder, key);
        await buildPackage(await specFor(key), { treeDir: tree, segments }, file);
        made[key] = createHash('sha256')
          .update(await fs.readFile(file))
          .digest('hex');
      }),
    );
    return made;
  }

  it('are compressed once for all of them, and the bytes are those without a store', async () => {
    const folder = await temporaryFolder();
    const plain = await packages(folder);
    const store = path.join(await temporaryFolder(), 'store');
    assert.deepEqual(await packages(folder, new DiskCache(store)), plain);
    const entries = (await fs.readdir(store)).sort();
    assert.equal(entries.length, 2);
    const times = () => Promise.all(entries.map(async (name) => (await fs.stat(path.join(store, name))).ino));
    const before = await times();
    assert.deepEqual(await packages(folder, new DiskCache(store)), plain);
    assert.deepEqual(await times(), before);
  });

  it('come out of every package whole', async () => {
    const folder = await temporaryFolder();
    await packages(folder, new DiskCache(path.join(folder, 'store')));
    const unpack: Record<string, [string, string]> = {
      'deb-module': ['dpkg-deb -x "$0" "$1"', 'usr/share/falco/plugins/one'],
      'rpm-module': ['rpm2cpio "$0" | (cd "$1" && cpio -id --quiet)', 'usr/share/falco/plugins/one'],
      bin: ['tar -xzf "$0" --strip-components=1 -C "$1"', 'usr/share/falco/plugins/one'],
    };
    for (const [key, [command, name]] of Object.entries(unpack)) {
      const to = path.join(folder, `of-${key}`);
      await fs.mkdir(to);
      await run('bash', ['-o', 'pipefail', '-ec', command, path.join(folder, key), to]);
      assert.ok((await fs.readFile(path.join(to, name))).equals(large), key);
    }
    await fs.copyFile(path.join(folder, 'bin'), path.join(folder, 'bin.gz'));
    await run('gzip', ['--test', path.join(folder, 'bin.gz')]);
  });

  it('are compressed again where the store has lost a part of them or confuses them', async () => {
    const folder = await temporaryFolder();
    const store = path.join(folder, 'store');
    const plain = await packages(folder, new DiskCache(store));
    const names = (await fs.readdir(store)).map((name) => path.join(store, name));
    const [one = '', other = ''] = names;
    await fs.copyFile(other, one); // Whole, and of another file.
    await fs.truncate(other, (await fs.stat(other)).size - 100);
    assert.deepEqual(await packages(folder, new DiskCache(store)), plain);
  });

  it('are compressed where nothing can be kept', async () => {
    const folder = await temporaryFolder();
    await fs.writeFile(path.join(folder, 'store'), 'no folder');
    assert.deepEqual(
      await packages(folder, new DiskCache(path.join(folder, 'store'))),
      await packages(folder),
    );
  });

  it('make room for others when they were not used for long', async () => {
    const store = await temporaryFolder();
    const segments = new DiskCache(store, 150);
    const put = async (digest: string) => {
      const found: Buffer[] = [];
      for await (const chunk of segments.get(digest, () => Readable.from([Buffer.alloc(100, digest)])))
        found.push(chunk);
      assert.deepEqual(Buffer.concat(found), Buffer.alloc(100, digest));
    };
    const names = async () => (await fs.readdir(store)).map((name) => name.slice(0, 1)).sort();
    await put('a');
    await put('b');
    assert.deepEqual(await names(), ['a', 'b']);
    const [a] = (await fs.readdir(store)).filter((name) => name.startsWith('a'));
    const long = new Date(Date.now() - 2 * 3_600_000);
    await fs.utimes(path.join(store, a ?? ''), long, long);
    await put('c');
    assert.deepEqual(await names(), ['b', 'c']);
  });

  it('are one stream of an archive that has none, too, and an archive that is not there is an error', async () => {
    const file = path.join(await temporaryFolder(), 'short');
    await fs.writeFile(file, 'short');
    const out = path.join(path.dirname(file), 'out.gz');
    await pipeline(segmentedGzip(file, { start: 0, size: 5 }, []), createWriteStream(out));
    assert.equal(gunzipSync(await fs.readFile(out)).toString(), 'short');
    const missing = segmentedGzip(path.join(path.dirname(file), 'none'), { start: 0, size: 5 }, []);
    await assert.rejects(pipeline(missing, createWriteStream(out)), /ENOENT/);
    const cut = segmentedGzip(file, { start: 0, size: 6 }, []);
    await assert.rejects(pipeline(cut, createWriteStream(out)), /short ends 1 bytes too early$/);
  });
});
