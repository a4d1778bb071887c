/** What publishers leave that are killed, slow or beside others, and what the next one makes of it. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { createLocalKey, openSigner, Signer } from '../../provider/gpg';
import { runGpg } from '../../provider/gpgSession';
import { publishApt } from '../../provider/publish/apt';
import { publishDownloads } from '../../provider/publish/downloads';
import { PublishedPackage } from '../../provider/publish/published';
import { openStore } from '../../provider/store/open';
import { Store } from '../../provider/store/store';
import { testSigner } from '../unit/publish/bench';
import { FaultyStore } from './faultyStore';
import { removeBuilt, REPOSITORIES, RepositoryName, repositoryNamed } from './repositories';

const HOUR = 3600 * 1000;
const DATE = new Date('2026-01-02T03:04:05Z');
const KILLED = /the publisher is gone/;
/** In a sample, one write of so many. */
const STRIDE = process.env.FULL === '1' ? 1 : 3;

describe('an interrupted publisher', function () {
  this.timeout(180_000);
  let work: string;
  let store: Store;
  let signer: Signer;

  before(async () => {
    signer = await testSigner();
  });
  beforeEach(async () => {
    work = await fs.mkdtemp(path.join(os.tmpdir(), 'interrupted-'));
    store = openStore(path.join(work, 'bucket'), 'https://packages.example.org');
  });
  afterEach(() => fs.rm(work, { recursive: true, force: true }));

  const of = (name: RepositoryName) => repositoryNamed(name, signer);
  const over = (verbs: Partial<Store>) => Object.assign(Object.create(store) as Store, verbs);
  /** Dies right after it has swapped the pointer. */
  const killedAfterSwap = () =>
    over({
      async compareAndSwap(key, body, etag) {
        await store.compareAndSwap(key, body, etag);
        throw new Error('the publisher is gone');
      },
    });
  const build = (
    name: RepositoryName,
    version: string,
    stack = 'local',
    content?: string,
    sample = 'sample',
  ) =>
    of(name).build(store, work, { name: sample, version, ...(content !== undefined && { content }) }, stack);
  const seen = async (name: RepositoryName) =>
    (await of(name).client(store, of(name).settings, await signer.publicKey()))?.();
  const shown = (packages: PublishedPackage[]) =>
    packages.map(({ fileName, sha256 }) => `${fileName} ${sha256}`).sort();

  for (const name of REPOSITORIES) {
    it(`${name}: killed after its commit: the next one, of another package, writes the names that it left`, async () => {
      const [old, killed] = [await build(name, '1.0.0'), await build(name, '1.1.0')];
      await of(name).publish(store, [old]);
      await assert.rejects(of(name).publish(killedAfterSwap(), [killed]), KILLED);
      await of(name).publish(store, [await build(name, '0.9.0', 'other', undefined, 'beside')]);
      assert.deepEqual(await of(name).check(store, [killed]), []);
    });

    it(`${name}: a removal of all that is cut at any write is finished by the next, to the last object`, async () => {
      const one = await build(name, '1.0.0');
      await of(name).publish(store, [one]);
      await removeBuilt(store, one);
      for (let at = 1, isWhole = false; !isWhole; at += STRIDE) {
        const bucket = path.join(work, `cut-${at}`);
        await fs.cp(path.join(work, 'bucket'), bucket, { recursive: true });
        const copy = openStore(bucket, store.url);
        isWhole = await of(name)
          .unpublish(new FaultyStore(copy, at, 'killed'), 'local')
          .then(
            () => true,
            () => false,
          );
        await of(name).unpublish(copy, 'local');
        assert.deepEqual(await copy.list(''), [], `write ${at}`);
        await fs.rm(bucket, { recursive: true });
      }
    });

    it(`${name}: what it was to delete after the grace time goes with a later publication`, async () => {
      const repository = of(name);
      const at = (hours: number) => new Date(Date.now() + hours * HOUR);
      const old = await build(name, '1.0.0', 'local', 'old');
      await repository.publish(store, [old]);
      await repository.publish(store, [await build(name, '1.0.0', 'local', 'new')]);
      await repository.publish(store, [await build(name, '1.1.0')], at(25));
      await assert.rejects(
        repository.publish(killedAfterSwap(), [await build(name, '1.2.0')], at(50)),
        KILLED,
      );
      assert.notEqual(await store.head(old.key), undefined);
      await repository.publish(store, [await build(name, '1.3.0')], at(51));
      assert.equal(await store.head(old.key), undefined);
    });

    it(`${name}: one that removes leaves what another has published again meanwhile`, async () => {
      const repository = of(name);
      const [mine, kept] = [await build(name, '1.1.0', 'gone'), await build(name, '1.0.0', 'kept')];
      await repository.publish(store, [mine, kept]);
      let isFirst = true;
      const again = { ...mine, stack: 'other' };
      const remover = over({
        async delete(key, etag) {
          if (isFirst) {
            isFirst = false;
            await repository.publish(store, [again]);
          }
          await store.delete(key, etag);
        },
      });
      await repository.unpublish(remover, 'gone');
      assert.deepEqual(await seen(name), shown([kept, mine]));
      assert.deepEqual(await repository.check(store, [again]), []);
    });

    it(`${name}: a lost blob of another release is told and stops no repair`, async () => {
      const repository = of(name);
      const [old, now] = [await build(name, '1.0.0', 'other'), await build(name, '1.1.0')];
      await repository.publish(store, [old]);
      await repository.publish(store, [now]);
      for (const key of await store.list(''))
        if (key.includes('sample-1.0.0') && !key.endsWith('.asc')) await store.delete(key);
      const [copy = ''] = (await store.list(repository.settings.prefix)).filter((key) =>
        /\.(sources|repo)$|index\.html$/.test(key),
      );
      await store.delete(copy);
      await repository.publish(store, [now]);
      assert.notEqual(await store.head(copy), undefined);
      const others = (await repository.check(store, [now])).filter((one) => !one.includes('sample-1.0.0'));
      assert.deepEqual(others, []);
    });

    it(`${name}: what another key has published is not taken back, and nothing is added to it`, async () => {
      const home = path.join(work, 'other-key');
      const { fingerprint } = await createLocalKey({ home, uid: 'Other' });
      await runGpg(home, ['--import'], await signer.publicKey());
      const other = await openSigner({ home, key: fingerprint, setting: 'test:key' });
      const theirs = repositoryNamed(name, other);
      await of(name).publish(store, [await build(name, '1.0.0')]);
      await assert.rejects(theirs.publish(killedAfterSwap(), [await build(name, '1.1.0', 'other')]), KILLED);
      await assert.rejects(
        of(name).publish(store, [await build(name, '1.2.0')]),
        /is signed by none of our keys, so nothing is added to it/,
      );
    });
  }

  it('apt: an index file that another cleans up as unnamed while it is named again is there in the end', async () => {
    const { settings } = of('apt');
    const at = (hours: number) => new Date(Date.now() + hours * HOUR);
    const [a, b, c, d] = await Promise.all(['1.0.0', '2.0.0', '3.0.0', '4.0.0'].map((v) => build('apt', v)));
    const publish = (to: Store, one: PublishedPackage, hours: number, ...withdrawn: string[]) =>
      publishApt(to, settings, [one], signer, DATE, {
        now: at(hours),
        policy: { stack: 'local', withdrawn },
      });
    const listed = async () => {
      const text = (await store.get('packages/deb/dists/stable/InRelease'))?.body.toString() ?? '';
      return /^ ([0-9a-f]{64}) .*Packages\.gz$/m.exec(text)?.[1] ?? '';
    };
    await publish(store, a, 0);
    const file = await listed();
    await publish(store, b, 1, '1.0.0');
    await publish(store, c, 26, '1.0.0');
    let isHit = false;
    const cleaning = over({
      async delete(key, etag) {
        if (!isHit && key.endsWith(file)) {
          isHit = true;
          await publish(store, a, 52, '2.0.0', '3.0.0', '4.0.0');
        }
        await store.delete(key, etag);
      },
    });
    await publish(cleaning, d, 51, '1.0.0');
    assert.deepEqual([isHit, await listed()], [true, file]);
    const byHash = `packages/deb/dists/stable/main/binary-amd64/by-hash/SHA256/${file}`;
    assert.notEqual(await store.head(byHash), undefined);
  });

  describe('of downloads', () => {
    const { settings } = repositoryNamed('downloads', {} as Signer);
    const publish = (to: Store, one: PublishedPackage) =>
      publishDownloads(to, settings, [one], signer, DATE, { immutable: true });
    const bytes = async (one: PublishedPackage) =>
      (await store.head(`${settings.prefix}/${one.fileName}`))?.sha256;

    it('does not write over the name of one who was faster', async () => {
      await publish(store, await build('downloads', '1.0.0'));
      const [mine, theirs] = [
        await build('downloads', '1.1.0', 'mine', 'mine'),
        await build('downloads', '1.1.0', 'theirs', 'theirs'),
      ];
      let isFirst = true;
      const slow = over({
        async head(key) {
          // Between its index files and its names.
          if (isFirst && key === `${settings.prefix}/${mine.fileName}`) {
            isFirst = false;
            await publish(store, theirs);
          }
          return store.head(key);
        },
      });
      await assert.rejects(publish(slow, mine), /1\.1\.0-x86\.tar\.gz is released with sha256/);
      assert.equal(await bytes(theirs), theirs.sha256);
    });

    it('takes a name that its publisher takes back while it is looked at', async () => {
      const mine = await build('downloads', '1.0.0');
      const key = `${settings.prefix}/${mine.fileName}`;
      const theirs = Buffer.from('theirs');
      await store.put(key, theirs);
      await store.put(`${key}.asc`, await signer.detach(theirs));
      const slow = over({
        async download(from, to) {
          if (from === key) await store.delete(from);
          await store.download(from, to);
        },
      });
      await publish(slow, mine);
      assert.equal(await bytes(mine), mine.sha256);
    });

    it('leaves nothing under names that were never listed', async () => {
      const mine = await build('downloads', '1.0.0');
      const refusing = over({
        compareAndSwap: () => Promise.reject(new Error('the line was cut')),
      });
      await assert.rejects(publish(refusing, mine), /the line was cut/);
      assert.equal(await bytes(mine), undefined);
    });

    it('leaves a file and a page that others put there as they are', async () => {
      const mine = await build('downloads', '1.0.0');
      const page = `${settings.prefix}/index.html`;
      await store.put(page, Buffer.from('theirs'));
      await assert.rejects(publish(store, mine), /has an index\.html but no manifest of ours/);
      await store.delete(page);
      await store.put(`${settings.prefix}/${mine.fileName}`, Buffer.from('theirs'));
      await assert.rejects(publish(store, mine), /is there and not listed by us: it was made by other means/);
      assert.equal((await store.get(`${settings.prefix}/${mine.fileName}`))?.body.toString(), 'theirs');
    });
  });
});
