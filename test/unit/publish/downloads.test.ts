import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { Signer } from '../../../provider/gpg';
import { clearText } from '../../../provider/gpgVerify';
import { publishDownloads, unpublishDownloads } from '../../../provider/publish/downloads';
import { PublishedPackage } from '../../../provider/publish/published';
import { openStore } from '../../../provider/store/open';
import { Store } from '../../../provider/store/store';
import { pooled, settingsFor, snapshot, testSigner } from './bench';

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
    return clearText(found?.body ?? Buffer.alloc(0))?.trim() ?? '';
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

  it('loses nothing of concurrent publishers', async () => {
    const all = await Promise.all(
      ['0.21.0', '0.22.0', '0.23.0', '0.24.0'].map((version) => tarball(version)),
    );
    await Promise.all(all.map((one) => publish(one)));
    await publish(...all);
    assert.equal((await sums()).split('\n').length, all.length + 1);
  });

  it('takes away what a stack published, and leaves what others put beside it', async () => {
    const [mine, theirs] = [await tarball('0.24.0'), await tarball('0.23.0', '0.23.0', 'other')];
    await publish(mine, theirs);
    const foreign = [`${settings.prefix}/notes.txt`, `${settings.prefix}/pool/readme`];
    for (const key of foreign) await store.put(key, Buffer.from('foreign'));
    await unpublishDownloads(store, settings, 'local', signer);
    assert.equal(await text(mine.fileName), undefined);
    assert.equal(await text('sample-bin-x86.tar.gz'), '0.23.0');
    await unpublishDownloads(store, settings, 'other', signer);
    assert.deepEqual(await store.list(`${settings.prefix}/`), foreign);
  });

  it('takes nothing away where it never published', async () => {
    await store.put(`${settings.prefix}/index.html`, Buffer.from('foreign'));
    await store.put(`${settings.prefix}/pool/${'0'.repeat(64)}/file`, Buffer.from('foreign'));
    const before = await snapshot(store);
    await unpublishDownloads(store, settings, 'local', signer);
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
