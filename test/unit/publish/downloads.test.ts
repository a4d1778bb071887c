import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { Signer } from '../../../provider/gpg';
import { clearText } from '../../../provider/gpgVerify';
import {
  checkDownloads,
  publishDownloads,
  readDownloadsManifest,
  unpublishDownloads,
} from '../../../provider/publish/downloads';
import { PublishedPackage } from '../../../provider/publish/published';
import { openStore } from '../../../provider/store/open';
import { Store } from '../../../provider/store/store';
import { pooled, readsAfterSwap, settingsFor, snapshot, testSigner } from './bench';

const settings = settingsFor('packages/bin');
const date = new Date('2026-01-02T03:04:05Z');

describe('the downloads folder', () => {
  let folder: string;
  let store: Store;
  let signer: Signer;

  before(async () => {
    signer = await testSigner();
  });
  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'downloads-'));
    store = openStore(path.join(folder, 'bucket'));
  });
  afterEach(() => fs.rm(folder, { recursive: true, force: true }));

  async function tarball(version: string, content = version, stack = 'local'): Promise<PublishedPackage> {
    const fileName = `sample-bin-${version}-x86.tar.gz`;
    const file = path.join(folder, fileName);
    await fs.writeFile(file, content);
    const one = await pooled(store, settings.prefix, file, { name: 'sample-bin', version, fileName, stack });
    return { ...one, latestAliases: ['sample-bin-x86.tar.gz'] };
  }
  const publish = (...packages: PublishedPackage[]) =>
    publishDownloads(store, settings, packages, signer, date);
  const text = async (name: string) => (await store.get(`${settings.prefix}/${name}`))?.body.toString();
  const sums = async () => {
    const found = await store.get(`${settings.prefix}/SHA256SUMS.asc`);
    const lines = clearText(found?.body ?? Buffer.alloc(0))?.trim() ?? '';
    return lines.replace(/^[0-9a-f]{64} {2}manifests\/[0-9a-f]{64}\.json\.gz\n?/m, '');
  };

  it('has each file by its name, the newest release without version, and the sums of all', async () => {
    const [first, second, candidate] = await Promise.all([
      tarball('0.23.0'),
      tarball('0.24.0'),
      tarball('0.25.0-rc1'),
    ]);
    await publish(second, candidate);
    await publish(first);
    assert.equal(await text('sample-bin-0.23.0-x86.tar.gz'), '0.23.0');
    assert.equal(await text('sample-bin-x86.tar.gz'), '0.24.0');
    assert.equal(
      await sums(),
      [
        `${first.sha256}  sample-bin-0.23.0-x86.tar.gz`,
        `${second.sha256}  sample-bin-0.24.0-x86.tar.gz`,
        `${candidate.sha256}  sample-bin-0.25.0-rc1-x86.tar.gz`,
        `${second.sha256}  sample-bin-x86.tar.gz`,
      ].join('\n'),
    );
  });

  it('writes nothing when nothing changes', async () => {
    const one = await tarball('0.24.0');
    await publish(one);
    const before = await snapshot(store);
    await publish(one);
    assert.deepEqual(await snapshot(store), before);
  });

  it('does not read the manifest that it has just committed', async () => {
    const { watched, keys } = readsAfterSwap(store);
    await publishDownloads(watched, settings, [await tarball('0.23.0')], signer, date);
    assert.ok(keys.includes(`${settings.prefix}/SHA256SUMS.asc`));
    assert.deepEqual(
      keys.filter((key) => key.endsWith('.json.gz')),
      [],
    );
  });

  it('has each name before it is listed, and its signature', async () => {
    const early: string[] = [];
    const watched = Object.assign(Object.create(store) as Store, {
      async compareAndSwap(key: string, body: Buffer, etag: string | undefined) {
        for (const line of (clearText(body) ?? '').trim().split('\n')) {
          const name = `${settings.prefix}/${line.slice(66)}`;
          const isWhole = (await store.head(name)) && (await store.head(`${name}.asc`));
          if (!isWhole && !line.includes('manifests/')) early.push(line);
        }
        return store.compareAndSwap(key, body, etag);
      },
    });
    await publishDownloads(watched, settings, [await tarball('0.24.0')], signer, date);
    assert.deepEqual(early, []);
  });

  it('adds nothing to a list that somebody else signed or changed, and mends one that was edited', async () => {
    const one = await tarball('0.24.0');
    await publish(one);
    const list = `${settings.prefix}/SHA256SUMS.asc`;
    const [good, before] = [(await store.get(list))?.body ?? Buffer.alloc(0), await sums()];
    const edited = Buffer.from(good.toString().replace(one.sha256, '0'.repeat(64)));
    await store.put(list, edited);
    assert.deepEqual(await checkDownloads(store, settings, [one], signer), [
      `${list} is missing, edited or signed by other keys, or its manifest is gone`,
    ]);
    await publish(one);
    assert.deepEqual(await checkDownloads(store, settings, [one], signer), []);
    assert.equal(await sums(), before);

    // Without the copy there is nothing of ours left to go on from.
    await store.put(list, edited);
    await store.delete(`${settings.prefix}/manifests/SHA256SUMS.asc`);
    const all = await snapshot(store);
    await assert.rejects(publish(one), /is signed by none of our keys, so nothing is added to it/);
    assert.deepEqual(await snapshot(store), all);
  });

  it('finds a file replaced by others of its size and a signature of something else, and mends both', async () => {
    const one = await tarball('0.24.0');
    await publish(one);
    const file = `${settings.prefix}/${one.fileName}`;
    const body = await store.get(file);
    await store.put(file, Buffer.alloc(one.size, 'x'));
    assert.deepEqual(await checkDownloads(store, settings, [one], signer), [`${file} is missing or damaged`]);
    await store.put(`${file}.asc`, await signer.detach(Buffer.from('something else')));
    await store.put(file, body?.body ?? Buffer.alloc(0));
    assert.deepEqual(await checkDownloads(store, settings, [one], signer), [
      `${file}.asc is not a signature of ${one.fileName} by a published key`,
    ]);
    await store.put(file, Buffer.alloc(one.size, 'x'));
    await publish(one);
    assert.deepEqual(await checkDownloads(store, settings, [one], signer), []);
    assert.deepEqual((await store.get(file))?.body, body?.body);
  });

  it('keeps what an older list names for the grace time, and not longer', async () => {
    const [old, next] = [await tarball('0.23.0'), await tarball('0.24.0')];
    const keep = { policy: { stack: 'local', keep: 1, current: '0.24.0' } };
    await publish(old);
    await publishDownloads(store, settings, [next], signer, date, keep);
    assert.deepEqual(
      (await readDownloadsManifest(store, settings)).entries.map(({ version }) => version),
      ['0.24.0'],
    );
    assert.equal(await text(old.fileName), '0.23.0');
    for (const [i, version] of ['0.25.0', '0.26.0', '0.27.0'].entries()) {
      const now = new Date(Date.now() + (i + 1) * 25 * 3600_000);
      const policy = { stack: 'local', keep: 1, current: version };
      await publishDownloads(store, settings, [await tarball(version)], signer, date, { policy, now });
    }
    assert.equal(await text(old.fileName), undefined);
    assert.equal(await text(`${old.fileName}.asc`), undefined);
    assert.deepEqual(await store.list(`${settings.prefix}/pool/${old.sha256}/`), []);
  });

  it('loses nothing of concurrent publishers', async () => {
    const all = await Promise.all(
      ['0.21.0', '0.22.0', '0.23.0', '0.24.0'].map((version) => tarball(version)),
    );
    await Promise.all(all.map((one) => publish(one)));
    assert.deepEqual(await checkDownloads(store, settings, all, signer), []);
    assert.equal((await sums()).split('\n').length, all.length + 1);
  });

  it('takes away what a stack published, and leaves what others put beside it', async () => {
    const [mine, theirs] = [await tarball('0.24.0'), await tarball('0.23.0', '0.23.0', 'other')];
    await publish(mine, theirs);
    const foreign = [`${settings.prefix}/notes.txt`, `${settings.prefix}/pool/readme`];
    for (const key of foreign) await store.put(key, Buffer.from('foreign'));
    await unpublishDownloads(store, settings, 'local', signer, date);
    assert.equal(await text(mine.fileName), undefined);
    assert.equal(await text('sample-bin-x86.tar.gz'), '0.23.0');
    await unpublishDownloads(store, settings, 'other', signer, date);
    assert.deepEqual(await store.list(`${settings.prefix}/`), foreign);
  });

  it('takes nothing away where it never published', async () => {
    await store.put(`${settings.prefix}/index.html`, Buffer.from('foreign'));
    await store.put(`${settings.prefix}/pool/${'0'.repeat(64)}/file`, Buffer.from('foreign'));
    const before = await snapshot(store);
    await unpublishDownloads(store, settings, 'local', signer, date);
    assert.deepEqual(await snapshot(store), before);
  });

  it('refuses a folder of other means before any write', async () => {
    const one = await tarball('0.24.0');
    await store.put(`${settings.prefix}/SHA256SUMS.asc`, Buffer.from('foreign'));
    const before = await snapshot(store);
    await assert.rejects(publish(one), /has a SHA256SUMS\.asc but no manifest of ours/);
    assert.deepEqual(await snapshot(store), before);
  });
});
