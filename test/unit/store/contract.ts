/** What publishing relies on, of every store. */
import * as assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { openStore } from '../../../provider/store/open';
import { ConflictError, ImmutableError, Store } from '../../../provider/store/store';

const run = promisify(execFile);
export const sha = (text: string) => createHash('sha256').update(text).digest('hex');

/** The tests that both stores pass; `address` gives an empty bucket's address. */
export function storeContract(address: () => string): void {
  let store: Store;
  let folder: string;

  beforeEach(async () => {
    store = openStore(address());
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'contract-'));
  });
  afterEach(() => fs.rm(folder, { recursive: true, force: true }));

  it('gives undefined for an absent key and for a prefix of others', async () => {
    await store.put('a/b', Buffer.from('x'));
    for (const key of ['c', 'a']) {
      assert.equal(await store.get(key), undefined);
      assert.equal(await store.head(key), undefined);
    }
    await assert.rejects(store.download('c', path.join(folder, 'out')), /\/c does not exist\.$/);
    await assert.rejects(store.copy('c', 'd'), /\/c does not exist\.$/);
  });

  it('returns what was put, and tells size and sha256 of it', async () => {
    await store.put('a/b/c', Buffer.from('hello'));
    const found = await store.get('a/b/c');
    assert.equal(found?.body.toString(), 'hello');
    assert.deepEqual(await store.head('a/b/c'), { size: 5, etag: found?.etag, sha256: sha('hello') });
    await store.download('a/b/c', path.join(folder, 'out'));
    assert.equal(await fs.readFile(path.join(folder, 'out'), 'utf8'), 'hello');
    await store.put('a/b/c', Buffer.alloc(0));
    assert.equal((await store.get('a/b/c'))?.body.length, 0);
    assert.notEqual((await store.head('a/b/c'))?.etag, found?.etag);
  });

  it('takes files, large ones too', async () => {
    const file = path.join(folder, 'large');
    const large = Buffer.alloc(40 * 1024 * 1024, 'falco');
    await fs.writeFile(file, large);
    const sha256 = createHash('sha256').update(large).digest('hex');
    const key = `pool/${sha256}/large.bin`;
    await store.putImmutable(key, { file });
    const head = await store.head(key);
    assert.deepEqual([head?.size, head?.sha256], [large.length, sha256]);
    await store.download(key, path.join(folder, 'back'));
    assert.ok((await fs.readFile(path.join(folder, 'back'))).equals(large));
    await store.copy(key, 'named.bin');
    assert.equal((await store.head('named.bin'))?.size, large.length);
  }).timeout(60_000);

  it('refuses keys that clients or stores mistreat', async () => {
    for (const key of ['/a', 'a//b', 'a/../b', 'a+b', 'a~b', 'a b', 'a/', '']) {
      await assert.rejects(store.put(key, Buffer.from('')), /cannot be an object key/, key);
    }
  });

  it('lists by prefix, sorted by code unit', async () => {
    for (const key of ['p/b', 'p/a/z', 'p/a-x', 'pq', 'P/a']) await store.put(key, Buffer.from('12'));
    assert.deepEqual(await store.list(''), ['P/a', 'p/a-x', 'p/a/z', 'p/b', 'pq']);
    assert.deepEqual(await store.list('p/'), ['p/a-x', 'p/a/z', 'p/b']);
    assert.deepEqual(await store.list('p/a'), ['p/a-x', 'p/a/z']);
    assert.deepEqual(await store.list('none/'), []);
    const [first] = await store.listObjects('pq');
    assert.equal(first?.size, 2);
    assert.ok(Math.abs((first?.modified.getTime() ?? 0) - Date.now()) < 60_000);
  });

  it('lists more than a page', async () => {
    const keys = Array.from({ length: 1100 }, (_, i) => `many/${String(i).padStart(4, '0')}`);
    for (let i = 0; i < keys.length; i += 50) {
      await Promise.all(keys.slice(i, i + 50).map((key) => store.put(key, Buffer.from('x'))));
    }
    assert.deepEqual(await store.list('many/'), keys);
  }).timeout(60_000);

  it('keeps immutable objects, and refuses a wrong digest and other bytes', async () => {
    const key = `pool/${sha('whole')}/file.bin`;
    await store.putImmutable(key, Buffer.from('whole'));
    const [before] = await store.listObjects(key);
    await store.putImmutable(key, Buffer.from('whole'));
    assert.deepEqual((await store.listObjects(key))[0], before, 'written again');
    await assert.rejects(store.putImmutable(key, Buffer.from('other')), ImmutableError);
    await store.putImmutable('plain', Buffer.from('one'));
    await assert.rejects(store.putImmutable('plain', Buffer.from('two')), /must not change/);
    assert.equal((await store.get('plain'))?.body.toString(), 'one');
  });

  it('repairs damage under a digest key', async () => {
    const key = `pool/${sha('whole')}/file.bin`;
    await store.put(key, Buffer.from('who'));
    await store.putImmutable(key, Buffer.from('whole'));
    assert.equal((await store.get(key))?.body.toString(), 'whole');
  });

  it('copies independently of the original', async () => {
    await store.put('a', Buffer.from('one'));
    await store.copy('a', 'b/c');
    await store.put('a', Buffer.from('two'));
    assert.equal((await store.get('b/c'))?.body.toString(), 'one');
    assert.equal((await store.head('b/c'))?.sha256, sha('one'));
  });

  it('swaps only what was read', async () => {
    const first = await store.compareAndSwap('x', Buffer.from('1'), undefined);
    await assert.rejects(store.compareAndSwap('x', Buffer.from('2'), undefined), ConflictError);
    const second = await store.compareAndSwap('x', Buffer.from('2'), first);
    assert.equal((await store.get('x'))?.etag, second);
    await assert.rejects(store.compareAndSwap('x', Buffer.from('3'), first), ConflictError);
    await assert.rejects(store.delete('x', first), ConflictError);
    assert.equal((await store.get('x'))?.body.toString(), '2');
    await store.delete('x', second);
    assert.equal(await store.get('x'), undefined);
    await assert.rejects(store.compareAndSwap('x', Buffer.from('3'), second), ConflictError);
    await store.delete('x');
  });

  it('lets one of 16 concurrent swaps win', async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 16 }, (_, i) => store.compareAndSwap('x', Buffer.from(`${i}`), undefined)),
    );
    const lost = results.filter((r): r is PromiseRejectedResult => r.status === 'rejected');
    assert.equal(lost.length, 15);
    for (const { reason } of lost) assert.ok(reason instanceof ConflictError, String(reason));
  });

  it('says what time it has, by the clock of its objects', async () => {
    await store.put('x', Buffer.from('x'));
    const [[one], now] = [await store.listObjects('x'), await store.now()];
    assert.ok(Math.abs(now.getTime() - one.modified.getTime()) < 5000, `${now.toISOString()}`);
  });

  it('counts every increment of four processes', async () => {
    const script = `
      const { openStore } = require(${JSON.stringify(path.resolve('provider/store/open'))});
      (async () => {
        const store = openStore(${JSON.stringify(address())});
        for (let done = 0; done < 25; ) {
          const found = await store.get('counter');
          const next = Number(found?.body.toString() ?? 0) + 1;
          try { await store.compareAndSwap('counter', Buffer.from(String(next)), found?.etag); done++; }
          catch (error) { if (error.name !== 'ConflictError') throw error; }
        }
      })().catch((error) => { console.error(error); process.exit(1); });`;
    const one = () => run(process.execPath, ['-r', 'ts-node/register/transpile-only', '-e', script]);
    await Promise.all([one(), one(), one(), one()]);
    assert.equal((await store.get('counter'))?.body.toString(), '100');
  }).timeout(60_000);
}
