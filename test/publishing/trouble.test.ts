/** Publishing where the machine is in trouble: a full disk, a bucket that cannot be written, a clock that jumps. */
import * as assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { Signer } from '../../provider/gpg';
import { PublishedPackage } from '../../provider/publish/published';
import { openStore as openBucket } from '../../provider/store/open';
import { Store } from '../../provider/store/store';
import { snapshot, testSigner } from '../unit/publish/bench';
import { S3Server, startS3 } from '../unit/store/versitygw';
import { REPOSITORIES, Repository, RepositoryName, repositoryNamed } from './repositories';

const run = promisify(execFile);
const HOUR = 3600 * 1000;
const POINTER = /\/(InRelease|mirrorlist|bin\/SHA256SUMS\.asc)$/;
/** Wherever the bucket lies, clients know it by this. */
const openStore = (bucket: string) => openBucket(bucket, 'https://packages.example.org');

describe('publishing in trouble', function () {
  this.timeout(120_000);
  let work: string;
  let bucket: string;
  let signer: Signer;
  let key: Buffer;

  before(async () => {
    signer = await testSigner();
    key = await signer.publicKey();
  });
  beforeEach(async () => {
    work = await fs.mkdtemp(path.join(os.tmpdir(), 'trouble-'));
    bucket = path.join(work, 'bucket');
    await fs.mkdir(bucket);
  });
  afterEach(() => fs.rm(work, { recursive: true, force: true }));

  const of = (name: RepositoryName) => repositoryNamed(name, signer);
  const shown = (packages: PublishedPackage[]) =>
    packages.map(({ fileName, sha256 }) => `${fileName} ${sha256}`).sort();
  async function seen(repository: Repository, store: Store): Promise<string[] | undefined> {
    return (await repository.client(store, repository.settings, key))?.();
  }

  for (const name of REPOSITORIES) {
    it(`${name}: a full disk stops it with the disk's own word, clients see the old release, and it goes on when there is space`, async () => {
      await run('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', bucket]);
      try {
        const [store, repository] = [openStore(bucket), of(name)];
        const old = await repository.build(store, work, { name: 'sample', version: '1.0.0' });
        await repository.publish(store, [old]);
        const news = await repository.build(store, work, { name: 'sample', version: '1.1.0' });
        const { bavail, bsize } = await fs.statfs(bucket);
        // Room for the blob and some of the indexes.
        await fs.writeFile(
          path.join(bucket, 'ballast'),
          Buffer.alloc(Number(bavail) * Number(bsize) - 16 * 1024),
        );
        await assert.rejects(repository.publish(store, [news]), /ENOSPC|no space left on device/);
        assert.deepEqual(await seen(repository, store), shown([old]));
        await fs.rm(path.join(bucket, 'ballast'));
        await repository.publish(store, [news]);
        assert.deepEqual(await seen(repository, store), shown([old, news]));
        assert.deepEqual(await repository.check(store, [news]), []);
      } finally {
        await run('umount', [bucket]);
      }
    });

    it(`${name}: a folder that cannot be written is an error that names it, and nothing changes`, async () => {
      const [store, repository] = [openStore(bucket), of(name)];
      const old = await repository.build(store, work, { name: 'sample', version: '1.0.0' });
      await repository.publish(store, [old]);
      const news = await repository.build(store, work, { name: 'sample', version: '1.1.0' });
      const before = await snapshot(store);
      await run('mount', ['--bind', bucket, bucket]);
      try {
        await run('mount', ['-o', 'remount,ro,bind', bucket]);
        await assert.rejects(repository.publish(store, [news]), (error: Error) => {
          assert.match(error.message, /EROFS/);
          assert.ok(error.message.includes(bucket), error.message);
          return true;
        });
      } finally {
        await run('umount', [bucket]);
      }
      assert.deepEqual(await snapshot(store), before);
    });

    it(`${name}: a first publication that another overtakes while it reads lists the packages of both`, async () => {
      const repository = of(name);
      for (let overtakenAt = 1; overtakenAt <= 5; overtakenAt++) {
        const store = openStore(path.join(bucket, `${overtakenAt}`));
        const mine = await repository.build(store, work, { name: 'mine', version: '1.0.0' });
        const other = await repository.build(store, work, { name: 'other', version: '1.0.0' }, 'other');
        let reads = 0;
        const overtake = async () => {
          if (++reads === overtakenAt) await repository.publish(store, [other]);
        };
        const slow = Object.assign(Object.create(store) as Store, {
          get: (key: string) => overtake().then(() => store.get(key)),
          list: (prefix: string) => overtake().then(() => store.list(prefix)),
        });
        await repository.publish(slow, [mine]);
        assert.deepEqual(await seen(repository, store), shown([mine, other]), `read ${overtakenAt}`);
        assert.deepEqual(await repository.check(store, [mine]), [], `read ${overtakenAt}`);
      }
    });

    it(`${name}: a removal that was interrupted after the pointer was deleted is finished by the next`, async () => {
      const [store, repository] = [openStore(bucket), of(name)];
      await repository.publish(store, [
        await repository.build(store, work, { name: 'sample', version: '1.0.0' }),
      ]);
      const interrupted = Object.assign(Object.create(store) as Store, {
        async delete(key: string, etag?: string) {
          await store.delete(key, etag);
          if (POINTER.test(key)) throw new Error('the line was cut');
        },
      });
      await assert.rejects(repository.unpublish(interrupted, 'local'), /the line was cut/);
      assert.notDeepEqual(await store.list(repository.settings.prefix), []);
      await repository.unpublish(store, 'local');
      assert.deepEqual(await store.list('packages/'), []);
    });

    it(`${name}: a removal of the last packages leaves a publisher beside it what it needs`, async () => {
      const [store, repository] = [openStore(bucket), of(name)];
      await repository.publish(store, [
        await repository.build(store, work, { name: 'old', version: '1.0.0' }, 'gone'),
      ]);
      const news = await repository.build(store, work, { name: 'sample', version: '1.0.0' });
      // It publishes when the emptied repository's pointer is just gone.
      const beside = Object.assign(Object.create(store) as Store, {
        async delete(key: string, etag?: string) {
          await store.delete(key, etag);
          if (POINTER.test(key)) await repository.publish(store, [news]);
        },
      });
      await repository.unpublish(beside, 'gone');
      assert.deepEqual(await seen(repository, store), shown([news]));
      assert.deepEqual(await repository.check(store, [news]), []);
    });

    it(`${name}: a clock that jumps back neither deletes what clients need nor makes an older index`, async () => {
      const [store, repository] = [openStore(bucket), of(name)];
      const now = Date.now();
      const all: PublishedPackage[] = [];
      for (const [version, hours] of [
        ['1.0.0', 0],
        ['1.1.0', 100],
        ['1.2.0', -100],
        ['1.3.0', 0],
      ] as const) {
        const session = await repository.client(store, repository.settings, key);
        const before = shown(all);
        const one = await repository.build(store, work, { name: 'sample', version });
        await repository.publish(store, [one], new Date(now + hours * HOUR));
        all.push(one);
        // A client that has read the pointer of before still gets the rest of it.
        assert.deepEqual((await session?.()) ?? [], before);
        assert.deepEqual(await seen(repository, store), shown(all));
      }
      assert.deepEqual(await repository.check(store, all), []);
    });
  }

  describe('on S3', () => {
    let server: S3Server;
    before(async () => {
      server = await startS3();
    });
    after(() => server.stop());

    it('a bucket that may only be read is an error that names it, and nothing changes', async () => {
      const repository = of('apt');
      const address = server.bucket('packages');
      const store = openStore(address);
      const old = await repository.build(store, work, { name: 'sample', version: '1.0.0' });
      await repository.publish(store, [old]);
      const news = await repository.build(store, work, { name: 'sample', version: '1.1.0' });
      const folder = path.join(server.folder, 'packages');
      await run('mount', ['--bind', folder, folder]);
      try {
        await run('mount', ['-o', 'remount,ro,bind', folder]);
        await assert.rejects(
          repository.publish(store, [news]),
          /the bucket packages of http:\S+: cannot (write|copy) /,
        );
        assert.deepEqual(await seen(repository, store), shown([old]));
      } finally {
        await run('umount', [folder]);
      }
      await repository.publish(store, [news]);
      assert.deepEqual(await seen(repository, store), shown([old, news]));
    });
  });
});
