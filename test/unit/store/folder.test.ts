import * as assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { openStore } from '../../../provider/store/folder';
import { ConflictError, ImmutableError, Store } from '../../../provider/store/store';

const run = promisify(execFile);
const sha = (text: string) => createHash('sha256').update(text).digest('hex');

describe('folder store', () => {
  let root: string;
  let store: Store;

  beforeEach(async () => {
    root = await fs.mkdtemp(path.join(os.tmpdir(), 'store-'));
    store = openStore(root);
  });
  afterEach(() => fs.rm(root, { recursive: true, force: true }));

  it('gives undefined for an absent key, for a folder and for a key below an object', async () => {
    await store.put('a/b', Buffer.from('x'));
    for (const key of ['c', 'a', 'a/b/c']) {
      assert.equal(await store.get(key), undefined);
      assert.equal(await store.head(key), undefined);
    }
    await assert.rejects(store.download('c', path.join(root, 'out')), /\/c does not exist\.$/);
    await assert.rejects(store.copy('c', 'd'), /\/c does not exist\.$/);
  });

  it('returns what was put, with modes 0644 and 0755 under any umask', async () => {
    const before = process.umask(0o077);
    try {
      await store.put('a/b/c', Buffer.from('hello'));
    } finally {
      process.umask(before);
    }
    const found = await store.get('a/b/c');
    assert.equal(found?.body.toString(), 'hello');
    assert.deepEqual(await store.head('a/b/c'), { size: 5, etag: found?.etag, sha256: sha('hello') });
    assert.equal((await fs.stat(path.join(root, 'a/b/c'))).mode & 0o777, 0o644);
    assert.equal((await fs.stat(path.join(root, 'a'))).mode & 0o777, 0o755);
    assert.equal((await fs.stat(path.join(root, 'a/b'))).mode & 0o777, 0o755);
  });

  it('refuses keys that clients or stores mistreat, and its private folder', async () => {
    for (const key of ['/a', 'a//b', 'a/../b', 'a+b', 'a~b', 'a b', 'a/', '', '.store/x']) {
      await assert.rejects(store.put(key, Buffer.from('')), /cannot be an object key/, key);
    }
  });

  it('lists by prefix, sorted by code unit, nothing of its own', async () => {
    for (const key of ['p/b', 'p/a/z', 'p/a-x', 'pq', 'P/a']) await store.put(key, Buffer.from('12'));
    assert.deepEqual(await store.list(''), ['P/a', 'p/a-x', 'p/a/z', 'p/b', 'pq']);
    assert.deepEqual(await store.list('p/'), ['p/a-x', 'p/a/z', 'p/b']);
    assert.deepEqual(await store.list('p/a'), ['p/a-x', 'p/a/z']);
    assert.deepEqual(await store.list('none/'), []);
    const [first] = await store.listObjects('pq');
    assert.equal(first.size, 2);
    assert.ok(Math.abs(first.modified.getTime() - Date.now()) < 60_000);
  });

  it('leaves no folder and no private file after the last delete', async () => {
    await store.put('a/b/c', Buffer.from('1'));
    const etag = await store.compareAndSwap('a/d', Buffer.from('2'), undefined);
    await store.delete('a/b/c');
    await store.delete('a/d', etag);
    await store.delete('a/d');
    assert.deepEqual(await fs.readdir(root), []);
  });

  it('keeps immutable objects, repairs damage under a digest key and refuses wrong digests', async () => {
    const key = `pool/${sha('whole')}/file.bin`;
    const file = path.join(root, 'source');
    await fs.writeFile(file, 'whole', { mode: 0o400 });
    await store.putImmutable(key, { file });
    const before = await fs.stat(path.join(root, key));
    await store.putImmutable(key, Buffer.from('whole'));
    assert.equal((await fs.stat(path.join(root, key))).ino, before.ino, 'written again');

    await fs.truncate(path.join(root, key), 3);
    await store.putImmutable(key, { file });
    assert.equal((await store.get(key))?.body.toString(), 'whole');

    await assert.rejects(store.putImmutable(key, Buffer.from('other')), ImmutableError);
    await store.putImmutable('plain', Buffer.from('one'));
    await assert.rejects(store.putImmutable('plain', Buffer.from('two')), /must not change/);
  });

  it('copies independently of the original', async () => {
    await store.put('a', Buffer.from('one'));
    await store.copy('a', 'b/c');
    await fs.appendFile(path.join(root, 'a'), '!');
    assert.equal((await store.get('b/c'))?.body.toString(), 'one');
  });

  it('swaps only what was read', async () => {
    const first = await store.compareAndSwap('x', Buffer.from('1'), undefined);
    await assert.rejects(store.compareAndSwap('x', Buffer.from('2'), undefined), ConflictError);
    const second = await store.compareAndSwap('x', Buffer.from('2'), first);
    assert.equal((await store.get('x'))?.etag, second);
    await assert.rejects(store.compareAndSwap('x', Buffer.from('3'), first), ConflictError);
    await assert.rejects(store.delete('x', first), ConflictError);
    await store.delete('x', second);
    await assert.rejects(store.compareAndSwap('x', Buffer.from('3'), second), ConflictError);
  });

  it('lets one of 16 concurrent swaps win', async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 16 }, (_, i) =>
        openStore(root).compareAndSwap('x', Buffer.from(`${i}`), undefined),
      ),
    );
    const lost = results.filter((r): r is PromiseRejectedResult => r.status === 'rejected');
    assert.equal(lost.length, 15);
    for (const { reason } of lost) assert.ok(reason instanceof ConflictError, String(reason));
  });

  it('counts every increment of four processes', async () => {
    const script = `
      const { openStore } = require(${JSON.stringify(path.resolve('provider/store/folder'))});
      (async () => {
        const store = openStore(${JSON.stringify(root)});
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
  });

  it('takes over the lock and removes the draft of a killed process', async () => {
    const script = `
      const fs = require('fs'), path = require('path');
      const rename = fs.promises.rename;
      fs.promises.rename = () => { console.log('inside'); return new Promise(() => setInterval(() => {}, 1000)); };
      const { openStore } = require(${JSON.stringify(path.resolve('provider/store/folder'))});
      openStore(${JSON.stringify(root)}).compareAndSwap('x', Buffer.from('dead'), undefined);`;
    const child = spawn(process.execPath, ['-r', 'ts-node/register/transpile-only', '-e', script]);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    assert.equal((await fs.readdir(path.join(root, '.store/locks'))).length, 1);
    assert.equal((await fs.readdir(path.join(root, '.store/drafts'))).length, 1);

    await openStore(root).compareAndSwap('x', Buffer.from('alive'), undefined);
    assert.equal((await store.get('x'))?.body.toString(), 'alive');
    assert.deepEqual(await fs.readdir(root), ['x']);
  });

  it('reports an unreadable bucket as an error, not as empty', async () => {
    await fs.symlink('loop', path.join(root, 'loop'));
    await assert.rejects(store.get('loop'), /ELOOP/);
  });

  it('opens folders and file URLs, and says what it cannot open', () => {
    assert.equal(openStore('some/where').url, `file://${path.resolve('some/where')}`);
    assert.equal(openStore('file:///a%20b/c/').url, 'file:///a%20b/c');
    assert.equal(openStore(root, 'http://host/x/').url, 'http://host/x');
    assert.throws(() => openStore('s3://bucket/x'), /S3 is not supported yet/);
    assert.throws(() => openStore('https://host/x'), /neither a folder nor a file:\/\/ URL/);
  });
});
