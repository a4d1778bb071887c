import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { createLocalKey, openSigner } from '../../../provider/gpg';
import { closeSessions } from '../../../provider/gpgSession';
import { signersOf, textSigners } from '../../../provider/gpgVerify';
import { checkDownloads, publishDownloads } from '../../../provider/publish/downloads';
import { catalog } from '../../../catalog';
import { fingerprintsIn } from '../../../provider/gpgKeys';
import { publishApt } from '../../../provider/publish/apt';
import { settingsOf } from '../../../provider/publish/kinds';
import { openStore } from '../../../provider/store/open';
import { Store } from '../../../provider/store/store';
import { below, removeBuilt, repositories, repositoryNamed } from '../../publishing/repositories';
import { debIn, settingsFor } from './bench';

const DATE = new Date('2026-01-02T03:04:05Z');

describe('a key that is no longer published', function () {
  this.timeout(60_000);
  let work: string;
  let home: string;
  let [old, next] = ['', ''];
  const signer = (key: string, also: { indexKeys?: string[]; publishedKeys?: string[] } = {}) =>
    openSigner({ home, key, setting: 'test:key', ...also });

  before(async () => {
    work = await fs.mkdtemp(path.join(os.tmpdir(), 'dropped-'));
    home = path.join(work, 'home');
    old = (await createLocalKey({ home, uid: 'Old' })).fingerprint;
    next = (await createLocalKey({ home, uid: 'Next' })).fingerprint;
  });
  after(async () => {
    await closeSessions();
    await fs.rm(work, { recursive: true, force: true });
  });

  for (const name of ['apt', 'yum'] as const) {
    it(`${name}: signed nothing that is out, neither an index nor a file, and every signature is of the other`, async () => {
      const store = openStore(path.join(work, name), 'https://packages.example.org');
      const of = async (key: string, also = {}) => repositoryNamed(name, await signer(key, also));
      const first = await of(old, { publishedKeys: [next] });
      const one = await first.build(store, work, { name: 'sample', version: '1.0.0' });
      await first.publish(store, [one]);
      const ascs = async () =>
        (await store.list(`packages/`)).filter((key) => key.endsWith('.deb.asc') || key.endsWith('.rpm.asc'));
      const names = await ascs();
      assert.equal(names.length, 3);
      const all = await (await signer(next, { publishedKeys: [old] })).keyring();
      const signers = () =>
        Promise.all(
          names.map(async (key) => {
            const [file, signature] = [await store.get(key.slice(0, -'.asc'.length)), await store.get(key)];
            return signersOf(file!.body, signature!.body, all);
          }),
        );
      assert.deepEqual(await signers(), [[old], [old], [old]]);

      await (await of(next, { publishedKeys: [old] })).publish(store, [one]);
      assert.deepEqual(await signers(), [[old], [old], [old]], 'a valid signature stays');

      await (await of(next)).publish(store, [one]);
      assert.deepEqual(await signers(), [[next], [next], [next]]);
      assert.deepEqual(await ascs(), names);
      const key = (await store.get(first.settings.publicKey))?.body;
      assert.deepEqual(key, await (await signer(next)).publicKey());
    });
  }

  it('downloads: both sign the sums while both do, and the other alone afterwards, the files too', async () => {
    const store = openStore(path.join(work, 'downloads'), 'https://packages.example.org');
    const settings = settingsFor('packages/bin');
    const [repository] = repositories(await signer(old));
    const made = await repository.build(store, work, { name: 'sample', version: '1.0.0' });
    const one = below('packages/bin', made);
    const all = await (await signer(next, { publishedKeys: [old] })).keyring();
    const sums = async () => textSigners((await store.get('packages/bin/SHA256SUMS.asc'))!.body, all);
    const file = async () => {
      const [body, signature] = await Promise.all([
        store.get(`packages/bin/${one.fileName}`),
        store.get(`packages/bin/${one.fileName}.asc`),
      ]);
      return signersOf(body!.body, signature!.body, all);
    };
    const publish = async (key: string, also = {}) =>
      publishDownloads(store, settings, [one], await signer(key, also), DATE);

    await publish(old, { publishedKeys: [next] });
    assert.deepEqual([await sums(), await file()], [[old], [old]]);
    await publish(next, { indexKeys: [old] });
    assert.deepEqual([await sums(), await file()], [[old, next], [old]]);
    await publish(next);
    assert.deepEqual([await sums(), await file()], [[next], [next]]);
    assert.deepEqual(await checkDownloads(store, settings, [one], await signer(next)), []);
    assert.deepEqual(await checkDownloads(store, settings, [one], await signer(old)), [
      'packages/sample-packages.asc is missing or edited',
      'packages/sample-archive-keyring.gpg is missing or edited',
      'packages/bin/SHA256SUMS.asc is missing, edited or signed by other keys, or its manifest is gone',
      ...['.spdx.json', '.provenance.json', ''].flatMap((end) =>
        [one.fileName, ...one.aliases, ...one.latestAliases].map(
          (name) =>
            `packages/bin/${name}${end}.asc is not a signature of ${one.fileName}${end} by a published key`,
        ),
      ),
    ]);
  });

  it('is looked for in signatures: no file of the other key is read, and a lost one stops nothing', async () => {
    const store = openStore(path.join(work, 'many'), 'https://packages.example.org');
    const of = async (key: string, also = {}) => repositories(await signer(key, also))[0];
    const both = await of(next, { indexKeys: [old] });
    const all = [];
    for (const version of ['1.0.0', '2.0.0', '3.0.0']) {
      const one = await both.build(store, work, { name: 'many', version });
      await both.publish(store, [one]);
      all.push(one);
    }
    await store.delete(all[0].key);
    await removeBuilt(store, all[0]);
    const read: string[] = [];
    const watched = Object.assign(Object.create(store) as Store, {
      download(key: string, file: string) {
        read.push(key.replace(/.*\//, ''));
        return store.download(key, file);
      },
    });
    const last = await of(next);
    const one = await last.build(store, work, { name: 'many', version: '4.0.0' });
    await last.publish(watched, [one]);
    assert.deepEqual(read.sort(), [
      one.fileName,
      `${one.fileName}.provenance.json`,
      `${one.fileName}.spdx.json`,
    ]);
  });

  it('stays in the key files as long as another repository of them is published with it', async () => {
    const store = openStore(path.join(work, 'shared'), 'https://packages.example.org');
    const place = {
      ...{ product: { ...catalog.product, name: 'sample' }, suite: 'stable', component: 'main' },
      ...{ architecture: catalog.architectures[0], publicKey: 'packages/s.asc', keyring: 'packages/s.gpg' },
      sharing: { apt: ['packages/deb', 'packages/deb-dev'], yum: [], downloads: [] },
    };
    const settings = (prefix: string) => settingsOf({ ...place, prefix });
    const publish = async (prefix: string, key: string) => {
      const one = await debIn(store, path.join(work, 'debs'), { name: 'sample', version: '1.0.0' });
      const key_ = one.key.replace('packages/deb/', `${prefix}/`);
      if (key_ !== one.key) await store.copy(one.key, key_);
      await publishApt(store, settings(prefix), [{ ...one, key: key_ }], await signer(key), DATE);
    };
    const published = async () => fingerprintsIn((await store.get('packages/s.gpg'))!.body);
    await publish('packages/deb', next);
    await publish('packages/deb-dev', old);
    assert.deepEqual((await published()).sort(), [old, next].sort());
    await publish('packages/deb-dev', next);
    assert.deepEqual(await published(), [next]);
  });
});
